"""The TypeScript types: of the documents as they are, and of use to a compiler."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # it has no types
import pytest
from typescript import TYPES, NpmMissing, generate, install, run

from api.documents import describe_socket

STRICTLY = (
    "--strict",
    "--noEmit",
    "--target",
    "es2022",
    "--module",
    "esnext",
    "--moduleResolution",
    "bundler",
)
MISTAKES = """\
import { Interviewer } from "./interview";
const interviewer = new Interviewer("http://localhost:8000", "key");
void interviewer.create({ role: "Nurse" });
void interviewer.answer("id", { question_id: 1, answer: "x" });
void interviewer.create({ job_role: "Nurse" }).then((reply) => reply.data);
interviewer.follow("id", () => {})({ type: "answers", data: { answer: "x" } });
interviewer.follow("id", ({ data }) => data.score);
"""


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the generator and the compiler are installed."""
    folder = tmp_path_factory.mktemp("typescript")
    try:
        install(folder)
    except NpmMissing as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    return folder


@pytest.fixture
def sources(tools: Path, tmp_path: Path) -> Path:
    """A copy of the types to compile, beside the compiler."""
    return Path(shutil.copytree(TYPES, tools / tmp_path.name))


def test_the_types_are_those_of_the_documents(tools: Path) -> None:
    for name, text in generate(tools).items():
        assert (TYPES / name).read_text() == text, f"{name} is out of date: make types"


def test_the_compiler_takes_them_at_its_strictest(tools: Path, sources: Path) -> None:
    run(tools, "tsc", *STRICTLY, *(str(path) for path in sources.glob("*.ts")))


def test_the_compiler_finds_every_mistake(tools: Path, sources: Path) -> None:
    (sources / "mistakes.ts").write_text(MISTAKES)
    with pytest.raises(subprocess.CalledProcessError) as found:
        run(tools, "tsc", *STRICTLY, str(sources / "mistakes.ts"))
    lines = re.findall(r"^\S*?(\w+\.ts)\((\d+),", found.value.stdout, flags=re.MULTILINE)
    assert set(lines) == {("mistakes.ts", str(number)) for number in range(3, 8)}


def test_the_asyncapi_document_is_one(tools: Path) -> None:
    specification = tools / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
    schema = json.loads(specification.read_text())
    jsonschema.Draft7Validator(schema).validate(describe_socket())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(schema).validate(describe_socket() | {"channels": []})
