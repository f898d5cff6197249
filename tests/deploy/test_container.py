"""The image and the composition: valid, pinned, without privileges."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.deploy.tools import DEPLOY, run, tool

CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")


def test_the_containerfile_has_no_finding() -> None:
    assert run(tool("hadolint"), "--failure-threshold", "style", DEPLOY / "Containerfile") == ""


def test_the_image_is_pinned_runs_as_nobody_and_has_no_compiler() -> None:
    build, final = CONTAINERFILE.split("FROM ${BASE} AS build")[1].split("FROM ${BASE}\n")
    assert re.search(r"^ARG BASE=\S+:\d+\.\d+\.\d+-", CONTAINERFILE, re.MULTILINE)
    assert "gcc" in build
    assert "gcc" not in final
    assert "uv sync --locked" in build
    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE)
    assert "HEALTHCHECK" in final


def test_the_health_check_of_the_image_answers_as_the_service_does(tmp_path: Any) -> None:
    """Its Python, taken out of the file and run against a real service."""
    import subprocess
    import sys

    from tests.service.running import ENVIRONMENT, Running, small_library

    found = re.search(r'CMD \["python", "-c", ("(?:[^"\\]|\\.)*")\]', CONTAINERFILE)
    assert found
    code = json.loads(found[1])

    def checked(port: int) -> int:
        environment = ENVIRONMENT | {"MGCDS_PORT": str(port)}
        return subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, timeout=60, check=False
        ).returncode

    with Running("--rules", str(small_library(tmp_path).root)) as service:
        assert checked(service.port) == 0
        port = service.port
    assert checked(port) != 0


@pytest.fixture
def composed() -> dict[str, Any]:
    text = run(tool("docker-compose"), "-f", DEPLOY / "compose/compose.yaml", "config", "--format", "json",
               MGCDS_PUBLIC_URL="https://cds.example.org")  # fmt: skip
    found: dict[str, Any] = json.loads(text)
    return found


def test_only_the_proxy_can_be_reached_and_the_database_not_even_by_it(composed: dict[str, Any]) -> None:
    services = composed["services"]
    assert [name for name, service in services.items() if service.get("ports")] == ["proxy"]
    assert set(services["database"]["networks"]) == {"inside"}
    assert set(services["proxy"]["networks"]) == {"outside"}
    assert composed["networks"]["inside"]["internal"] is True


def test_the_service_has_no_privileges_and_its_secrets_are_files(composed: dict[str, Any]) -> None:
    service = composed["services"]["mgcds"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert {secret["source"] for secret in service["secrets"]} == {
        "mgcds_database_url",
        "mgcds_pseudonym_key",
        "mgcds_metrics_token",
    }
    assert not any(word in json.dumps(service["environment"]).lower() for word in ("password", "pseudonym_key", "token"))


def test_every_image_has_a_version(composed: dict[str, Any]) -> None:
    for service in composed["services"].values():
        assert re.fullmatch(r"\S+:[\w.-]*\d[\w.-]*", service["image"])


def test_without_an_address_nothing_is_composed() -> None:
    import os
    import subprocess

    environment = {name: value for name, value in os.environ.items() if name != "MGCDS_PUBLIC_URL"}
    done = subprocess.run([tool("docker-compose"), "-f", str(DEPLOY / "compose/compose.yaml"), "config"], env=environment,
                          capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
    assert done.stdout == ""  # this build of compose ends with 0 even so
    assert "the address that EHRs call" in done.stderr
