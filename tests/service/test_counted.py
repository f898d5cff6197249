"""What is lost or refused shows in the metrics, without a word of whom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.service.bearer import Cause
from mgcds.settings import read_settings
from mgcds.store import StoreError
from mgcds.store.records import Recorder
from tests.service.conftest import FIXTURES, TODAY, Client
from tests.service.test_operations import counted
from tests.service.tokens import ISSUER, PUBLIC, SERVICE, KeyServer, bearer, clients_file, key_server, token

REQUEST = (FIXTURES / "requests/02-severely-low-mmol.json").read_bytes()
REFUSED = "mgcds_caller_refusals_total"


@pytest.fixture
def keys() -> Iterator[KeyServer]:
    with key_server() as served:
        yield served


@pytest.fixture
def guarded(library: Library, keys: KeyServer, tmp_path: Path) -> Client:
    settings = read_settings(today=TODAY, public_url=PUBLIC, clients=clients_file(tmp_path, keys.address))
    return Client(TestClient(create_app(library, settings), raise_server_exceptions=False))


def post(client: Client, headers: dict[str, str]) -> int:
    answer = client.http.post(SERVICE, content=REQUEST, headers={"content-type": "application/json"} | headers)
    return answer.status_code


def test_refused_callers_are_counted_by_cause_and_by_nothing_else(guarded: Client) -> None:
    used = bearer(token())
    assert [post(guarded, used), post(guarded, used), post(guarded, {}), post(guarded, {})] == [200, 401, 401, 401]
    assert post(guarded, bearer(token(issuer="https://stranger.example.org", head={"kid": "a-name"}))) == 401
    found = {key: value for key, value in counted(guarded).items() if key[0] == REFUSED}
    assert found == {
        (REFUSED, Cause.REPLAYED.value): 1,
        (REFUSED, Cause.ABSENT.value): 2,
        (REFUSED, Cause.ISSUER.value): 1,
    }
    text = guarded.http.get("/metrics").text
    assert not [word for word in (ISSUER, "stranger", "a-name", "general-hospital") if word in text]


def test_a_database_that_cannot_tell_is_a_cause_of_its_own(guarded: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bool:
        raise StoreError("the database could not be written (OperationalError)", passing=True)

    monkeypatch.setattr(guarded.http.app.state.trust.tokens, "spend", fail)  # type: ignore[attr-defined]
    assert post(guarded, bearer(token())) == 503
    assert counted(guarded)[REFUSED, "store"] == 1


def test_records_that_are_dropped_are_counted_once(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    http = TestClient(create_app(library, read_settings(today=TODAY, data_dir=tmp_path)))
    client = Client(http)
    recording = http.app.state.memory.recording  # type: ignore[attr-defined]

    def fail(*_: object) -> None:
        raise StoreError("the database could not be written (DataError)")

    monkeypatch.setattr(Recorder, "_write", fail)
    for _ in range(3):
        client.call(client.fixture("02-severely-low-mmol"))
    recording.recorder.close()  # it writes what waits, which fails for good
    assert counted(client)["mgcds_records_dropped_total",] == 3
    client.call(client.fixture("02-severely-low-mmol"))  # dropped at once: it is closed
    for _ in range(2):
        assert counted(client)["mgcds_records_dropped_total",] == 4
