"""One machine: the systemd unit, the proxy before a real service, and the list of packages."""

from __future__ import annotations

import json
import re
import shutil
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from mgcds.settings import Settings
from tests.conftest import ROOT
from tests.deploy.tools import DEPLOY, run, tool
from tests.service.running import REQUEST, Running, small_library

UNIT = (DEPLOY / "systemd/mgcds.service").read_text(encoding="utf-8")
MOST_EXPOSED = 20  # tenths; systemd calls a unit below 2.0 well protected


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit as it stands, but for the program, which is not installed here."""
    assert "/opt/mgcds/bin/mgcds" in UNIT
    file = tmp_path / "mgcds.service"
    file.write_text(UNIT.replace("/opt/mgcds/bin/mgcds", str(shutil.which("true"))))
    return file


def test_systemd_takes_the_unit(unit: Path) -> None:
    run(tool("systemd-analyze"), "verify", unit)


def test_the_unit_is_well_protected(unit: Path) -> None:
    run(tool("systemd-analyze"), "security", "--offline=true", f"--threshold={MOST_EXPOSED}", unit)


def test_the_unit_passes_signals_on_and_names_settings_that_exist() -> None:
    assert "ExecReload=/bin/kill -HUP $MAINPID" in UNIT
    assert "KillMode=mixed" in UNIT
    known = {f"MGCDS_{name.upper()}" for name in Settings.model_fields} | {"MGCDS_SECRETS_DIR"}
    assert set(re.findall(r"\bMGCDS_[A-Z_]+", UNIT)) <= known


def test_the_folders_that_the_pages_and_the_unit_name_can_be_written_to() -> None:
    """All else is read-only for the service (ProtectSystem=strict), so a place of another name would stop its start."""
    assert "ProtectSystem=strict" in UNIT
    writable = {f"/var/lib/{name}" for name in re.findall(r"^StateDirectory=(\S+)$", UNIT, re.MULTILINE)}
    writable |= {f"/var/log/{name}" for name in re.findall(r"^LogsDirectory=(\S+)$", UNIT, re.MULTILINE)}
    audit = re.findall(r"MGCDS_AUDIT_FILE=(\S+)", (ROOT / "docs/how-to/audit.md").read_text(encoding="utf-8") + UNIT)
    data = re.findall(r"MGCDS_DATA_DIR=(\S+)", UNIT)
    assert len(audit) >= 2
    assert data
    assert {str(Path(file.rstrip(";")).parent) for file in audit} | set(data) <= writable


def test_every_credential_of_the_unit_is_a_secret_setting() -> None:
    """In comments too: a file of another name would be left unread in silence."""
    secret = {f"mgcds_{name}" for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    named = re.findall(r"^#?LoadCredential=(\w+):/etc/mgcds/secrets/(\w+)$", UNIT, re.MULTILINE)
    assert {name for pair in named for name in pair} == secret


def test_the_proxy_passes_on_what_ehrs_ask_and_keeps_the_rest_inside(tmp_path: Path) -> None:
    """Caddy with the file of the composition, TLS by an authority of its own, before a real service."""
    caddy = tool("caddy")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"{{\n\tadmin off\n\tskip_install_trust\n\tlocal_certs\n\tauto_https disable_redirects\n\tstorage file_system {tmp_path}/store\n}}\n"
    file = tmp_path / "Caddyfile"
    file.write_text(options + (DEPLOY / "compose/Caddyfile").read_text())
    with Running("--rules", str(small_library(tmp_path).root)) as service:
        environment = {"MGCDS_PUBLIC_URL": f"https://localhost:{port}", "MGCDS_UPSTREAM": f"127.0.0.1:{service.port}",
                       "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}  # fmt: skip
        proxy = subprocess.Popen([caddy, "run", "--config", str(file), "--adapter", "caddyfile"], env=environment,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        try:
            status, headers, body = asked(port, "/cds-services", until=200)
            assert json.loads(body)["services"]
            assert headers["strict-transport-security"]
            assert asked(port, "/metrics")[0] == asked(port, "/readyz")[0] == 404
            assert asked(port, "/healthz")[0] == 200
            status, headers, body = asked(port, "/cds-services/mgcds-patient-view", json.dumps(REQUEST).encode())
            assert (status, json.loads(body)["cards"] != []) == (200, True)
            request_id = headers["x-request-id"]
            service.until(lambda: any(line["request_id"] == request_id for line in service.lines("answered")))
            assert re.fullmatch(r"[0-9a-f-]{36}", request_id)  # the proxy made it, so its log and ours can be laid side by side
            assert asked(port, "/cds-services/mgcds-patient-view", b" " * 7_000_000)[0] == 413
        finally:
            proxy.terminate()
            proxy.wait(timeout=30)


def asked(port: int, path: str, body: bytes | None = None, until: int | None = None) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body; repeats until a status where one is named."""
    trusting = ssl.create_default_context()  # the authority is made anew by the proxy, so there is nothing to check against
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    deadline = time.monotonic() + 60
    while True:
        sent = urllib.request.Request(f"https://localhost:{port}{path}", body, {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(sent, timeout=30, context=trusting) as answer:
                found = answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()
        except urllib.error.HTTPError as error:
            found = error.code, {}, b""
        except (urllib.error.URLError, ConnectionError):
            found = 0, {}, b""
        if until is None or found[0] == until:
            return found
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_list_of_packages_names_every_dependency_of_the_service_and_none_of_the_tests(tmp_path: Path) -> None:
    """The commands of `make sbom`, with the tools of this environment."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "--no-dev --all-extras --no-emit-project" in makefile
    requirements, made = tmp_path / "requirements.txt", tmp_path / "sbom.json"
    run(
        tool("uv"),
        "export",
        "--quiet",
        "--frozen",
        "--no-dev",
        "--all-extras",
        "--no-emit-project",
        "--output-file",
        requirements,
    )
    run(tool("cyclonedx-py"), "requirements", "--pyproject", ROOT / "pyproject.toml", "--output-file", made, requirements)
    bill = json.loads(made.read_text())
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "mgcds")
    versions = {component["name"]: component["version"] for component in bill["components"]}
    assert {"durable-rules", "fastapi", "orjson", "pydantic", "uvicorn"} <= set(versions)
    assert versions["durable-rules"] == "2.0.28"
    assert not {"pytest", "mypy", "hypothesis", "ruff"} & set(versions)
