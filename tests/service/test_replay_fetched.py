"""A decision that rests on data which the service fetched is replayed where these are put into the request file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.settings import read_settings
from tests.service.conftest import TODAY
from tests.service.ehr import EMPTY, FAILED, Ehr, rules_of
from tests.service.fault_server import Answer, FaultServer, Json
from tests.service.test_fetch_pages import page, split
from tests.service.test_records import data, exported, run

__all__ = ["data"]


class Decided:
    """A request as it was sent and answered, its record, and the fixture with all that the EHR has."""

    def __init__(self, library: Library, folder: Path, make: Callable[[Ehr], Json]) -> None:
        settings = read_settings(today=TODAY, fetch_deadline_ms=20_000)
        with FaultServer(lambda _: Answer(FAILED, status=500)) as server, TestClient(create_app(library, settings)) as http:
            ehr = Ehr(http, server)
            self.request = make(ehr)
            self.all: dict[str, Any] = ehr.request["prefetch"]
            status, answer = ehr.call(self.request)
            assert status == 200
            assert rules_of(answer)
            body = http.post("/cds-services/none", json=self.request).request.content  # as the client wrote it
        self.file = folder / "request.json"
        self.file.write_bytes(body)
        (self.content,) = exported("--request", self.file)
        self.record = folder / "record.json"
        self.record.write_text(json.dumps(self.content))

    def replay(self, **prefetch: Any) -> Any:
        """The replay of the request as it was sent, or with more in its prefetch."""
        if prefetch:
            whole = {**self.request.get("prefetch", {}), **prefetch}
            self.file.write_text(json.dumps(self.request | {"prefetch": whole}))
        return run("replay", self.record, "--request", self.file)


OTHER_FILE = "mgcds: the request is not the same file, byte for byte, that was recorded"


def test_what_was_fetched_is_named_in_one_sentence(library: Library, data: Path, tmp_path: Path) -> None:
    decided = Decided(library, tmp_path, lambda ehr: ehr.without("magnesium", "medications"))
    assert {"magnesium", "medications"} <= set(decided.content["fetched"])
    result = decided.replay()
    assert (result.exit_code, result.stdout) == (2, "")
    assert "were fetched from the FHIR server and are not in the request file" in result.stderr
    assert ", ".join(decided.content["fetched"]) in " ".join(result.stderr.split())
    some = decided.replay(medications=decided.all["medications"])
    assert (some.exit_code, "magnesium" in some.stderr, "medications" in some.stderr) == (2, True, False)


def test_with_the_fetched_data_put_in_it_is_decided_the_same(library: Library, data: Path, tmp_path: Path) -> None:
    decided = Decided(library, tmp_path, lambda ehr: ehr.without())
    result = decided.replay(**{key: decided.all.get(key, EMPTY) for key in decided.content["fetched"]})
    assert (result.exit_code, result.stderr.splitlines()) == (0, [OTHER_FILE])
    assert result.stdout.startswith("The same: ")


def test_a_fetch_that_failed_is_as_if_nothing_had_been_sent(library: Library, data: Path, tmp_path: Path) -> None:
    def without_conditions(ehr: Ehr) -> Json:
        ehr.faults["conditions"] = Answer(FAILED, status=404)
        ehr.request["prefetch"] = {key: ehr.request["prefetch"].get(key, EMPTY) for key in ehr.templates}
        return ehr.without("conditions")

    decided = Decided(library, tmp_path, without_conditions)
    assert "fetched" not in decided.content
    result = decided.replay()
    assert (result.exit_code, result.stderr) == (0, "")


def test_further_pages_of_a_clients_own_key_are_named_without_it(library: Library, data: Path, tmp_path: Path) -> None:
    own = "drugs-of-jane-doe"

    def paged(ehr: Ehr) -> Json:
        first, second = split(ehr, "medications", f"{ehr.server.base}/MedicationRequest?page=2")
        ehr.pages["/fhir/MedicationRequest?page=2"] = second
        request = ehr.without("none")
        request["prefetch"] = {key: ehr.request["prefetch"].get(key, EMPTY) for key in ehr.templates if key != "medications"}
        request["prefetch"][own] = first
        return request

    decided = Decided(library, tmp_path, paged)
    assert decided.content["fetched"] == ["other"]
    assert own not in decided.record.read_text()
    assert decided.replay().exit_code == 2
    result = decided.replay(**{own: page(decided.all["medications"]["entry"])})
    assert (result.exit_code, result.stderr.splitlines()) == (0, [OTHER_FILE])


def test_a_record_of_an_older_version_names_nothing_and_is_replayed(library: Library, data: Path, tmp_path: Path) -> None:
    decided = Decided(library, tmp_path, lambda ehr: ehr.without("magnesium"))
    del decided.content["fetched"]
    decided.record.write_text(json.dumps(decided.content))
    result = decided.replay()
    assert result.exit_code == 1
    assert "now state not-evaluable" in result.stdout
