"""An evaluation as the content of a decision record: no name, no free text, no reference that could be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from mgcds import __version__
from mgcds.cards import findings_on
from mgcds.engine.answer import Answer
from mgcds.engine.evaluate import Evaluation
from mgcds.engine.remember import Override
from mgcds.language.library import Library
from mgcds.units import plain

Mask = Callable[[str], str]
_MASKED = ("reference", "word")  # a word may be what somebody wrote into the chart


def content_of(
    evaluation: Evaluation, answer: dict[str, Any], overrides: Sequence[Override], *, zone: str, mask: Mask
) -> dict[str, Any]:
    """What was decided, of which values, under which overrides. `mask` turns a text of the chart into a sign for it."""
    chart, library = evaluation.chart, evaluation.library
    valued: list[str] = []
    present: list[str] = []
    not_known: list[str] = []
    for key, each in evaluation.answers.items():
        if not each.known:
            not_known.append(key)
        if each.present:
            (valued if _has_value(each, library) else present).append(key)
    return {
        "day": chart.today.isoformat(),
        "zone": zone,
        "hook": chart.hook,
        "mgcds": __version__,
        "library": library.hash,
        "rules": rules_of(evaluation),
        "values": [value_of(evaluation.answers[key], library) for key in valued],
        "present": sorted(present),
        "not_known": sorted(not_known),
        "overrides": [{"rule": past.rule, "indicator": past.indicator, "on": past.on.isoformat()} for past in overrides],
        "findings": findings_of(answer, mask),
    }


def rules_of(evaluation: Evaluation) -> dict[str, dict[str, str]]:
    """The end state of every rule of the hook, with the version of the rule."""
    rules = evaluation.library.rules
    return {
        rule_id: _end(str(rules[rule_id].model.stewardship.version), ended.state, ended.level, ended.reason, ended.by)
        for rule_id, ended in evaluation.outcomes.items()
    }


@lru_cache(1024)  # most rules of most patients end alike: 0.02 ms for all of them instead of 0.09
def _end(version: str, state: str, level: str | None, reason: str, by: str) -> dict[str, str]:
    """How a rule ended. Shared by all that ended so: nobody changes it."""
    end = {"version": version, "state": state, "level": level or "", "reason": reason, "by": by}
    return {key: value for key, value in end.items() if value}


def findings_of(answer: dict[str, Any], mask: Mask) -> list[dict[str, Any]]:
    """The findings of all cards in their order, as they were sent, with texts of the chart masked."""
    return [
        finding | {"because": [{key: mask(value) if key in _MASKED else value for key, value in because.items()}
                               for because in finding["because"]]}
        for card in answer["cards"]
        for finding in findings_on(card)
    ]  # fmt: skip


def value_of(answer: Answer, library: Library) -> dict[str, Any]:
    """The answer to one question: a number with its unit and date, or a word of the library; a limit is a word, "<15"."""
    made: dict[str, Any] = {
        "question": answer.key,
        "value": None if answer.sign else _number(answer.value),
        "unit": answer.unit,
        "date": answer.on.text if answer.on else "",
        "word": answer.word if library.questions[answer.key].lines else _limit(answer),
    }
    return {key: value for key, value in made.items() if value not in (None, "")}


def _has_value(answer: Answer, library: Library) -> bool:
    return answer.value is not None or bool(answer.word and library.questions[answer.key].lines)


def _limit(answer: Answer) -> str:
    return f"{answer.sign}{plain(answer.shown)}" if answer.sign and answer.shown is not None else ""


def _number(value: Decimal | None) -> float | int | None:
    if value is None:
        return None
    number = float(value)
    return int(number) if number.is_integer() else number
