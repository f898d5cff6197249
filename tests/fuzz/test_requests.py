"""Thousands of requests that are almost right: no failure of ours, no hang, no echo, and cards that keep the rules.

2,000 here, 100,000 with MGCDS_LONG=1, or as many as MGCDS_FUZZ says; always the same ones for one seed (MGCDS_FUZZ_SEED).
A tenth as many go over a socket to a process of its own, through the door of authentication, and to a service that fetches
what they leave out; as many lines of NDJSON to the command line.
"""

from __future__ import annotations

import http.client
import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from starlette.testclient import TestClient

from mgcds.engine.evaluate import Engine
from mgcds.evaluator import Evaluator
from mgcds.language.library import Library
from mgcds.requestfile import parts_of
from mgcds.service.app import create_app
from mgcds.settings import Settings, read_settings
from tests.fuzz.mutations import CANARY, STRANGE, Sent, mutated, sent
from tests.fuzz.tally import ECHOED, FAILED, HANG_SECONDS, OTHER, REQUESTS, SEED, STATUSES, Got, Send, Tally, run, wrong
from tests.service.conftest import TODAY
from tests.service.ehr import EMPTY
from tests.service.fault_server import Answer, Asked, FaultServer
from tests.service.running import Running
from tests.service.test_leaks import logged
from tests.service.tokens import EC, PUBLIC, bearer, claims, clients_file, header, key_server, part, signed, token

__all__ = ["logged"]
PART = REQUESTS // 10
Say = Callable[[str], None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Prints a line past the capture, so that a long run shows how far it is."""

    def line(text: str) -> None:
        with capsys.disabled():
            print(text, flush=True)

    return line if REQUESTS > 2_000 else print


def in_process(http: TestClient) -> Send:
    def send(request: Sent) -> Got:
        answer = http.request(request.method, request.path, content=request.body, headers=request.headers)
        return Got(answer.status_code, answer.headers, answer.text)

    return send


def good(tally: Tally) -> None:
    assert tally.faults == [], "\n\n".join(tally.faults)
    assert tally.statuses[200] > tally.requests * 0.3  # most requests still reach the rules
    assert tally.statuses[400] > tally.requests * 0.05


def test_no_mutated_request_breaks_the_service(library: Library, tmp_path: Path, logged: Any, say: Say) -> None:
    settings = Settings(today=TODAY, rate_per_second=0, data_dir=tmp_path)
    http = TestClient(create_app(library, settings), raise_server_exceptions=False)
    lines = 0

    def look_at_the_log() -> None:
        nonlocal lines
        text = logged()
        lines += text.count("\n")
        assert CANARY not in text
        assert "Traceback" not in text

    chance = random.Random(SEED)
    requests = (sent(chance) for _ in range(REQUESTS))
    good(run(requests, in_process(http), say=say, every=look_at_the_log))
    assert lines >= REQUESTS


def test_no_mutated_request_breaks_a_process_on_a_socket(tmp_path: Path, say: Say) -> None:
    with Running(MGCDS_DATA_DIR=str(tmp_path), MGCDS_RATE_PER_SECOND="0", MGCDS_LOG_LEVEL="WARNING") as server:

        def send(request: Sent) -> Got:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=HANG_SECONDS + 1)
            try:
                connection.request(request.method, request.path, request.body, request.headers)
                answer = connection.getresponse()
                return Got(answer.status, dict(answer.getheaders()), answer.read().decode())
            except (OSError, http.client.HTTPException):
                return Got(0)
            finally:
                connection.close()

        chance = random.Random(SEED + 1)
        good(run((sent(chance) for _ in range(PART)), send, say=say))
        assert CANARY not in server.log
        assert "Traceback" not in server.log


def _through_the_door(chance: random.Random) -> Sent:
    """A mutated request with a token: in order nearly always, else with a part of it that is not."""
    request = sent(chance)
    odd = chance.random()
    if odd < 0.9:
        told = bearer(token(path=request.path))
    elif odd < 0.95:
        name = chance.choice(("iss", "aud", "exp", "iat", "jti", "sub"))
        text = "jti" if name == "jti" else CANARY  # the log names the jti of a token whose signature was right
        changes = {name: chance.choice((None, text, -1, [], {}, 10**30))}
        told = bearer(signed(header(), claims(request.path) | changes, EC, "ES384"))
    else:
        whole = token(path=request.path)
        cut = chance.randrange(len(whole))
        told = bearer(
            chance.choice((whole[:cut], whole[:cut] + "A" + whole[cut:], part({"alg": "none"}) + whole[cut:], CANARY))
        )
    return replace(request, headers=request.headers | told)


def test_no_mutated_request_breaks_the_door(library: Library, tmp_path: Path, logged: Any, say: Say) -> None:
    with key_server() as keys:
        settings = read_settings(
            today=TODAY, rate_per_second=0, public_url=PUBLIC, clients=clients_file(tmp_path, keys.address)
        )
        http = TestClient(create_app(library, settings), raise_server_exceptions=False)
        chance = random.Random(SEED + 2)
        requests = (_through_the_door(chance) for _ in range(PART))
        tally = run(requests, in_process(http), say=say, allowed=STATUSES | {401})
        good(tally)
        assert PART * 0.02 < tally.statuses[401] < PART * 0.2
        assert CANARY not in logged()


class Strange:
    """A FHIR server that answers with the mutated prefetch of the request at hand, or in some other way."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.had: list[Any] = []

    def __call__(self, asked: Asked) -> Answer:
        body = next((each for each in self.had if f'"resourceType": "{asked.kind}"' in json.dumps(each)), EMPTY)
        odd = self.chance.random()
        if odd > 0.1:
            return Answer(body)
        raw = json.dumps(body).encode()
        return self.chance.choice((
            Answer(body, status=500), Answer(body, reset=True), Answer(body, short=True), Answer(body, packed=True),
            Answer(raw=b"<html>", headers={"content-type": "text/html"}), Answer(raw=raw[: len(raw) // 2]), Answer(raw=b""),
            Answer(body, status=302, headers={"location": f"http://127.0.0.1:1/{CANARY}"}), Answer(self.chance.choice(STRANGE)),
        ))  # fmt: skip


def test_no_mutated_record_that_is_fetched_breaks_the_service(library: Library, logged: Any, say: Say) -> None:
    chance = random.Random(SEED + 3)
    strange = Strange(random.Random(SEED))  # of its own: it is asked by several threads
    with FaultServer(strange) as server:
        told = {"access_token": CANARY, "token_type": "Bearer", "expires_in": 300, "scope": "user/*.read", "subject": "mgcds"}

        def leaving_out() -> Sent:
            request = mutated(chance)
            prefetch = request.get("prefetch")
            had = prefetch if isinstance(prefetch, dict) else {}
            strange.had = list(had.values())
            request["prefetch"] = {key: value for key, value in had.items() if chance.random() < 0.3}
            whole = request | {"fhirServer": server.base, "fhirAuthorization": told}
            body = json.dumps(whole).encode("utf-8", "replace")
            hook = request.get("hook")
            own = hook if isinstance(hook, str) and hook.isascii() and hook.replace("-", "").isalpha() else "patient-view"
            return Sent("POST", f"/cds-services/mgcds-{own}", {"content-type": "application/json"}, body)

        settings = read_settings(today=TODAY, rate_per_second=0)
        with TestClient(create_app(library, settings), raise_server_exceptions=False) as client:
            tally = run((leaving_out() for _ in range(PART)), in_process(client), say=say)
        assert tally.faults == [], "\n\n".join(tally.faults)
        assert tally.statuses[200] > PART * 0.2
        assert len(server.asked) > PART
        text = logged()
        assert CANARY not in text
        assert "Traceback" not in text


def test_no_mutated_line_of_ndjson_breaks_the_command_line(engine: Engine, tmp_path: Path, say: Say) -> None:
    chance = random.Random(SEED + 4)
    file, refused, answered = tmp_path / "many.ndjson", 0, 0
    evaluator = Evaluator(engine, "patient-view", date.fromisoformat(TODAY), Settings(today=TODAY), None, True, Console())
    for start in range(0, PART, 100):
        lines = [json.dumps(mutated(chance)) for _ in range(min(100, PART - start))]
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        for each in parts_of(file):
            printed, errors = evaluator.printed(each)
            answered, refused = answered + printed.count("\n"), refused + errors.count("line ")
    say(f"{PART:,} lines of NDJSON, seed {SEED}: {answered:,} answered, {refused:,} refused with a reason")
    assert answered > PART * 0.3


@pytest.fixture(scope="module")
def fine() -> Sent:
    return Sent("POST", "/cds-services/mgcds-patient-view", {}, b"{}")


OUTCOME = json.dumps({"resourceType": "OperationOutcome", "issue": [{"code": "invalid"}]})
CARD = {"summary": "x" * 140, "indicator": "info"}


@pytest.mark.parametrize(
    ("got", "kind"),
    [
        (Got(500, {}, OUTCOME), FAILED),
        (Got(503, {}, OUTCOME), FAILED),
        (Got(0), OTHER),
        (Got(418, {}, OUTCOME), OTHER),
        (Got(400, {}, OUTCOME.replace("invalid", CANARY)), ECHOED),
        (Got(400, {"x": CANARY}, OUTCOME), ECHOED),
        (Got(400, {}, '{"resourceType": "x"}'), OTHER),
        (Got(200, {}, json.dumps({"cards": [CARD], "extension": {"org.mgcds.evaluation": {"rules": {}}}})), OTHER),
        (Got(200, {}, json.dumps({"cards": [], "extension": {"org.mgcds.evaluation": {"rules": {"a": {"state": "error"}}}}})), OTHER),
    ],
)  # fmt: skip
def test_what_is_wrong_is_seen(fine: Sent, got: Got, kind: str) -> None:
    """That the runs above find nothing says something only where they would."""
    found, fault = wrong(fine, got)
    assert found == kind
    assert fault
    tally = run([fine] * 50, lambda _: got, say=print)
    assert tally.kinds[kind] == tally.requests == 20  # and gives up


def test_nothing_is_wrong_with_a_good_answer(fine: Sent) -> None:
    answer = {"cards": [CARD | {"summary": "x"}], "extension": {"org.mgcds.evaluation": {"rules": {"a": {"state": "fired"}}}}}
    assert wrong(fine, Got(200, {}, json.dumps(answer)))[1] == ""
    assert wrong(fine, Got(400, {}, OUTCOME))[1] == ""


def test_an_answer_that_comes_late_is_a_hang(fine: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.tally.HANG_SECONDS", -1)
    monkeypatch.setattr("tests.fuzz.tally.faulthandler.dump_traceback_later", lambda *_, **__: None)
    assert "1 hangs" in str(run([fine], lambda _: Got(400, {}, OUTCOME), say=print))
