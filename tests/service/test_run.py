"""The service as a process: it starts, answers, logs JSON, stops when told, and refuses what would be unsafe."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mgcds.service.run import warn_of_callers
from mgcds.settings import read_settings
from tests.conftest import ROOT, RULES

CLIENTS = ROOT / "deploy/clients-example.yaml"
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.upper().startswith("MGCDS_")}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "mgcds.cli", "serve", *arguments]


def refused(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), env=ENVIRONMENT | environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_answers_and_stops_when_told(workers: str, tmp_path: Path) -> None:
    environment = ENVIRONMENT | ({} if workers == "1" else {"MGCDS_DATA_DIR": str(tmp_path)})
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        command("--port", str(port), "--workers", workers), env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        ready = wait_for(f"http://127.0.0.1:{port}/readyz")
        assert ready["status"] == "ready"
        with socket.create_connection(("127.0.0.1", port)) as raw:  # a caller that sends no HTTP
            raw.sendall(b"canaryJaneDoe\r\n\r\n")
            assert b" 400 " in raw.recv(200)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "canaryJaneDoe" not in errors
    lines = [json.loads(line) for line in errors.splitlines() if not line.startswith("mgcds:")]
    assert any(line["event"] == "starting" and line["library"] == ready["library"] for line in lines)
    assert sum("ANY CALLER IS ANSWERED" in line["event"] for line in lines) == 1
    said = sum("set MGCDS_DATA_DIR" in line["event"] for line in lines)
    assert said == (1 if workers == "1" else 0)  # memory ends with the process: said once


def test_several_workers_that_would_each_remember_something_else_are_refused() -> None:
    done = refused("--workers", "2")
    assert done.returncode == 2
    assert "MGCDS_DATA_DIR" in done.stderr


def test_a_service_that_nobody_signs_in_to_starts_without_what_signing_in_and_fetching_need() -> None:
    """0.2 s of a start, and 17 MB of a worker; with a clients file they are there before the first call."""
    starts = """
import sys
from mgcds.service.run import _try_out
from mgcds.engine.evaluate import Engine
from mgcds.service.worker import from_disk
from mgcds.settings import read_settings
settings = read_settings(public_url="https://cds.example.org")
_try_out(settings, Engine(from_disk(settings)))
print(*({"httpx2", "joserfc", "jinja2", "alembic"} & set(sys.modules)))
"""
    for environment, found in (({}, set()), ({"MGCDS_CLIENTS": str(CLIENTS)}, {"httpx2", "joserfc"})):
        done = subprocess.run([sys.executable, "-c", starts], env=ENVIRONMENT | environment, capture_output=True, text=True,
                              check=True)  # fmt: skip
        assert set(done.stdout.split()) == found


def wait_for(url: str) -> dict[str, str]:
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                found: dict[str, str] = json.load(answer)
                return found
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_bad_library_is_refused_with_every_problem(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(RULES, rules)
    broken = sorted(path for path in rules.glob("*/*.yaml") if path.read_text().startswith("rule:"))[:2]
    for path in broken:
        path.write_text(path.read_text() + "\nnonsense: 1\n")
    done = refused("--rules", str(rules))
    assert done.returncode == 1
    for path in broken:
        assert path.name in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_rules_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    done = refused("--rules", str(tmp_path / name))
    assert done.returncode == 1
    assert "policy.yaml is missing" in done.stdout + done.stderr


def test_it_does_not_leave_loopback_unauthenticated_by_accident() -> None:
    done = refused("--host", "0.0.0.0")
    assert done.returncode == 2
    assert "MGCDS_AUTH=off" in done.stderr


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, ["ANY CALLER IS ANSWERED"]),
        ({"host": "0.0.0.0", "auth": "off"}, ["ANY CALLER IS ANSWERED"]),
        ({"clients": "c.yaml", "auth": "off"}, ["ANY CALLER IS ANSWERED"]),
        (
            {"host": "0.0.0.0", "auth": "off", "public_url": "http://cds.example.org"},
            ["ANY CALLER IS ANSWERED", "PATIENT DATA TRAVEL IN THE CLEAR"],
        ),
        ({"clients": "c.yaml", "public_url": "https://cds.example.org"}, ["USED TOKENS ARE FORGOTTEN"]),
        (
            {"clients": "c.yaml", "public_url": "http://127.0.0.1:8000", "data_dir": "d"},
            ["TOKENS AND PATIENT DATA TRAVEL IN THE CLEAR"],
        ),
        ({"clients": "c.yaml", "public_url": "https://cds.example.org", "data_dir": "d"}, []),
        (
            {
                "clients": "c.yaml",
                "public_url": "https://cds.example.org",
                "pseudonym_key": "sixteen letters or more",
                "database_url": "postgresql://mgcds@localhost/mgcds",
            },
            [],
        ),
    ],
)
def test_it_says_loudly_who_is_let_in_that_should_perhaps_not_be(given: dict[str, str], said: list[str]) -> None:
    with capture_logs() as lines:
        warn_of_callers(read_settings(**given), workers=1)
    assert [line["log_level"] for line in lines] == ["warning"] * len(said)
    assert all(line["event"].startswith(start) for line, start in zip(lines, said, strict=True))


def test_an_audit_file_that_cannot_be_written_is_refused() -> None:
    done = refused(MGCDS_AUDIT_FILE="/nowhere/audit.ndjson")
    assert done.returncode == 2
    assert "MGCDS_AUDIT_FILE" in done.stderr


def test_a_bad_clients_file_is_refused_with_every_problem_and_its_place(tmp_path: Path) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text(
        "clients:\n  - name: General Hospital\n    issuer: https://ehr.example.org\n    key_set: ftp://ehr.example.org\n"
    )
    done = refused(MGCDS_CLIENTS=str(file), MGCDS_PUBLIC_URL="https://cds.example.org")
    assert done.returncode == 2
    assert f"{file}:2:11: name: write it with small letters, digits and hyphens" in done.stderr
    assert f"{file}:4:14: key_set: this is no address" in done.stderr
    assert "mgcds: the clients file cannot be used: 2 problems" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_data_folder_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = refused(MGCDS_DATA_DIR=str(tmp_path / "file"))
    assert done.returncode == 1
    assert "correct MGCDS_DATA_DIR" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
