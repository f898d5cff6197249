"""The database is away when the service starts: cards go out at once, and it is taken into use when it comes."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import event
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.service.opening import Opening
from mgcds.settings import read_settings
from mgcds.store import StoreError, open_database
from mgcds.store.database import FILE
from mgcds.store.migrate import REVISIONS
from tests.postgresql import Cluster
from tests.service.conftest import FIXTURES, TODAY
from tests.service.test_feedback import WARNING
from tests.service.test_store_fails import SECRET, Server, is_refused_for_now, serving
from tests.service.tokens import PUBLIC, SERVICE, bearer, clients_file, key_server, token

BODY = (FIXTURES / "requests" / f"{WARNING}.json").read_bytes()
PATIENCE = 60  # seconds; never asserted to be needed


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def readiness(server: Server) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/readyz", timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def cards(server: Server) -> list[dict[str, Any]]:
    instance = str(json.loads(BODY)["hookInstance"]).encode()
    status, answer, _ = server.post("mgcds-patient-view", BODY.replace(instance, str(uuid4()).encode()))
    assert status == 200
    return list(answer["cards"])


def works_without_and_then_with(server: Server, come: Callable[[], None]) -> None:
    """The whole story: away, cards; here, feedback; and what was overridden is remembered."""
    assert readiness(server)["status"] == "degraded"
    assert readiness(server)["degraded"] == ["database"]
    early = cards(server)[0]["uuid"]
    assert is_refused_for_now(server.feedback(early))
    come()
    until(lambda: readiness(server)["status"] == "ready")
    assert "degraded" not in readiness(server)
    (card,) = cards(server)
    status, answer, _ = server.feedback(card["uuid"])
    assert (status, answer["extension"]["org.mgcds.feedback"]["unknown"]) == (200, 0)
    assert cards(server) == []
    status, answer, _ = server.feedback(early)  # nobody could record that it was shown
    assert (status, answer["extension"]["org.mgcds.feedback"]["unknown"]) == (200, 1)


def test_a_postgresql_that_starts_later(postgresql: Cluster) -> None:
    database = postgresql.new_database()
    address = {"MGCDS_DATABASE_URL": postgresql.url(database), **SECRET}
    postgresql.stop()
    try:
        with serving(**address) as server:
            works_without_and_then_with(server, postgresql.start)
            with psycopg.connect(postgresql.url(database)) as connection:  # made when it came
                assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(REVISIONS[-1],)]
    finally:
        _up(postgresql)
    postgresql.drop(database)


def test_a_file_that_another_process_holds_at_the_start(tmp_path: Path) -> None:
    open_database(tmp_path).dispose()
    holder = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    holder.execute("PRAGMA locking_mode=EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with serving(MGCDS_DATA_DIR=str(tmp_path)) as server:
            works_without_and_then_with(server, holder.close)
    finally:
        holder.close()


def test_a_database_that_never_comes_costs_the_memory_and_no_card_and_names_no_password(tmp_path: Path) -> None:
    secret = "a-password-not-to-be-shown"
    url = f"postgresql://mgcds:{secret}@/nowhere?host={tmp_path}"
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("MGCDS_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "mgcds.cli", "serve", "--port", "0"],
        env=kept | SECRET | {"MGCDS_DATABASE_URL": url}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if sum("database away" in each for each in said) == 2:  # the first process, and its worker
                break
    finally:
        process.terminate()
        said += process.communicate(timeout=60)[0].splitlines()
    assert process.returncode == 0
    assert "MGCDS_DATABASE_URL cannot be opened (OperationalError)" in "".join(said)
    assert secret not in "".join(said)
    assert "Traceback" not in "".join(said)


def test_callers_are_let_in_no_sooner_than_their_tokens_can_be_remembered(
    library: Library, postgresql: Cluster, tmp_path: Path
) -> None:
    """The same as when the database goes away later: 503 and no card, because a token could be used twice."""
    database = postgresql.new_database()
    postgresql.stop()
    try:
        with key_server() as keys:
            settings = read_settings(
                today=TODAY, public_url=PUBLIC, clients=clients_file(tmp_path, keys.address), pseudonym_key=SECRET["MGCDS_PSEUDONYM_KEY"],
                database_url=postgresql.url(database),
            )  # fmt: skip
            with TestClient(create_app(library, settings), raise_server_exceptions=False) as http:

                def ask(headers: dict[str, str]) -> Any:
                    return http.post(SERVICE, content=BODY, headers={"content-type": "application/json"} | headers)

                kept = bearer(token())
                at_start = ask(kept)
                assert (at_start.status_code, at_start.headers["retry-after"]) == (503, "5")
                assert ask({}).status_code == 401
                postgresql.start()
                until(lambda: http.get("/readyz").json()["status"] == "ready")
                assert ask(kept).status_code == 200  # it was never let in, so it was never used
                assert ask(kept).status_code == 401
                postgresql.stop()
                later = ask(bearer(token()))
                assert (later.status_code, later.json(), later.headers["retry-after"]) == (503, at_start.json(), "5")
    finally:
        _up(postgresql)
    postgresql.drop(database)


def test_waiting_does_not_help_against_a_wrong_address_or_a_newer_version(library: Library, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is no address"):
        create_app(
            library, read_settings(database_url="postgresql://a:b@host:port/x", pseudonym_key="sixteen letters at least")
        )
    engine = open_database(tmp_path)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(StoreError, match="newer mgcds"):
        create_app(library, read_settings(data_dir=tmp_path))


def test_what_comes_back_newer_is_not_used_and_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mgcds.service.opening.FIRST_PAUSE", 0.01)
    monkeypatch.setattr("mgcds.service.opening.LONGEST_PAUSE", 0.02)
    fails = [StoreError("away", passing=True)] * 2 + [StoreError("the database was made by a newer mgcds")] * 3
    tried = []

    def open_it() -> None:
        tried.append(1)
        if fails:
            raise fails.pop(0)

    opening = Opening(open_it)
    with capture_logs() as lines:
        opening.first()
        assert opening.is_away
        opening.begin()
        opening.begin()  # one thread, however often it is told
        until(lambda: not opening.is_away)
        opening.end()
    assert len(tried) == 6
    assert [line.get("why", "") for line in lines] == ["away", "the database was made by a newer mgcds", ""]


def test_nobody_waits_for_a_database_that_is_not_open(tmp_path: Path, library: Library) -> None:
    url = f"postgresql://mgcds@/nowhere?host={tmp_path}"
    app = create_app(library, read_settings(today=TODAY, database_url=url, pseudonym_key=SECRET["MGCDS_PSEUDONYM_KEY"]))
    connected: list[int] = []
    event.listen(app.state.memory._store._engine, "do_connect", lambda *_: connected.append(1))
    http = TestClient(app)  # without its lifespan, so that nothing tries beside the calls
    answer = http.post(SERVICE, content=BODY, headers={"content-type": "application/json"})
    assert (answer.status_code, bool(answer.json()["cards"])) == (200, True)
    assert connected == []
    assert "mgcds_database_away 1.0" in http.get("/metrics").text
    app.state.memory.close()  # or its thread would go on trying to write the record, and say so in the middle of another test


def _up(cluster: Cluster) -> None:
    if not (cluster.folder / "data/postmaster.pid").exists():
        cluster.start()
