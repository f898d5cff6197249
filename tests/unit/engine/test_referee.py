"""The referee looks at a condition once, however many rules have it and wherever it is written."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mgcds.engine import referee
from mgcds.engine.answer import Answer
from mgcds.engine.referee import Truths
from mgcds.language.literals import Number
from mgcds.language.when import Ask, Compare
from mgcds.source import Place

ANSWERS = {"mg": Answer("mg", True, True, Decimal("1.5"))}


def below(limit: str, line: int) -> Ask:
    place = Place("rule.yaml", line, 1)
    return Ask("mg", (Compare("below", Number(Decimal(limit), "mg/dL", place)),), place)


def test_conditions_that_say_the_same_are_equal_wherever_they_stand() -> None:
    assert below("1.7", 3) == below("1.7", 99)
    assert len({below("1.7", 3), below("1.7", 99), below("1.6", 3)}) == 2


def test_a_condition_is_looked_at_once_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    honest = referee.holds
    monkeypatch.setattr(referee, "holds", lambda condition, *rest: (seen.append(condition), honest(condition, *rest))[1])
    conditions = (below("1.7", 3), below("1.2", 4))
    truths = Truths(conditions, ANSWERS, "patient-view")
    assert [truths[0], truths[1], truths[0], truths[1]] == [True, False, True, False]
    assert seen == [*conditions]
    assert Truths(conditions, {"mg": ANSWERS["mg"]._replace(value=Decimal("1.8"))}, "patient-view")[0] is False


def test_a_condition_that_breaks_breaks_for_every_rule_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bool:
        raise ArithmeticError

    monkeypatch.setattr(referee, "holds", broken)
    truths = Truths((below("1.7", 3),), ANSWERS, "patient-view")
    for _ in range(2):
        with pytest.raises(ArithmeticError):
            truths[0]
