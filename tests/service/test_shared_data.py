"""Third-party requests and the clinical test client, where they stand beside the project; skipped where they do not."""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.settings import read_settings
from tests.conftest import ROOT
from tests.service.conftest import Client

SHARED = ROOT.parent / "shared"
pytestmark = pytest.mark.skipif(not (SHARED / "fhir").is_dir(), reason="the shared test data are not beside the project")
HOOKS = ("patient-view", "order-select", "order-sign", "medication-refill", "encounter-discharge", "appointment-book")


def files() -> list[Path]:
    places = ["requests/*/*.json*", "cds_requests_*/*.json", "ugly/derived/*.json*"]
    found = [path for place in places for path in sorted((SHARED / "fhir").glob(place))]
    return [path for path in found if not path.name.startswith("_")]


def test_every_request_gets_an_answer_that_is_right_in_kind(client: Client) -> None:
    seen = 0
    for path in files():
        body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        try:
            hook = json.loads(body.decode("utf-8-sig")).get("hook")
        except (ValueError, RecursionError):
            hook = "patient-view"
        service = f"mgcds-{hook if hook in HOOKS else 'patient-view'}"
        response = client.http.post(f"/cds-services/{service}", content=body, headers={"content-type": "application/json"})
        answer = response.json()
        if response.status_code == 200:
            states = {rule["state"] for rule in answer["extension"]["org.mgcds.evaluation"]["rules"].values()}
            assert "error" not in states, path.name
        else:
            assert 400 <= response.status_code < 500, path.name
            assert answer["resourceType"] == "OperationOutcome", path.name
        seen += 1
    assert seen > 100


def test_expectations_of_the_ugly_requests(client: Client) -> None:
    """Where cards are expected, 200; the one exception lacks required data and gets the 412 of the contract."""
    expected = json.loads((SHARED / "fhir/ugly/derived/_expect.json").read_text())
    for name, row in expected.items():
        path = SHARED / "fhir/ugly/derived" / name
        body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        status = client.http.post(
            "/cds-services/mgcds-patient-view", content=body, headers={"content-type": "application/json"}
        ).status_code
        if row["expect"] == "cards":
            assert status == (412 if name.startswith("05-missing-key") else 200), name
        elif row["expect"] == "4xx":
            assert 400 <= status < 500, name


@pytest.fixture
def server(library: Library) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = uvicorn.Server(uvicorn.Config(create_app(library, read_settings(port=port)), port=port, log_level="error"))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    running.should_exit = True
    thread.join(timeout=10)


def test_the_clinical_client_agrees_on_every_case_of_our_rules(server: str) -> None:
    styles = "plain,si-units,contained,reference,bid-code" if not os.environ.get("MGCDS_LONG") else "all"
    done = subprocess.run(
        [sys.executable, "run_vignettes.py", "--base", server, "--vignettes", "../clinical/vignettes-dev.yaml",
         "--overrides", "feedback", "--styles", styles, "--workers", "2"],
        cwd=SHARED / "client", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert "337 vignettes" in done.stdout
