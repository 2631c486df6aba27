"""The OpenAPI document is true: whatever it allows or forbids, the server does as it says."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from hostile import read_scale
from serving import KEY, Server

HERE = Path(__file__).parent
EXAMPLES = read_scale("SOAK_OPERATION_EXAMPLES", 6)

StartServer = Callable[..., Server]


def test_the_server_does_what_the_openapi_document_says(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server(INTERVIEWER_AUTH_FAILURE_LIMIT="100000/minute")
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            f"--config-file={HERE / 'schemathesis.toml'}",
            "run",
            f"{server.url}/openapi.json",
            "--checks=all",
            "--phases=examples,fuzzing,stateful",  # the fourth takes minutes to think of one long string
            f"--max-examples={EXAMPLES}",
            "--seed=1",
            "--generation-database=none",
            "--no-color",
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(HERE), "INTERVIEWER_KEY": KEY},
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    statuses = {json.loads(line).get("status") for line in server.log.splitlines() if '"request"' in line}
    assert {200, 201, 400, 401, 404} <= statuses
    assert not any(status >= 500 for status in statuses)
    assert '"level": "error"' not in server.log
