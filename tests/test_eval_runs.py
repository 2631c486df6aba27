"""Runs of evaluations, as a user starts them: kept replies, interruptions, misbehaving providers, gates."""

import os
import signal
import subprocess
import time
from itertools import count
from pathlib import Path
from threading import Event

import pytest
from engines import reply
from evaluating import command, evaluate, make_answers, read_results, write_rows
from provider import BROKEN, PROSE, Answer, Provider, serving
from provider_wire import Json
from running import heeding_interrupts
from serving import clean_environment

from api.cli import main

MODEL = "openai:gpt-5-mini"


def grade_reply(_: Json) -> Json:
    """A reply of a model that fits two key points."""
    fields = reply()
    fields["key_points"] = {
        "point_1": {"quote": "index", "coverage": "made"},
        "point_2": {"quote": "", "coverage": "not made"},
    }
    return fields


def paid(url: str) -> dict[str, str]:
    """The settings of a process whose model is at an address."""
    return {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-test", "INTERVIEWER_MODEL_TIMEOUT_SECONDS": "5"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a run of the offline engine over 24 answers was made, in `out`."""
    folder = tmp_path_factory.mktemp("run")
    data = write_rows(folder / "mine.jsonl", make_answers(24))
    done = evaluate(folder, "run", "agreement", "--data", data, "--out", "out", "--min-qwk", "0.2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pearson" in done.stdout
    assert "agreement: 24 of 24" in done.stderr
    return folder


def test_a_run_leaves_figures_a_page_and_a_log(run: Path) -> None:
    results = read_results(run / "out")
    assert results["figures"]["pearson"]["value"] > 0.8
    assert results["versions"]["dataset"] == "mine.jsonl"
    assert len(results["versions"]["dataset_sha256"]) == len(results["versions"]["engine_code"]) == 12
    page = (run / "out" / "report.html").read_text()
    assert "The ten worst disagreements" in page
    assert "://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert list((run / "out" / "logs").glob("*.eval"))
    assert (run / "out" / "plots" / "agreement.svg").is_file()


def test_a_rerun_asks_nothing_and_finds_the_same(tmp_path: Path) -> None:
    data = write_rows(tmp_path / "mine.jsonl", make_answers(6))
    with serving(Provider(replies={"answer_evaluation": grade_reply})) as provider:
        order = ("run", "agreement", "--data", data, "--model", MODEL)
        first = evaluate(tmp_path, *order, "--out", "one", **paid(provider.url))
        asked = len(provider.requests)
        second = evaluate(tmp_path, *order, "--out", "two", **paid(provider.url))
        assert first.returncode == second.returncode == 0, first.stderr + second.stderr
        assert asked == len(provider.requests) == 6
    one, two = (read_results(tmp_path / name) for name in ("one", "two"))
    assert one["figures"] == two["figures"]
    assert one["spent"]["cost_usd"] > 0
    assert two["spent"]["cost_usd"] == 0
    assert two["spent"]["kept"] == 6
    assert "about 6 calls" in first.stdout
    assert "USD" in first.stdout.splitlines()[0]
    assert "about 0 calls (6 more are kept" in second.stdout


def test_a_provider_that_fails_leaves_answers_ungraded_and_never_scores_them(tmp_path: Path) -> None:
    data = write_rows(tmp_path / "mine.jsonl", make_answers(6))

    def answer(request: Json) -> Answer:
        return BROKEN if "number 1" in str(request) else grade_reply(request)

    with serving(Provider(replies={"answer_evaluation": answer})) as provider:
        order = (
            "run",
            "agreement",
            "--data",
            data,
            "--model",
            MODEL,
            "--out",
            "out",
            "--max-ungraded",
            "0.4",
        )
        done = evaluate(tmp_path, *order, **paid(provider.url))
    results = read_results(tmp_path / "out")
    assert sum(results["failures"].values()) == 3
    assert {row["id"] for row in results["rows"]} == {"a0", "a1", "a2"}
    assert all(row["score"] > 0 for row in results["rows"])
    assert "3 trials have no grade" in done.stdout
    assert "have no grade and are in no figure" in (tmp_path / "out" / "report.html").read_text()
    assert done.returncode == 1
    assert "failed: ungraded is 0.500, expected at most 0.4" in done.stdout


def test_a_provider_that_talks_nonsense_grades_nothing_and_fails_the_run(tmp_path: Path) -> None:
    data = write_rows(tmp_path / "mine.jsonl", make_answers(3))
    with serving(Provider(always=PROSE)) as provider:
        done = evaluate(
            tmp_path, "run", "agreement", "--data", data, "--model", MODEL, "--out", "out",
            **paid(provider.url),
        )  # fmt: skip
    assert done.returncode == 1
    assert "failed: nothing could be graded" in done.stdout
    assert "Traceback" not in done.stderr
    assert read_results(tmp_path / "out")["figures"] == {}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill"])
def test_a_run_that_was_interrupted_goes_on(tmp_path: Path, how: signal.Signals) -> None:
    """Five answers are graded and two are under way when it ends; then seven are asked about."""
    data = write_rows(tmp_path / "mine.jsonl", make_answers(12))
    order = ("run", "agreement", "--data", data, "--model", MODEL, "--out", "out", "--at-once", "2")
    over, numbers = Event(), count(1)

    def grade_five(request: Json) -> Json:
        if next(numbers) > 5:
            over.wait(120)
        return grade_reply(request)

    with serving(Provider(replies={"answer_evaluation": grade_five})) as provider:
        patient = paid(provider.url) | {"INTERVIEWER_MODEL_TIMEOUT_SECONDS": "120"}
        process = subprocess.Popen(
            heeding_interrupts(*command(*order)), cwd=tmp_path, env=clean_environment() | patient,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 180
            while len(provider.requests) < 7 and time.monotonic() < deadline:
                time.sleep(0.02)
            os.kill(process.pid, how)
            told, wrong = process.communicate(timeout=60)
        finally:
            process.kill()
            over.set()
        assert len(provider.requests) == 7
        if how == signal.SIGINT:
            assert process.returncode == 130, wrong
            assert "the same command goes on from there" in told
            assert "Traceback" not in wrong
        done = evaluate(tmp_path, *order, **paid(provider.url))
        assert done.returncode == 0, done.stderr
        assert len(provider.requests) == 7 + 7
    results = read_results(tmp_path / "out")
    assert len(results["rows"]) == 12
    assert results["failures"] == {}


def test_a_run_worse_than_its_baseline_fails(run: Path) -> None:
    turned = [row | {"human_score": 1 - row["human_score"]} for row in make_answers(24)]
    data = write_rows(run / "turned.jsonl", turned)
    done = evaluate(run, "run", "agreement", "--data", data, "--out", "worse", "--baseline", "out")
    assert done.returncode == 1
    assert "failed: pearson is worse than the baseline" in done.stdout
    assert "the datasets are not the same" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "charm"), ("agreement", "'charm'")),
        (("run", "agreement", "--min-charm", "1"), ("--min-qwk", "--min-charm")),
        (("run", "agreement", "--min-qwk", "high"), ("--min-qwk", "'high'")),
        (("run", "agreement", "--data", "none.jsonl"), ("none.jsonl",)),
        (("run", "agreement", "--data", "bad.jsonl"), ("line 3", "bad.jsonl")),
        (("run", "interviewer", "--data", "mine.jsonl"), ("--data",)),
        (("run", "agreement", "--model", "parrot"), ("--model", "'parrot'")),
        (("run", "agreement", "--model", MODEL), ("OPENAI_API_KEY",)),
        (("run", "agreement", "--prompt", "evaluate_answer=1"), ("--prompt", "offline")),
        (("run", "agreement", "--baseline", "none.json"), ("none.json",)),
        (("compare", "none", "none"), ("none",)),
        (("report", "."), ("results.json",)),
        (("view", "none"), ("none",)),
    ],
)
def test_what_cannot_be_run_is_told_in_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    words: tuple[str, ...],
) -> None:
    write_rows(tmp_path / "mine.jsonl", make_answers(3))
    write_rows(tmp_path / "bad.jsonl", [*make_answers(2), {"id": "x", "human_score": 7}])
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setattr("sys.argv", ["interviewer", "eval", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    told = capsys.readouterr().err
    assert told.startswith("interviewer: ")
    for word in words:
        assert word in told


def test_an_unknown_prompt_version_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    with serving(Provider()) as provider:
        order = ("run", "agreement", "--model", MODEL, "--prompt", "evaluate_answer=99")
        done = evaluate(tmp_path, *order, **paid(provider.url))
        assert provider.requests == []
    assert done.returncode == 1
    assert "there is no prompt evaluate_answer in version 99" in done.stderr
