"""The only importer of durable-rules: positive patterns in, names of fired rules out.

durable-rules 2.0.28 has quirks that can crash the process or mix up patients. Each is avoided here and has a test of its
own (tests/unit/engine/test_durable_traps.py), so that a release which mends one is noticed. The C module is driven
directly: the stock Host starts timer threads and swallows exceptions.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from threading import Lock
from typing import Any

import durable_rules_engine as _engine

OPERATORS = {"<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
MOST_RULES = 400  # 512 rules of one shape crash the engine
_SESSION = "session"  # fixed: sessions are found by a 32-bit hash, so nothing of a patient may ever name one
_BARRIER, _END = "@go", "@end"
_numbers = count()


class EngineFailure(Exception):
    """The C engine reported an error."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A field of an earlier pattern of the same rule."""

    pattern: int
    field: str


@dataclass(frozen=True, slots=True)
class Compare:
    """One test of a field: == with a word or number, or an ordering of numbers."""

    field: str
    op: str
    value: float | str | Ref


@dataclass(frozen=True, slots=True)
class Pattern:
    """All tests hold of one fact."""

    tests: tuple[Compare, ...]


Rule = tuple[str, tuple[Pattern, ...]]
Fact = Mapping[str, float | str]


class Ruleset:
    """Some rules, compiled once. Every run starts and ends empty; threads take turns."""

    def __init__(self, name: str, rules: Sequence[Rule]) -> None:
        for rule_name, patterns in rules:
            _check(rule_name, patterns)
        self._lock = Lock()
        self._handles: list[Any] = []
        for start in range(0, len(rules), MOST_RULES):
            part = {rule_name: {"all": _all(patterns)} for rule_name, patterns in rules[start : start + MOST_RULES]}
            # A session in which no rule fired crashes when it is deleted, so one always fires: on the barrier fact.
            part[_END] = {"all": [{"m": {"$and": [{"q": _BARRIER}]}}]}
            unique = f"{name}-{next(_numbers)}"
            self._handles.append(_engine.create_ruleset(unique, json.dumps(part)))

    def run(self, facts: Sequence[Fact]) -> frozenset[str]:
        """Names of the rules that fire on these facts, whatever their order. Raises EngineFailure or ValueError.

        Facts that several patterns could share must be consolidated by the caller: a rule fires once a matching tuple.
        """
        sent = [_fact(number, fact) for number, fact in enumerate(facts)]
        sent.append({"q": _BARRIER, "id": f"f{len(facts)}", "sid": _SESSION})
        body = json.dumps(sent)
        fired: set[str] = set()
        with self._lock:
            for handle in self._handles:
                fired |= _run(handle, body)
        return frozenset(fired - {_END})


def _run(handle: Any, body: str) -> set[str]:
    """One batch through one C ruleset, which is left empty whatever happens."""
    fired: set[str] = set()
    try:
        _, state = _engine.assert_facts(handle, body)
        found = _engine.start_action_for_state(handle, state)
        messages = found[1] if found else None  # (state, message) the first time, the message alone afterwards
        while messages:
            fired.update(json.loads(messages))
            messages = _engine.complete_and_start_action(handle, state)
    except Exception as error:
        raise EngineFailure(type(error).__name__) from error
    finally:
        _engine.delete_state(handle, _SESSION)
    if _END not in fired:
        raise EngineFailure("the run did not reach its end")
    return fired


def _check(name: str, patterns: tuple[Pattern, ...]) -> None:
    """The engine loads malformed rules without a word, so they are refused here."""
    if not name or not patterns:
        raise ValueError(f"rule {name!r} has no patterns")
    for position, pattern in enumerate(patterns):
        if not pattern.tests:
            raise ValueError(f"rule {name!r} has an empty pattern")
        for test in pattern.tests:
            if test.op != "==" and test.op not in OPERATORS:
                raise ValueError(f"rule {name!r}: unknown operator {test.op!r}")
            if isinstance(test.value, Ref) and not 0 <= test.value.pattern < position:
                raise ValueError(f"rule {name!r}: a join must point to an earlier pattern")
            if isinstance(test.value, float) and not math.isfinite(test.value):
                raise ValueError(f"rule {name!r}: {test.value} is not a number")
            if isinstance(test.value, str) and test.op != "==":
                raise ValueError(f"rule {name!r}: words are compared with == only")


def _all(patterns: tuple[Pattern, ...]) -> list[dict[str, Any]]:
    return [{f"m{position}": {"$and": _tests(pattern)}} for position, pattern in enumerate(patterns)]


def _tests(pattern: Pattern) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    joined = False
    for test in pattern.tests:
        if isinstance(test.value, Ref):
            joined = True
            value: Any = {f"m{test.value.pattern}": test.value.field}
            made.append({"$ex": {test.field: 1}})  # a join on a property that is not there aborts the assert
        else:
            value = _number(test.value) if isinstance(test.value, float | int) else test.value
        made.append({test.field: value} if test.op == "==" else {OPERATORS[test.op]: {test.field: value}})
    if joined:  # a failing last join test over-reads memory, so the last one always holds
        first = next(test.value for test in pattern.tests if isinstance(test.value, Ref))
        made.append({"$gte": {"pad": {f"m{first.pattern}": "pad"}}})
    return made


def _number(value: float) -> float:
    """A float that is written in fixed notation: 5e-7 does not parse."""
    return float(f"{float(value):.6f}")


def _fact(number: int, fact: Fact) -> dict[str, Any]:
    made: dict[str, Any] = {"id": f"f{number}", "sid": _SESSION, "pad": 1.0}  # identity is a 32-bit hash: ids are ours
    for key, value in fact.items():
        if isinstance(value, bool) or not isinstance(value, str | float | int):
            raise ValueError(f"{key}: a fact holds words and numbers only")
        if isinstance(value, str):
            made[key] = value
        elif math.isfinite(value):
            made[key] = _number(float(value))  # 3 and 3.0 do not join: floats only
        else:
            raise ValueError(f"{key}: {value} is not a number")
    return made
