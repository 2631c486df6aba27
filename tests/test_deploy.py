"""What deploy/ holds is whole, valid, and fits the program; both balancers are driven with real servers."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import kubernetes_validate  # type: ignore[import-untyped]  # it has no types
import pytest
import yaml  # type: ignore[import-untyped]  # it has no types
from serving import KEY, Server, clean_environment, create_interview, find_free_port
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from agent.settings import Settings
from api.services import SHUTDOWN_SECONDS
from deploy.cluster import PROGRAM, STOP_SECONDS, Member, choose_balancer

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
MANIFESTS = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.stem != "kustomization")
OPTIONAL = {"network-policy.yaml", "secret.example.yaml"}
PACKAGES = ("agent", "api", "evals", "graphs", "prompts")
PRIVATE = ("/healthz", "/readyz", "/metrics")
KUBERNETES = ("1.31", "1.37")
SETTINGS = {"OPENAI_API_KEY", *(f"INTERVIEWER_{name.upper()}" for name in Settings.model_fields)}
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
HAPROXY = (DEPLOY / "haproxy.cfg").read_text()
PAGE = (ROOT / "docs" / "deployment.md").read_text()
Manifest = dict[str, Any]


def find_program(name: str) -> str:
    """Where a program of the system is; without it the test is skipped, but CI must have it."""
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if not path:
        assert not os.environ.get("CI"), f"CI needs {name}"
        pytest.skip(f"{name} is not installed")
    return path


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A finished command, in the project's folder."""
    return subprocess.run(
        command,
        cwd=ROOT,
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def read_manifest(name: str) -> Manifest:
    """The one object of a manifest."""
    manifest: Manifest = yaml.safe_load((DEPLOY / "kubernetes" / name).read_text())
    return manifest


def read_pods() -> list[Manifest]:
    """The pods of the deployment and of the migration."""
    return [read_manifest(name)["spec"]["template"]["spec"] for name in ("deployment.yaml", "migration.yaml")]


@pytest.fixture(scope="module")
def compose() -> Manifest:
    """The services of the composition, as the command itself understands them."""
    command = (Path(sys.executable).with_name("docker-compose"), "-f", DEPLOY / "compose.yaml", "config")
    done = run(*command, "--format", "json", POSTGRES_PASSWORD="secret")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    services: Manifest = json.loads(done.stdout)["services"]
    return services


# The image


def test_the_dockerfile_passes_its_linter() -> None:
    done = run(Path(sys.executable).with_name("hadolint"), DEPLOY / "Dockerfile")
    assert done.returncode == 0, done.stdout


def read_copied() -> set[str]:
    """What the image takes from the project."""
    lines = re.findall(r"^COPY (?!--from)(.+)", DOCKERFILE, flags=re.MULTILINE)
    return {source for line in lines for source in line.split()[:-1]}


def test_the_context_of_images_holds_what_they_copy_and_nothing_else() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    let_in = {line[1:] for line in lines if line.startswith("!")}
    assert lines[0] == "*"
    assert let_in == read_copied() | {"langgraph.json"}
    assert all((ROOT / name).exists() for name in let_in)


def test_the_package_that_the_image_installs_holds_every_file(tmp_path: Path) -> None:
    for source in read_copied():
        if (ROOT / source).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / source, tmp_path / source, ignore=ignored)
        else:
            shutil.copy(ROOT / source, tmp_path)
    command = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "wheel"))
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = (tmp_path / "wheel").iterdir()
    expected = run("git", "ls-files", *PACKAGES).stdout.splitlines()
    assert len(expected) > 200
    assert {name for name in expected if (ROOT / name).exists()} <= set(ZipFile(wheel).namelist())


def test_the_image_runs_as_nobody_in_particular_and_installs_only_what_is_locked() -> None:
    installs = re.findall(r"\binstall (.+?)(?: \\|$)", DOCKERFILE, flags=re.MULTILINE)
    packages = [line for line in installs if "/opt/interviewer" not in line and " -o " not in line]
    assert "--require-hashes -r requirements.lock" in packages[0]
    assert all("--require-hashes" in line or "--no-index" in line for line in packages)
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, flags=re.MULTILINE)
    assert not re.search(r"(KEY|PASSWORD|TOKEN|SECRET)\s*=", DOCKERFILE)


def test_the_check_of_the_image_tells_a_server_from_none(server: Server) -> None:
    found = re.search(r"^HEALTHCHECK [^\[]+CMD (\[.+\])$", DOCKERFILE, flags=re.MULTILINE)
    assert found
    python, *arguments = json.loads(found[1])
    assert python == "python"
    statuses = [
        run(sys.executable, *arguments, INTERVIEWER_PORT=str(port)).returncode
        for port in (server.port, find_free_port())
    ]
    assert statuses == [0, 1]


# Compose


def test_a_migration_ends_before_three_servers_start(compose: Manifest) -> None:
    servers = [service for name, service in compose.items() if name.startswith("server-")]
    assert len(servers) == 3
    for service in servers:
        assert service["depends_on"]["migration"]["condition"] == "service_completed_successfully"
    assert compose["migration"]["command"] == ["db", "upgrade"]
    assert compose["migration"]["depends_on"]["postgres"]["condition"] == "service_healthy"


def test_only_the_balancer_can_be_reached_and_only_from_this_machine(compose: Manifest) -> None:
    published = {name: service["ports"] for name, service in compose.items() if "ports" in service}
    assert set(published) == {"balancer"}
    assert {port["host_ip"] for port in published["balancer"]} == {"127.0.0.1"}


def test_every_container_has_bounds_and_a_check(compose: Manifest) -> None:
    for name, service in compose.items():
        assert int(service["mem_limit"]) <= 2**30, name
        assert "healthcheck" in service or service["image"].startswith("interviewer:"), name
        assert ":" in service["image"], name
        assert not service["image"].endswith(":latest"), name


def test_the_servers_trust_the_balancer_and_nobody_else(compose: Manifest) -> None:
    trusted = {compose[f"server-{n}"]["environment"]["INTERVIEWER_TRUSTED_PROXIES"] for n in (1, 2, 3)}
    assert trusted == {compose["balancer"]["networks"]["default"]["ipv4_address"]}


def test_no_secret_is_written_down() -> None:
    example = (DEPLOY / ".env.example").read_text()
    assert re.findall(r"^(\w+)=(.+)$", example, flags=re.MULTILINE) == []
    done = run(Path(sys.executable).with_name("docker-compose"), "-f", DEPLOY / "compose.yaml", "config")
    assert done.returncode != 0
    assert "POSTGRES_PASSWORD" in done.stderr
    secret = read_manifest("secret.example.yaml")["stringData"]
    assert all(value == "" or ":PASSWORD@" in value for value in secret.values())


# Kubernetes


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_a_manifest_is_what_kubernetes_expects(path: Path, version: str) -> None:
    for manifest in yaml.safe_load_all(path.read_text()):
        kubernetes_validate.validate(manifest, version, strict=True)


def test_the_schemas_refuse_a_field_that_does_not_exist() -> None:
    manifest = read_manifest("service.yaml")
    manifest["spec"]["stickiness"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, KUBERNETES[-1], strict=True)


def test_the_kustomization_holds_every_manifest_and_names_the_image() -> None:
    done = run(find_program("kubectl"), "kustomize", DEPLOY / "kubernetes")
    assert done.returncode == 0, done.stderr
    built = {(made["kind"], made["metadata"]["name"]) for made in yaml.safe_load_all(done.stdout)}
    written = [read_manifest(path.name) for path in MANIFESTS if path.name not in OPTIONAL]
    assert built == {(manifest["kind"], manifest["metadata"]["name"]) for manifest in written}
    assert set(re.findall(r"image: (\S+)", done.stdout)) == {"registry.example.com/interviewer:0.1.0"}


def test_pods_may_do_nothing_but_serve() -> None:
    (user,) = re.findall(r"^USER (\d+):\d+$", DOCKERFILE, flags=re.MULTILINE)
    for pod in read_pods():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == int(user)
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(container["resources"]) == {"requests", "limits"}


def test_no_service_can_set_a_setting() -> None:
    """For a service named interviewer, Kubernetes would set INTERVIEWER_PORT to an address."""
    assert all(pod["enableServiceLinks"] is False for pod in read_pods())


def test_a_new_version_takes_over_without_a_gap() -> None:
    spec = read_manifest("deployment.yaml")["spec"]
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert "replicas" not in spec, "the autoscaler says how many there are"
    assert read_manifest("autoscaler.yaml")["spec"]["minReplicas"] >= 2


def test_selectors_find_the_servers_and_not_the_migration() -> None:
    servers, migration = (
        read_manifest(name)["spec"]["template"]["metadata"]["labels"]
        for name in ("deployment.yaml", "migration.yaml")
    )
    for selector in (
        read_manifest("service.yaml")["spec"]["selector"],
        read_manifest("deployment.yaml")["spec"]["selector"]["matchLabels"],
        read_manifest("disruption-budget.yaml")["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= servers.items()
        assert not selector.items() <= migration.items()


def test_probes_ask_what_a_server_answers(server: Server) -> None:
    (container,) = read_pods()[0]["containers"]
    asked = {
        kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")
    }
    assert asked == {"startup": "/healthz", "readiness": "/readyz", "liveness": "/healthz"}
    for path in asked.values():
        assert httpx.get(server.url + path).status_code == 200


def test_the_world_reaches_the_api_and_the_page_and_no_more(server: Server) -> None:
    (rule,) = read_manifest("ingress.yaml")["spec"]["rules"]
    paths = {path["path"]: path["pathType"] for path in rule["http"]["paths"]}
    for path, kind in paths.items():
        if kind == "Exact":
            assert httpx.get(server.url + path).status_code == 200, path
        else:
            assert path in ("/api", "/web")
    assert not set(PRIVATE) & set(paths)


def test_servers_scale_with_a_figure_that_they_report(server: Server) -> None:
    metrics = read_manifest("autoscaler.yaml")["spec"]["metrics"]
    (name,) = (metric["pods"]["metric"]["name"] for metric in metrics if metric["type"] == "Pods")
    assert f"# TYPE {name} gauge" in httpx.get(f"{server.url}/metrics").text


# What must be the same in several places


def test_every_setting_that_is_set_exists(compose: Manifest) -> None:
    named = set(re.findall(r"\b(INTERVIEWER_\w+)", "".join(path.read_text() for path in MANIFESTS)))
    named |= set(re.findall(r"\b(INTERVIEWER_\w+)", DOCKERFILE + HAPROXY + PAGE))
    named |= {name for service in compose.values() for name in service.get("environment", {})}
    others = {
        "POSTGRES_USER",
        "POSTGRES_DB",
        "POSTGRES_PASSWORD",
        "LISTEN",
        "SERVER_1",
        "SERVER_2",
        "SERVER_3",
    }
    assert named - others <= SETTINGS


def test_the_port_is_the_same_everywhere(compose: Manifest) -> None:
    (container,) = read_pods()[0]["containers"]
    (policy,) = read_manifest("network-policy.yaml")["spec"]["ingress"]
    annotations = read_manifest("deployment.yaml")["spec"]["template"]["metadata"]["annotations"]
    ports = {
        *re.findall(r"^EXPOSE (\d+)$|INTERVIEWER_PORT=(\d+)", DOCKERFILE, flags=re.MULTILINE),
        *((address.split(":")[1], "") for address in compose["balancer"]["environment"].values()),
        (read_manifest("configmap.yaml")["data"]["INTERVIEWER_PORT"], ""),
        (str(container["ports"][0]["containerPort"]), ""),
        (str(policy["ports"][0]["port"]), ""),
        (annotations["prometheus.io/port"], ""),
    }
    assert {number for pair in ports for number in pair if number} == {"8000"}


def test_who_stops_a_server_waits_until_it_has_ended(compose: Manifest) -> None:
    pod = read_pods()[0]
    pause = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > pause + SHUTDOWN_SECONDS
    graces = {compose[f"server-{number}"]["stop_grace_period"] for number in (1, 2, 3)}
    assert all(int(grace.removesuffix("s")) > SHUTDOWN_SECONDS for grace in graces)
    assert STOP_SECONDS > SHUTDOWN_SECONDS


def test_the_balancer_is_more_patient_than_the_program() -> None:
    seconds = {name: int(value) for name, value in re.findall(r"timeout (\S+) (\d+)s", HAPROXY)}
    assert seconds["server"] > Settings.model_fields["model_timeout_seconds"].default
    assert seconds["client"] > 2 * Settings.model_fields["ping_seconds"].default
    assert seconds["http-keep-alive"] < Settings.model_fields["request_seconds"].default


# The balancers


class Balanced:
    """Three servers, each with a database of its own, behind a real balancer."""

    def __init__(self, name: str, folder: Path, stack: ExitStack) -> None:
        settings = {
            "INTERVIEWER_API_KEYS": KEY,
            "INTERVIEWER_RATE_LIMIT": "100000/minute",
            "INTERVIEWER_AUTH_FAILURE_LIMIT": "2/minute",
            "INTERVIEWER_TRUSTED_PROXIES": "127.0.0.1",
        }
        self.servers = []
        for number in (1, 2, 3):
            place = folder / str(number)
            place.mkdir()
            self.servers.append(Server(place, settings).start())
            stack.callback(self.servers[-1].kill)
        self.log_file = folder / "balancer.log"
        self.balancer = self._make(name, folder, [server.port for server in self.servers])
        self._serve(stack)

    def _make(self, name: str, folder: Path, ports: list[int]) -> Member:
        port = find_free_port()
        where = {f"SERVER_{n}": f"127.0.0.1:{p}" for n, p in enumerate(ports, start=1)}
        where["LISTEN"] = f"127.0.0.1:{port}"
        command = choose_balancer([name], folder, where)
        shell = ["sh", "-c", 'exec "$@" 2>"$0"', str(self.log_file), *command]
        return Member("balancer", port, shell, clean_environment() | where)

    def _serve(self, stack: ExitStack) -> None:
        self.balancer.start()
        stack.callback(self.balancer.wait)
        stack.callback(self.balancer.terminate)

    @property
    def url(self) -> str:
        """The balancer's address."""
        return self.balancer.url

    def count(self, words: str) -> list[int]:
        """How often each server's log holds some words."""
        return [server.log.count(words) for server in self.servers]


@pytest.fixture(scope="module", params=["haproxy", "nginx"])
def balanced(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balanced]:
    """The servers behind each of the balancers."""
    find_program(request.param)
    with ExitStack() as stack:
        yield Balanced(request.param, tmp_path_factory.mktemp(request.param), stack)


@pytest.mark.parametrize(("name", "flag"), [("haproxy", "-c"), ("nginx", "-t")])
def test_a_balancer_has_nothing_to_say_against_its_file(name: str, flag: str, tmp_path: Path) -> None:
    find_program(name)
    where = {"LISTEN": f"127.0.0.1:{find_free_port()}"}
    where |= {f"SERVER_{number}": f"127.0.0.1:{find_free_port()}" for number in (1, 2, 3)}
    done = run(*choose_balancer([name], tmp_path, where), flag, **where)
    assert done.returncode == 0, done.stderr
    assert not re.search(r"\[(warn|alert|emerg)", done.stdout + done.stderr, flags=re.IGNORECASE), done.stderr


def test_requests_go_to_all_servers_in_turn(balanced: Balanced) -> None:
    for _ in range(9):
        httpx.get(f"{balanced.url}/docs").raise_for_status()
    deadline = time.monotonic() + 10  # a server logs a request after it has answered
    while sum(met := balanced.count('"path": "/docs"')) < 9 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert met == [3, 3, 3]


def test_the_balancer_keeps_the_figures_to_itself(balanced: Balanced) -> None:
    assert httpx.get(f"{balanced.url}/metrics").status_code == 404
    assert httpx.get(f"{balanced.url}/healthz").status_code == 200


def test_a_client_cannot_say_that_it_is_somebody_else(balanced: Balanced) -> None:
    """Each server takes two wrong keys of one client; with a new address each time there would be no end."""
    statuses = [
        httpx.get(
            f"{balanced.url}/api/v1/interviews/unknown",
            headers={"Authorization": "Bearer wrong", "X-Forwarded-For": f"192.0.2.{number}"},
        ).status_code
        for number in range(12)
    ]
    assert statuses == [401] * 6 + [429] * 6


def test_a_socket_works_and_its_key_is_in_no_log(balanced: Balanced) -> None:
    with balanced.servers[0].client() as client:
        interview_id = create_interview(client)
    address = f"{balanced.url.replace('http', 'ws')}/api/v1/ws/interviews/{interview_id}?token={KEY}"
    met = []
    for _ in range(3):  # each has a database of its own here, so one of them knows the interview
        with suppress(InvalidStatus), connect(address) as socket:
            met.append(json.loads(socket.recv(10))["type"])
    assert met == ["question"]
    log = balanced.log_file.read_text()
    assert "balanced" in log
    assert KEY not in log


def test_clients_do_not_notice_that_a_server_goes_and_comes_back(balanced: Balanced) -> None:
    server = balanced.servers[1]
    statuses = set()
    with httpx.Client(base_url=balanced.url) as client:
        for act in (server.stop, lambda: None, server.start, lambda: None):
            act()
            statuses |= {client.get("/docs").status_code for _ in range(30)}
    assert statuses == {200}


# The cluster


def test_a_cluster_without_its_database_ends_with_a_sentence() -> None:
    find_program("haproxy")
    closed = f"postgresql+psycopg://postgres@127.0.0.1:{find_free_port()}/none"
    done = run(sys.executable, DEPLOY / "cluster.py", "--port", "0", INTERVIEWER_DATABASE_URL=closed)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == "cluster: `interviewer db upgrade` ended with status 1"


# The LangGraph server


def test_the_langgraph_server_is_built_from_what_the_context_lets_in(tmp_path: Path) -> None:
    config = json.loads((ROOT / "langgraph.json").read_text())
    command = (Path(PROGRAM).with_name("langgraph"), "dockerfile", tmp_path / "Dockerfile")
    done = run(*command, "--config", ROOT / "langgraph.json", LANGGRAPH_CLI_NO_ANALYTICS="1")
    assert done.returncode == 0, done.stdout + done.stderr
    made = (tmp_path / "Dockerfile").read_text()
    assert "FROM langchain/langgraph-api:3.11" in made
    assert json.dumps(config["graphs"]) in made
    assert json.dumps(config["http"]) in made
    let_in = re.findall(r"^!(.+)", (ROOT / ".dockerignore").read_text(), flags=re.MULTILINE)
    for place in (*config["graphs"].values(), config["http"]["app"]):
        module = place.partition(":")[0].replace(".", "/") + ".py"
        assert any(fnmatch(module, f"{name}/*") for name in let_in), module
