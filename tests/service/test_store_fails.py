"""The store is killed, full or gone: cards go out, feedback says 503 until it can be kept, and nothing that was kept is lost."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from mgcds.language.library import Library
from mgcds.store import SpentTokens, Store, StoreError, open_database
from mgcds.store.database import FILE
from tests.postgresql import Cluster
from tests.service.conftest import FIXTURES, TODAY
from tests.service.test_feedback import CRITICAL, WARNING, Site, entry
from tests.service.tokens import PUBLIC, SERVICE, bearer, clients_file, key_server, token

KILLS = 50 if os.environ.get("MGCDS_LONG") else 3
SECRET = {"MGCDS_PSEUDONYM_KEY": "a secret of these tests"}
BODY = (FIXTURES / "requests" / f"{CRITICAL}.json").read_bytes()  # never remembered, so each call has a card


class Server:
    """`mgcds serve` in a process of its own."""

    def __init__(self, **environment: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("MGCDS_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mgcds.cli", "serve", "--port", str(self.port)],
            env=kept | {"MGCDS_TODAY": TODAY, "MGCDS_LOG_LEVEL": "ERROR"} | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that the supervisor and its workers can be killed together
        )
        deadline = time.monotonic() + 120
        while self.get("/readyz") != 200:
            assert time.monotonic() < deadline
            assert self.process.poll() is None
            time.sleep(0.1)

    def kill(self) -> None:
        """Kills every process of the service at once, as a machine that loses its power does."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(60)

    def processes(self) -> list[int]:
        """The supervisor and its workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [self.process.pid, *map(int, children.split())]

    def get(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
                return int(answer.status)
        except OSError:
            return 0

    def post(self, path: str, body: bytes, compact: str = "") -> tuple[int, Any, Any]:
        """Status, body and headers; status 0 where the connection broke. `compact`: the token that is sent along."""
        headers = {"content-type": "application/json"} | (bearer(compact) if compact else {})
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/cds-services/{path}", data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, json.load(error), error.headers
        except (OSError, ValueError):
            return 0, {}, {}

    def card(self) -> str:
        """The uuid of a fresh card."""
        status, answer, _ = self.post("mgcds-patient-view", BODY.replace(_instance(), str(uuid4()).encode()))
        assert status == 200
        return str(answer["cards"][0]["uuid"])

    def feedback(self, card: str) -> tuple[int, Any, Any]:
        return self.post("mgcds-patient-view/feedback", json.dumps({"feedback": [entry(card)]}).encode())

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(how)
        try:
            self.process.wait(60)
        finally:
            self.kill()
            self.process.wait(60)


def _instance() -> bytes:
    return str(json.loads(BODY)["hookInstance"]).encode()


@contextmanager
def serving(**environment: str) -> Iterator[Server]:
    server = Server(**environment)
    try:
        yield server
    finally:
        server.end()


def uuids(file: Path) -> set[str]:
    """The cards that feedback is stored on, after a look at whether the database is whole."""
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        rows = connection.execute("SELECT card.uuid FROM feedback JOIN card ON card.id = feedback.card_id")
        return {str(uuid) for (uuid,) in rows}


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints a line past the capture where there are many kills, so that a long run shows how far it is."""

    def line(text: str) -> None:
        with capsys.disabled():
            print(text, flush=True)

    return line if KILLS > 3 else print


def test_nothing_that_was_answered_is_lost_when_the_service_is_killed(tmp_path: Path, say: Callable[[str], None]) -> None:
    """No feedback that was answered 200, and no token that opened a door: it opens none after the restart."""
    taken: list[str] = []
    used: list[str] = []
    with key_server() as keys:
        served = {"MGCDS_DATA_DIR": str(tmp_path), "MGCDS_PUBLIC_URL": PUBLIC}
        served["MGCDS_CLIENTS"] = str(clients_file(tmp_path, keys.address))
        for turn in range(KILLS):
            server = Server(**served)
            fresh = used[-20:]  # of the moments before the last kill
            again = [server.post("mgcds-patient-view", BODY, compact)[0] for compact in fresh]
            assert again == [401] * len(fresh)
            enough = threading.Event()

            def client(server: Server = server, before: int = len(taken), enough: threading.Event = enough) -> None:
                while True:
                    compact = token()
                    asked = BODY.replace(_instance(), str(uuid4()).encode())
                    status, answer, _ = server.post("mgcds-patient-view", asked, compact)
                    if status == 0:
                        return
                    assert status == 200
                    used.append(compact)
                    card = answer["cards"][0]["uuid"]
                    told = json.dumps({"feedback": [entry(card)]}).encode()
                    status, answer, _ = server.post("mgcds-patient-view/feedback", told, token(path=f"{SERVICE}/feedback"))
                    if status == 200 and answer["extension"]["org.mgcds.feedback"]["unknown"] == 0:
                        taken.append(card.replace("-", ""))
                        if len(taken) - before > 8:
                            enough.set()

            clients = [threading.Thread(target=client) for _ in range(3)]
            for each in clients:
                each.start()
            try:
                assert enough.wait(120)
                time.sleep(0.01 * (turn % 7))  # at another moment each time
            finally:
                server.end(signal.SIGKILL)
            for each in clients:
                each.join(120)
            lost = set(taken) - uuids(tmp_path / FILE)
            say(f"{turn + 1} kills under load: {len(taken)} feedbacks taken, {len(lost)} lost; {len(used)} tokens used, "
                f"the last {len(fresh)} before each kill refused after it; the database is whole")  # fmt: skip
            assert not lost
    assert len(taken) > 8 * KILLS


SPENDING = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from mgcds.store import SpentTokens, open_database
tokens, now = SpentTokens(open_database(Path(sys.argv[1]))), datetime.now(UTC)
for number in range(10**9):
    if tokens.spend("https://ehr.example.org", f"{sys.argv[2]}-{number}", now + timedelta(hours=1), now):
        print(number, flush=True)
"""


def test_spent_tokens_stay_spent_when_the_process_is_killed(tmp_path: Path, say: Callable[[str], None]) -> None:
    total = 0
    for turn in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-c", SPENDING, str(tmp_path), str(turn)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        spent = [int(process.stdout.readline()) for _ in range(30 + turn)]
        process.kill()
        spent += [int(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        process.wait(60)
        now = datetime.now(UTC)
        tokens = SpentTokens(open_database(tmp_path))
        until = now + timedelta(hours=1)
        again = sum(tokens.spend("https://ehr.example.org", f"{turn}-{number}", until, now) for number in spent)
        total += len(spent)
        say(f"{turn + 1} kills under load: {total} tokens spent, {again} could be spent again")
        assert not again
        assert tokens.spend("https://ehr.example.org", f"{turn}-new", until, now)
    with sqlite3.connect(tmp_path / FILE) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def is_refused_for_now(answer: tuple[int, Any, Any]) -> bool:
    status, body, headers = answer
    return status == 503 and body["resourceType"] == "OperationOutcome" and int(headers["retry-after"]) > 0


def test_a_full_disk_costs_no_card_and_feedback_waits(tmp_path: Path) -> None:
    """No file of the process may grow any further; SQLite meets the same failure as on a full disk."""
    with serving(MGCDS_DATA_DIR=str(tmp_path)) as server:
        early = server.card()
        assert server.feedback(early)[0] == 200
        waiting = server.card()
        soft, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        for process in server.processes():
            resource.prlimit(process, resource.RLIMIT_FSIZE, (4096, hard))
        for _ in range(3):
            assert server.card()
            assert is_refused_for_now(server.feedback(waiting))
        for process in server.processes():
            resource.prlimit(process, resource.RLIMIT_FSIZE, (soft, hard))
        late = server.card()
        assert server.feedback(waiting)[0] == server.feedback(late)[0] == 200
    assert uuids(tmp_path / FILE) == {uuid.replace("-", "") for uuid in (early, waiting, late)}


def test_a_data_folder_that_is_gone_costs_no_card_and_feedback_waits(tmp_path: Path) -> None:
    folder, away = tmp_path / "data", tmp_path / "away"
    folder.mkdir()
    with serving(MGCDS_DATA_DIR=str(folder), **SECRET) as server:
        early = server.card()
        assert server.feedback(early)[0] == 200
        waiting = server.card()
        folder.rename(away)
        for _ in range(3):
            assert server.card()
            assert is_refused_for_now(server.feedback(waiting))
        assert not folder.exists()  # what was stored in a new, empty file would be lost when the old one comes back
        away.rename(folder)
        assert server.feedback(waiting)[0] == 200
    assert uuids(folder / FILE) == {uuid.replace("-", "") for uuid in (early, waiting)}


def test_a_file_that_was_replaced_is_noticed(tmp_path: Path) -> None:
    """A backup that is put back under a running service: what is taken from then on stands in the file that is there."""
    with serving(MGCDS_DATA_DIR=str(tmp_path)) as server:
        waiting = server.card()
        copy = tmp_path / "copy"
        with sqlite3.connect(tmp_path / FILE) as connection, sqlite3.connect(copy) as other:
            connection.backup(other)
        other.close()
        connection.close()
        for suffix in ("-wal", "-shm"):
            (tmp_path / f"{FILE}{suffix}").unlink(missing_ok=True)
        copy.replace(tmp_path / FILE)
        deadline = time.monotonic() + 30
        while server.feedback(waiting)[0] != 200:
            assert time.monotonic() < deadline
        server.kill()  # nothing is written back at the end
    assert uuids(tmp_path / FILE) == {waiting.replace("-", "")}


def test_a_postgresql_that_is_gone_costs_no_card_and_feedback_waits(postgresql: Cluster) -> None:
    database = postgresql.new_database()
    address = {"MGCDS_DATABASE_URL": postgresql.url(database), **SECRET}
    warning = (FIXTURES / "requests" / f"{WARNING}.json").read_bytes()
    with serving(**address) as server:
        _, answer, _ = server.post("mgcds-patient-view", warning)
        waiting = answer["cards"][0]["uuid"]
        postgresql.stop()
        try:
            for _ in range(3):
                assert server.card()
                assert is_refused_for_now(server.feedback(waiting))
        finally:
            postgresql.start()
        assert server.post("mgcds-patient-view", warning)[1]["cards"]
        assert server.feedback(waiting)[0] == 200
        assert server.post("mgcds-patient-view", warning)[1]["cards"] == []  # remembered
    with serving(**address) as server:  # and by another process
        assert server.post("mgcds-patient-view", warning)[1]["cards"] == []
    postgresql.drop(database)


def test_after_a_slow_failure_nobody_else_waits_for_the_memory(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Site(library).app.state.memory
    asked: list[int] = []

    def hang(*_: object, **__: object) -> None:
        asked.append(1)
        time.sleep(0.5)
        raise StoreError("the database could not be read (OperationalError)")

    monkeypatch.setattr(Store, "overrides", hang)
    for _ in range(2):
        assert memory.overrides("a", "p1", date.fromisoformat(TODAY)) == ()
    assert (len(asked), memory.failures) == (1, 2)
    memory._again_at = 0.0  # the pause is over
    memory.overrides("a", "p1", date.fromisoformat(TODAY))
    assert len(asked) == 2
