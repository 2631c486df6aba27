"""The words: prompts as data with versions, loaded and filled in strictly.

A version is a file `<name>/v<number>.md` that never changes once it is live; `catalog.toml` says which one
that is. A file opens with its front matter (`inputs` and `output`), then come the system message, which has
no inputs and so stays the same from call to call, and the user message with `{{input}}` in its places.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent
_FILE = re.compile(
    r"---\n(?P<front>.*?)\n---\n=== system ===\n(?P<system>.*?)\n=== user ===\n(?P<user>.*)", re.DOTALL
)
_PLACE = re.compile(r"\{\{(\w+)\}\}")


class PromptError(Exception):
    """A prompt file or its inputs are not as declared; the message says which and how."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt ready to be sent; `id` is `<name>@<version>`."""

    id: str
    system: str
    user: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A version of a prompt."""

    name: str
    version: int
    inputs: frozenset[str]
    output: str
    system: str
    user: str

    def render(self, inputs: Mapping[str, str]) -> Rendered:
        """The messages with the inputs in their places; what an input holds is not filled in again.

        Raises `PromptError` if an input is missing or extra.
        """
        if differing := self.inputs ^ inputs.keys():
            raise PromptError(f"{self.name}@{self.version}: missing or extra inputs: {sorted(differing)}")
        user = _PLACE.sub(lambda place: inputs[place[1]], self.user)
        return Rendered(f"{self.name}@{self.version}", self.system, user)


_chosen: dict[str, int] = {}


def load_prompt(name: str, version: int | None = None) -> Prompt:
    """A version of a prompt, by default the one in use. Raises `PromptError` if there is no such file."""
    return _load(name, versions_in_use().get(name) if version is None else version)


def choose_version(name: str, version: int | None) -> None:
    """Use this version of a prompt in this process instead of the live one, or with none the live one again.

    Raises `PromptError` if there is no such version.
    """
    _chosen.pop(name, None)
    if load_prompt(name, version) and version is not None:
        _chosen[name] = version


def versions_in_use() -> dict[str, int]:
    """The version of each prompt that this process uses."""
    return live_versions() | _chosen


@cache
def _load(name: str, number: int | None) -> Prompt:
    path = _FOLDER / name / f"v{number}.md"
    if number is None or not path.is_file():
        raise PromptError(f"there is no prompt {name} in version {number}")
    return _read(path.read_text(encoding="utf-8"), name, number)


@cache
def live_versions() -> dict[str, int]:
    """The version of each prompt that is live."""
    return dict(tomllib.loads((_FOLDER / "catalog.toml").read_text(encoding="utf-8"))["live"])


def _read(text: str, name: str, version: int) -> Prompt:
    found = _FILE.fullmatch(text)
    if found is None:
        raise PromptError(f"{name}@{version}: expected front matter, a system message and a user message")
    front = dict(line.split(": ", 1) for line in found["front"].splitlines())
    if set(front) != {"inputs", "output"}:
        raise PromptError(
            f"{name}@{version}: the front matter must hold inputs and output, not {sorted(front)}"
        )
    inputs = frozenset(front["inputs"].split(", "))
    if differing := inputs ^ set(_PLACE.findall(found["user"])):
        raise PromptError(f"{name}@{version}: declared and used inputs differ: {sorted(differing)}")
    if _PLACE.search(found["system"]):
        raise PromptError(f"{name}@{version}: the system message must not vary")
    return Prompt(name, version, inputs, front["output"], found["system"].strip(), found["user"].strip())
