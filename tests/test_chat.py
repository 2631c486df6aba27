"""`interviewer chat`, as a user runs it: in a pipe and at a terminal."""

import fcntl
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import httpx
import pytest
from running import Terminal, run_interviewer
from serving import KEY, Server, create_interview, submit

SHORT = ("--role", "Nurse", "--minutes", "10")
NURSE = (*SHORT, "--level", "Junior", "--skills", "", "--type", "mixed")
ANSWERED = "I don't know."


def test_a_pipe_gets_an_interview_without_escape_codes(tmp_path: Path) -> None:
    done = run_interviewer(tmp_path, "chat", *SHORT, answers="I don't know.\nI don't know.\n")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    places = [
        done.stdout.index(text)
        for text in ("Question 1 of 2", "Question 2 of 2", "Summary", "Recommendations")
    ]
    assert places == sorted(places)
    assert re.search(r"10 minutes left", done.stdout)
    assert "   0/10  " in done.stdout


def test_the_end_of_input_ends_the_interview_with_its_summary(tmp_path: Path) -> None:
    done = run_interviewer(tmp_path, "chat", answers="")
    assert done.returncode == 0, done.stderr
    assert "Overall score  0 of 100" in done.stdout


def test_answers_go_over_several_lines_and_commands_are_no_answers(server: Server, tmp_path: Path) -> None:
    entries = "first line\\\nsecond line\n\n/help\n/dance\n/end\nnever read\n"
    done = chat_with(server, tmp_path, *SHORT, "--transcript", "t.md", answers=entries)
    assert done.returncode == 0, done.stderr
    assert "/quit  leave" in done.stdout
    assert "There is no command /dance" in done.stdout
    transcript = (tmp_path / "t.md").read_text()
    assert "> first line\n> second line" in transcript
    assert "never read" not in transcript
    assert transcript.startswith("# Interview: Nurse\n")
    assert "## Summary\n" in transcript


def test_an_interview_that_was_left_goes_on_where_it_was(server: Server, tmp_path: Path) -> None:
    left = chat_with(server, tmp_path, *SHORT, answers="I don't know.\n/quit\n")
    assert left.returncode == 0, left.stderr
    resumed = re.search(r"chat --resume (\w+)", left.stdout)
    assert resumed is not None
    done = chat_with(server, tmp_path, "--resume", resumed[1], answers="I don't know.\n")
    assert "Question 1 of 2" not in done.stdout
    assert "Question 2 of 2" in done.stdout
    assert len(re.findall(r"Question \d +░", done.stdout)) == 2


def test_a_finished_interview_shows_its_result(server: Server, client: httpx.Client, tmp_path: Path) -> None:
    interview_id = create_interview(client)
    submit(client, interview_id, "q1", "I don't know.")
    client.post(f"/interviews/{interview_id}/end")
    done = chat_with(server, tmp_path, "--resume", interview_id)
    assert done.returncode == 0, done.stderr
    assert "Overall score" in done.stdout


def test_an_answer_that_is_refused_can_be_given_again(server: Server, tmp_path: Path) -> None:
    done = chat_with(server, tmp_path, *SHORT, answers="x" * 20_001 + "\nI don't know.\n")
    assert "at most 20000 characters" in done.stdout
    assert done.stdout.count("Question 1 of 2") == 2
    assert "Question 2 of 2" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--resume", "nope"), "There is no interview with this id"),
        (("--key", "wrong-key-0123456789"), "This API key is not valid"),
        (("--key", "", "--url", "http://example.invalid"), "An API key is needed"),
        (("--url", "http://127.0.0.1:1"), "There is no answer from http://127.0.0.1:1"),
        (("--url", "http://[::1"), "is no address of a server"),
        (("--transcript", "missing/t.md"), "missing/t.md"),
    ],
)
def test_what_is_wrong_is_told_in_one_sentence(
    server: Server, tmp_path: Path, arguments: tuple[str, str], sentence: str
) -> None:
    done = chat_with(server, tmp_path, *arguments)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert done.stderr.startswith("interviewer: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_database_in_use_is_named_and_the_way_out_too(tmp_path: Path) -> None:
    running = Server(tmp_path).start()
    try:
        done = run_interviewer(tmp_path, "chat")
        assert done.returncode == 1
        assert "another server already uses" in done.stderr
        near = run_interviewer(tmp_path, "chat", "--url", running.url)  # with the key that lies in the folder
        assert near.returncode == 0, near.stderr
    finally:
        running.kill()


def test_at_a_terminal_what_is_missing_is_asked_for_and_one_can_leave(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat") as terminal:
        terminal.type("Job role", "Carpenter")
        terminal.type("Level", "")
        terminal.type("Skills", "joinery, safety")
        terminal.type("Type", "sing")
        terminal.type("expected one of technical", "technical")
        terminal.type("Minutes", "30")
        terminal.type("30 minutes left[^>]*> ", "I measure twice \\")
        terminal.type("… ", "and cut once.")
        terminal.type(r"/10[\s\S]*> ", "\x1b[200~One pasted line\nand /end in another\x1b[201~")
        terminal.type(r"/10[\s\S]*> ", "/quit")
        screen, status = terminal.finish()
    assert status == 0
    assert "joinery, safety · 30 minutes" in screen
    assert "\x1b[" in screen
    assert "interviewer chat --resume" in screen


def test_an_interrupt_leaves_the_interview_and_no_server_behind(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat", *NURSE) as terminal:
        terminal.expect("> ")
        terminal.interrupt("interviewer chat --resume")
        screen, status = terminal.finish()
    assert status == 130
    assert "Traceback" not in screen
    Server(tmp_path).start().kill()  # the database is free again


def test_a_chat_that_is_killed_leaves_no_server_behind(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat", *NURSE) as terminal:
        terminal.expect("> ")
    wait_until_free(tmp_path)


def test_a_terminal_that_was_closed_is_offered_its_interview_again(tmp_path: Path) -> None:
    with Terminal(tmp_path, "chat", *NURSE) as terminal:
        terminal.type("Question 1 of 2[^>]*> ", ANSWERED)
        terminal.expect("Question 2 of 2[^>]*> ")
    wait_until_free(tmp_path)
    with Terminal(tmp_path, "chat") as terminal:
        terminal.type("Continue it", "y")
        terminal.type("Question 2 of 2[^>]*> ", ANSWERED)
        screen, status = terminal.finish()
    assert status == 0
    assert "Interview: Nurse" in screen
    assert not (tmp_path / "data" / "last-chat").exists()


def test_an_interview_goes_on_by_itself_once_a_killed_server_is_back(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = start_server()
    with Terminal(tmp_path, "chat", *NURSE, "--url", server.url, "--key", KEY) as terminal:
        terminal.expect("Question 1 of 2[^>]*> ")
        server.kill()
        terminal.type("", ANSWERED)
        terminal.expect("The connection broke")
        server.start()
        terminal.type("Question 2 of 2[^>]*> ", ANSWERED)
        screen, status = terminal.finish()
    assert status == 0, screen
    assert "Overall score" in screen


def test_the_last_interview_is_continued_where_it_is_and_without_its_id(
    server: Server, tmp_path: Path
) -> None:
    chat_with(server, tmp_path, *SHORT, "--transcript", "t.md", answers=f"{ANSWERED}\n/quit\n")
    assert not (tmp_path / "t.md").exists()
    last = ("chat", "--resume", "last")
    done = run_interviewer(tmp_path, *last, "--key", KEY, answers=f"{ANSWERED}\n")
    assert "Question 2 of 2" in done.stdout, done.stderr
    assert done.returncode == 0
    over = run_interviewer(tmp_path, *last, "--key", KEY)
    assert over.stderr == "interviewer: There is no unfinished interview here: start one without --resume.\n"
    assert over.returncode == 1


def wait_until_free(folder: Path) -> None:
    """Wait until no server uses the database of the folder."""
    until = time.monotonic() + 20
    with (folder / "data" / "interviewer.db.lock").open() as lock:
        while not is_free(lock):
            assert time.monotonic() < until, "the server is still there"
            time.sleep(0.05)


def is_free(lock: TextIO) -> bool:
    """Whether no server holds the lock of its database."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def chat_with(
    server: Server, folder: Path, *arguments: str, answers: str = ""
) -> "subprocess.CompletedProcess[str]":
    """A chat in a pipe with a running server."""
    given = ("--url", server.url, *(() if "--key" in arguments else ("--key", KEY)))
    return run_interviewer(folder, "chat", *given, *arguments, answers=answers)
