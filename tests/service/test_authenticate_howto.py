"""The worked example of the how-to: what it says is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from mgcds.language.library import Library
from mgcds.service.bearer import Cause
from mgcds.service.claims import LEEWAY, LONGEST_LIFETIME
from mgcds.service.clients import read_clients
from tests.conftest import ROOT
from tests.service.test_tokens import Door
from tests.service.tokens import PUBLIC, SERVICE, bearer, key_server, reply

PAGE = (ROOT / "docs/how-to/authenticate-callers.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_ehr_of_the_example_is_let_in(library: Library, tmp_path: Path) -> None:
    (script,) = blocks("python")
    (tmp_path / "ehr.py").write_text(script, encoding="utf-8")

    def run(argument: str) -> str:
        done = subprocess.run([sys.executable, "ehr.py", argument], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    run("keys")
    with key_server() as served:
        served.answer = lambda request: reply(request, (tmp_path / "jwks.json").read_bytes())
        door = Door(library, served, tmp_path, tenants="")
        first, other = run(PUBLIC + SERVICE), run(PUBLIC + SERVICE + "/feedback")
        assert [door.call(bearer(made)).status_code for made in (first, first, other)] == [200, 401, 401]
        assert door.causes == [Cause.REPLAYED, Cause.AUDIENCE]


def test_its_clients_files_can_be_used(tmp_path: Path) -> None:
    assert len(blocks("yaml")) == 2
    for text in blocks("yaml"):
        (tmp_path / "clients.yaml").write_text(text, encoding="utf-8")
        assert read_clients(tmp_path / "clients.yaml").of("https://ehr.example.org")


def test_it_names_every_cause_and_the_limits_that_are_kept() -> None:
    assert all(f"`{cause.value}`" in PAGE for cause in Cause)
    assert (LEEWAY, LONGEST_LIFETIME) == (60, 3600)
    assert "at most an hour apart" in PAGE
    assert "differ by 60 seconds" in PAGE
