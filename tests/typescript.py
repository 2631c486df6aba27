"""Generates clients/typescript from the documents of the API: `make types`, where npm is."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from api import rest
from api.documents import PREFIX, describe_requests, describe_socket

TYPES = Path(__file__).parent.parent / "clients" / "typescript"
PACKAGES = ("openapi-typescript@7.13.0", "typescript@5.9.3", "@asyncapi/specs@6.11.1")
HEADER = "// Generated from /{document} by `make types`; not to be edited.\n\n"


class NpmMissing(Exception):
    """There is no npm here, or it cannot reach its registry."""


def install(folder: Path) -> None:
    """Install what generates and checks the types into a folder. Raises `NpmMissing`."""
    if shutil.which("npm") is None:
        raise NpmMissing("needs npm; on Debian and Ubuntu: apt-get install npm")
    (folder / "package.json").write_text('{"private": true}')
    quiet = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--fetch-retries=1"]
    try:
        done = subprocess.run(
            ["npm", "install", *quiet, *PACKAGES],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NpmMissing("npm reached no registry within five minutes") from None
    if done.returncode != 0:
        raise NpmMissing(f"npm could not install {', '.join(PACKAGES)}: {done.stderr[-500:]}")


def generate(folder: Path) -> dict[str, str]:
    """The generated files by name; the generator is installed in the folder."""
    documents = {"rest": ("openapi.json", read_openapi()), "socket": ("asyncapi.json", wrap_socket())}
    files = {}
    for name, (source, document) in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document))
        optional = "--default-non-nullable=false"  # a request may leave out what has a default
        run(folder, "openapi-typescript", f"{name}.json", optional, "--output", f"{name}.ts")
        text = (folder / f"{name}.ts").read_text()
        files[f"{name}.ts"] = HEADER.format(document=source) + re.sub(
            r"^/\*\*.*?\*/\n+", "", text, flags=re.DOTALL
        )
    return files


def run(folder: Path, tool: str, *arguments: str) -> str:
    """What a tool in the folder printed. Raises `subprocess.CalledProcessError` if it fails."""
    done = subprocess.run(
        [folder / "node_modules" / ".bin" / tool, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        env=os.environ | {"REDOCLY_TELEMETRY": "off"},
    )
    return done.stdout


def read_openapi() -> dict[str, Any]:
    """The OpenAPI document, without a server."""
    app = FastAPI(title="AI Interviewer Agent", version="1")
    app.include_router(rest.router, prefix=PREFIX)
    return describe_requests(app)


def wrap_socket() -> dict[str, Any]:
    """The schemas of the AsyncAPI document where the generator looks for them."""
    document = describe_socket()
    return {
        "openapi": "3.1.0",
        "info": document["info"],
        "paths": {},
        "components": {"schemas": document["components"]["schemas"]},
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print("Installing the generator (a few seconds) ...")  # noqa: T201
        try:
            install(Path(place))
        except NpmMissing as error:
            sys.exit(f"The types were not generated: {error}")
        for name, text in generate(Path(place)).items():
            (TYPES / name).write_text(text)
