"""How many calls are taken: by the second from one issuer, and at once."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from mgcds.language.library import Library
from mgcds.service.admission import BURST_SECONDS, MOST_ISSUERS, Gate, Rate
from mgcds.service.app import create_app
from mgcds.service.errors import Refused
from mgcds.settings import Settings
from tests.service.conftest import TODAY, Client

PATH = "/cds-services/mgcds-patient-view"


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def takes(rate: Rate, issuer: str) -> bool:
    try:
        rate.take(issuer)
    except Refused as refused:
        return refused.status != 429
    return True


def test_a_quiet_issuer_may_send_a_burst_and_then_so_many_a_second() -> None:
    clock = Clock()
    rate = Rate(5, clock)
    assert [takes(rate, "a") for _ in range(12)] == [True] * 10 + [False] * 2
    clock.now += 1
    assert [takes(rate, "a") for _ in range(7)] == [True] * 5 + [False] * 2
    clock.now += 1000
    assert [takes(rate, "a") for _ in range(12)] == [True] * 10 + [False] * 2


def test_issuers_do_not_take_from_each_other() -> None:
    rate = Rate(1, Clock())
    assert [takes(rate, name) for name in "aaabbb"] == [True, True, False] * 2


def test_a_slow_rate_says_when_to_come_again() -> None:
    rate = Rate(0.1, Clock())
    rate.take("a")
    with pytest.raises(Refused) as refused:
        rate.take("a")
    assert refused.value.headers["retry-after"] == "10"


def test_zero_is_no_limit_and_many_issuers_take_no_more_room() -> None:
    clock = Clock()
    assert all(takes(Rate(0, clock), "a") for _ in range(10_000))
    rate = Rate(1, clock)
    for number in range(MOST_ISSUERS + 50):
        rate.take(f"i{number}")
    assert len(rate._buckets) == MOST_ISSUERS


@given(st.lists(st.floats(0, 3), max_size=60), st.sampled_from([1.0, 2.5, 40.0]))
def test_no_more_are_taken_than_the_burst_and_the_rate_allow(waits: list[float], per_second: float) -> None:
    clock = Clock()
    rate, start = Rate(per_second, clock), clock.now
    taken = 0
    for wait in waits:
        clock.now += wait
        taken += takes(rate, "a")
    assert taken <= max(1.0, per_second * BURST_SECONDS) + (clock.now - start) * per_second + 1e-6


def test_the_gate_is_bounded_and_opens_again_after_a_failure() -> None:
    gate = Gate(1)
    with gate.entered(), pytest.raises(Refused) as refused, gate.entered():
        raise AssertionError("there is no second place")
    assert (refused.value.status, refused.value.headers) == (503, {"retry-after": "1"})
    with pytest.raises(RuntimeError), gate.entered():
        raise RuntimeError
    with gate.entered():
        assert gate.inside == 1
    assert gate.inside == 0


def test_too_many_calls_a_second_are_429_and_the_next_second_is_another(library: Library, client: Client) -> None:
    clock = Clock()
    app = create_app(library, Settings(today=TODAY, rate_per_second=1), clock=clock)
    http = TestClient(app, raise_server_exceptions=False)
    body = json.dumps(client.fixture("01-nothing-to-say"))
    answers = [http.post(PATH, content=body, headers={"content-type": "application/json"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["issue"][0]["code"] == "throttled"
    assert answers[2].headers["retry-after"] == "1"
    assert http.get("/cds-services").status_code == 200  # discovery and health are not counted
    assert http.get("/healthz").status_code == 200
    assert http.post(f"{PATH}/feedback", json={"feedback": []}).status_code == 429
    clock.now += 1
    assert http.post(PATH, content=body, headers={"content-type": "application/json"}).status_code == 200
