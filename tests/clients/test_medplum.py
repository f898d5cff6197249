"""A client of another maker and language, @medplum/core, discovers the services and gets the same cards as a bare POST."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.service.test_run import ENVIRONMENT, command, wait_for

HERE = Path(__file__).parent / "medplum"
EXPECTED = json.loads((ROOT / "fhir_fixtures/expected.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the client is installed."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("npm is not here")
    folder = Path(shutil.copytree(HERE, tmp_path_factory.mktemp("client") / "medplum"))
    installed = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                               cwd=folder, capture_output=True, text=True, timeout=300, check=False)  # fmt: skip
    if installed.returncode:
        pytest.skip("the client could not be installed from the package registry")
    return folder


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(command("--port", str(port)), env=ENVIRONMENT | {"MGCDS_TODAY": EXPECTED["today"]},
                               stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        wait_for(f"http://127.0.0.1:{port}/readyz")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.mark.parametrize("number", ["07", "10", "12", "29"])
def test_the_client_gets_the_same_cards(client: Path, base: str, number: str) -> None:
    (file,) = (ROOT / "fhir_fixtures/requests").glob(f"{number}-*.json")
    ran = subprocess.run(
        ["node", "call.mjs", base, str(file)], cwd=client, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    request = json.loads(file.read_text(encoding="utf-8"))
    posted = urllib.request.Request(f"{base}/cds-services/mgcds-{request['hook']}", file.read_bytes(),
                                    {"content-type": "application/json"})  # fmt: skip
    with urllib.request.urlopen(posted, timeout=60) as response:
        bare = json.load(response)
    assert told["answer"] == bare
    assert [card["source"]["topic"]["code"] for card in bare["cards"]] == [
        card["topic"] for card in EXPECTED["requests"][file.name]
    ]
    assert f"mgcds-{request['hook']}" in told["services"]
