"""A fault of ours in one question silences the rules that need it, loudly, and no other rule."""

from __future__ import annotations

import json
from datetime import date
from itertools import count
from typing import Any

import pytest
from starlette.testclient import TestClient

from mgcds.cards import respond
from mgcds.chart.facts import Chart
from mgcds.chart.intake import read_chart
from mgcds.computing import Clocks
from mgcds.engine import answers, referee
from mgcds.engine.evaluate import MOST_CPU_SECONDS, Engine
from mgcds.engine.explain import explain
from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.settings import Settings, read_settings
from tests.service.conftest import FIXTURES, TODAY, Client
from tests.service.test_leaks import logged
from tests.service.test_operations import counted

__all__ = ["logged"]
TWO_FIRE = "11-laxative-as-needed-referenced"
SECRET = "Mrs Canary, 0.2 mmol/L"


def breaking(monkeypatch: pytest.MonkeyPatch, *keys: str) -> None:
    """From now on these questions fail; a message that names a patient is part of the failure."""
    for kind, verb in dict(answers._VERBS).items():

        def asked_of(ask: Any, asked: Any, question: Any, verb: Any = verb) -> Any:
            if asked.key in keys:
                raise ArithmeticError(SECRET)
            return verb(ask, asked, question)

        monkeypatch.setitem(answers._VERBS, kind, asked_of)
    honest = referee.define

    def define(asked: Any, *rest: Any) -> Any:
        if asked.key in keys:
            raise ArithmeticError(SECRET)
        return honest(asked, *rest)

    monkeypatch.setattr(referee, "define", define)


def chart_of_two(library: Library) -> Chart:
    """A chart on which two rules fire."""
    request = json.loads((FIXTURES / "requests" / f"{TWO_FIRE}.json").read_bytes())
    return read_chart(
        hook=request["hook"], context=request["context"], prefetch=request["prefetch"], terminology=library.terminology,
        today=date.fromisoformat(TODAY), zone=Settings().zone,
    )  # fmt: skip


@pytest.fixture
def fresh(library: Library) -> Client:
    return Client(TestClient(create_app(library, read_settings(today=TODAY)), raise_server_exceptions=False))


def states(answer: dict[str, Any]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = answer["extension"]["org.mgcds.evaluation"]["rules"]
    return found


def test_only_rules_that_need_it_end_as_error(
    fresh: Client, library: Library, monkeypatch: pytest.MonkeyPatch, logged: Any
) -> None:
    request = fresh.fixture(TWO_FIRE)
    before = states(fresh.call(request)[1])
    assert before["mg-ul-renal"]["state"] == before["mg-laxative-ckd"]["state"] == "fired"
    breaking(monkeypatch, "mg_total")
    status, answer = fresh.call(request)
    after = states(answer)
    needing = {rule.id for rule in library.rules_at(request["hook"]) if "mg_total" in rule.needs}
    assert status == 200
    assert {rule for rule, ended in after.items() if ended == {"state": "error", "reason": "exception"}} == needing
    assert after["mg-laxative-ckd"] == before["mg-laxative-ckd"]
    cards = {card["source"]["topic"]["code"]: card for card in answer["cards"]}
    assert [finding["rule"] for finding in cards["mg-excess"]["extension"]["org.mgcds.findings"]] == ["mg-laxative-ckd"]
    said = cards["incomplete"]
    assert str(library.rules[min(needing)].model.title) in said["detail"]
    assert "absence of an alert is not reassurance" in said["summary"]
    assert said["indicator"] == "info"
    found = counted(fresh)
    assert found["mgcds_question_failures_total", "mg_total"] == 1
    assert {key[2] for key in found if key[0] == "mgcds_rule_errors_total"} == needing
    text = logged()
    (line,) = (line for line in map(json.loads, text.splitlines()) if line["event"] == "question failed")
    assert (line["question"], line["kind"], line["level"]) == ("mg_total", "ArithmeticError", "error")
    assert len(line["request_id"]) == 32
    assert SECRET not in text + json.dumps(answer)


def test_the_site_may_do_without_the_card(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    http = TestClient(create_app(library, Settings(today=TODAY, incomplete_card=False)))
    client = Client(http)
    breaking(monkeypatch, "mg_total")
    answer = client.call(client.fixture(TWO_FIRE))[1]
    assert "incomplete" not in {card["source"]["topic"]["code"] for card in answer["cards"]}
    assert states(answer)["mg-ul-renal"]["state"] == "error"


def test_where_nothing_could_be_decided_it_is_a_failure_and_not_no_cards(
    fresh: Client, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = fresh.fixture(TWO_FIRE)
    library.silence.clear()  # an answer that is kept cannot break
    breaking(monkeypatch, *(asked.key for asked in library.questions_at(request["hook"])))
    status, answer = fresh.call(request)
    assert (status, answer["resourceType"], answer["issue"][0]["code"]) == (500, "OperationOutcome", "exception")
    assert SECRET not in json.dumps(answer)
    assert counted(fresh)["mgcds_question_failures_total", "mg_total"] == 1


def test_any_question_may_break_and_both_engines_go_on_alike(
    library: Library, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = json.loads((FIXTURES / "requests" / f"{TWO_FIRE}.json").read_bytes())
    day = date.fromisoformat(TODAY)
    chart = read_chart(
        hook=request["hook"], context=request["context"], prefetch=request["prefetch"], terminology=library.terminology,
        today=day, zone=Settings().zone,
    )  # fmt: skip
    whole = engine.evaluate(chart).outcomes
    for asked in library.questions_at(chart.hook):
        library.silence.clear()  # an answer that is kept cannot break
        with monkeypatch.context() as patched:
            breaking(patched, asked.key)
            evaluation = engine.evaluate(chart)
        errors = {rule for rule, ended in evaluation.outcomes.items() if ended.state == "error"}
        assert errors == {rule.id for rule in library.rules_at(chart.hook) if asked.key in rule.needs}, asked.key
        assert {ended.reason for rule, ended in evaluation.outcomes.items() if rule in errors} <= {"exception"}, asked.key
        assert evaluation.failed == (asked.key,)
        if asked.key not in library.policy_needs:  # a card that nothing suppresses or supersedes any more may come
            fired = {rule for rule, ended in whole.items() if ended.state == "fired"} - errors
            assert fired <= {rule for rule, ended in evaluation.outcomes.items() if ended.state == "fired"}, asked.key
        if errors:
            (one, *_) = explain(evaluation, min(errors))
            assert one.summary == f"error: these questions could not be answered: {asked.name}"
        assert respond(evaluation, service_id="s", hook_instance="i", public_url="")["cards"]


def test_a_chart_that_takes_too_long_costs_the_rules_whose_questions_come_last(library: Library) -> None:
    chart = chart_of_two(library)
    verbs = [asked.key for asked in library.questions_at(chart.hook) if type(asked.question) in answers._VERBS]
    seen = set[str]()
    for looks in range(0, len(verbs), 6):  # how often the clock is looked at before the time is up
        ticks = iter([0.0] * (looks + 1))
        computed = lambda ticks=ticks: next(ticks, 2 * MOST_CPU_SECONDS)  # noqa: E731
        slow = Engine(library, clocks=Clocks(computed, passed=count(step=MOST_CPU_SECONDS).__next__))
        evaluation = slow.evaluate(chart)
        slow.close()
        errors = {rule: ended.reason for rule, ended in evaluation.outcomes.items() if ended.state == "error"}
        late = {key for key, answer in evaluation.answers.items() if answer.failed == "timeout"}
        assert set(errors.values()) <= {"timeout"}
        assert set(errors) == {rule.id for rule in library.rules_at(chart.hook) if late & rule.needs}
        seen |= {ended.state for ended in evaluation.outcomes.values()}
    assert {"error", "fired", "not-fired"} <= seen


def test_a_chart_that_waited_long_and_computed_little_is_answered_in_full(library: Library) -> None:
    chart = chart_of_two(library)
    waiting = Engine(library, clocks=Clocks(lambda: 7.0, passed=count(step=MOST_CPU_SECONDS).__next__))
    assert not waiting.evaluate(chart).failed
    waiting.close()


def test_a_rule_that_cannot_be_judged_ends_alone(
    library: Library, engine: Engine, fresh: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = referee.judge

    def judge(rule: Any, *rest: Any) -> Any:
        if rule.id == "mg-ul-renal":
            raise ArithmeticError(SECRET)
        return honest(rule, *rest)

    monkeypatch.setattr(referee, "judge", judge)
    status, answer = fresh.call(fresh.fixture(TWO_FIRE))
    errors = {rule for rule, ended in states(answer).items() if ended["state"] == "error"}
    assert (status, errors) == (200, {"mg-ul-renal"})
    assert states(answer)["mg-laxative-ckd"]["state"] == "fired"
