"""The only importer of durable-rules: positive patterns in, names of fired rules out.

durable-rules 2.0.28 has quirks that crash the process, mix up patients or match wrongly. Each is avoided here, and has a
test that would notice its end (tests/unit/engine/test_durable_traps.py; the numbers below are theirs). The C module is
driven directly: the stock Host starts timer threads and swallows exceptions. Nothing is negated, branched or ordered by
priority (6, 7), and the C code holds the GIL, so threads take turns and processes scale (13).

Every value travels as tagged text for == (`=field`: "s..." or "n...") and, if it is a number, as a number for orderings
(`<field`). So "3" is never 3.0, "0.5" is never below 0.7 (9), and no field of a caller can be mistaken for one of ours.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from threading import Lock
from typing import Any

import durable_rules_engine as _engine

OPERATORS = {"==": "", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}

# Limits of the C code, which hangs, overruns a buffer or fails half-way beyond them. Larger rulesets are split.
MOST_PATTERNS = 250  # of one C ruleset: 512 tests below one node hang (3), 257 rules sharing a pattern overrun a list
MOST_AT_ONCE = 60  # patterns one fact may match the first test of: the stack holds 64
MOST_IN_RULE = 16  # patterns of one rule
MOST_TESTS = 25  # tests of one pattern: 29 joins fit
MOST_FIELDS = 100  # of one fact: 254 properties fit, and a field can take two
MOST_CHARACTERS = 5_000  # of one word: lengths are counted modulo 65,536 bytes, and a character can take twelve

_SESSION = "0"  # fixed: sessions are found by a 32-bit hash, so nothing of a patient may ever name one (4)
_FIRST = f'{{"id":"first","sid":"{_SESSION}","kind":"first"}}'
_LAST = f'{{"id":"last","sid":"{_SESSION}","kind":"go"}}'
_FRAME = frozenset({"first_", "end_"})  # rules on these two facts; see _run
_FRAME_RULES = '"first_":{"all":[{"m":{"$and":[{"kind":"first"}]}}]},"end_":{"all":[{"m":{"$and":[{"kind":"go"}]}}]}'
_numbers = count()


class EngineFailure(Exception):
    """The C engine reported an error, or a run that cannot be trusted. Holds nothing of the facts."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A field of an earlier pattern of the same rule."""

    pattern: int
    field: str


@dataclass(frozen=True, slots=True)
class Compare:
    """One test of a field: == with a word or number, or an ordering of numbers. A fact without the field fails it."""

    field: str
    op: str
    value: float | str | Ref


@dataclass(frozen=True, slots=True)
class Pattern:
    """All tests hold of one fact. Patterns of a rule match different facts (11): merge tests on one fact into one."""

    tests: tuple[Compare, ...]


Rule = tuple[str, tuple[Pattern, ...]]
Fact = Mapping[str, float | str]


class Ruleset:
    """Some rules, compiled once for the life of the process. Every run starts and ends empty; threads take turns."""

    def __init__(self, name: str, rules: Sequence[Rule]) -> None:
        """Raises ValueError if a rule is malformed: the engine itself would load it without a word (10)."""
        for rule_name, patterns in rules:
            _check(rule_name, patterns)
        self._names = [rule_name for rule_name, _ in rules]
        if len(set(self._names)) < len(self._names):
            raise ValueError(f"ruleset {name!r} has two rules of one name")
        tests = [(number, test) for _, patterns in rules for number, pattern in enumerate(patterns) for test in pattern.tests]
        used = {_property(test.op, test.field) for _, test in tests}
        used |= {_property(test.op, test.value.field) for _, test in tests if isinstance(test.value, Ref)}
        self._equalled = {key[1:]: json.dumps(key) for key in used if key[0] == "="}
        self._ordered = {key[1:]: json.dumps(key) for key in used if key[0] == "<"}
        self._lock = Lock()
        self._handles = [_load(f"{name}-{next(_numbers)}", part) for part in _parts(rules)]

    def run(self, facts: Sequence[Fact]) -> frozenset[str]:
        """Names of the rules that fire on these facts, whatever their order. Raises EngineFailure or ValueError.

        A rule fires once a matching tuple of facts, and each firing costs (12): two patterns that 200 facts match are
        some 40,000. So the caller consolidates facts first, best to one fact a question.
        """
        body = f"[{_FIRST},{''.join(self._fact(number, fact) for number, fact in enumerate(facts))}{_LAST}]"
        with self._lock:
            fired = {name for handle in self._handles for name in _run(handle, body)}
        return frozenset(self._names[int(name)] for name in fired - _FRAME)

    def _fact(self, number: int, fact: Fact) -> str:
        """One fact as JSON, with an id of our own: identity is a 32-bit hash (5), and these are known not to collide."""
        if len(fact) > MOST_FIELDS:
            raise ValueError(f"a fact has more than {MOST_FIELDS} fields")
        made = [f'{{"id":"f{number}","sid":"{_SESSION}","pad":1.0']
        for field, given in fact.items():
            value = _checked(given, field)
            if key := self._equalled.get(field):
                made.append(f"{key}:{_tagged(value)}")
            if not isinstance(value, str) and (key := self._ordered.get(field)):
                made.append(f"{key}:{_fixed(value)}")
        return ",".join(made) + "}," if len(made) > 1 else ""  # no rule looks at any of its fields


def _run(handle: Any, body: str) -> set[str]:
    """One batch through one C ruleset, which is left empty whatever happens.

    The first fact makes the session: without one the engine hands back an uninitialised number and follows it. The last
    is the barrier: a fact that does not parse ends the batch without an error. If both rules fired, the session was
    empty and the batch complete. And a session in which nothing ever fired crashes when deleted (2).
    """
    fired: set[str] = set()
    try:
        try:
            _, state = _engine.assert_facts(handle, body)
            started = _engine.start_action_for_state(handle, state)
            message = started[1] if started else None  # (state, message) the first time, the message alone afterwards
            while message:
                fired.add(message[2 : message.index('"', 2)])  # {"<rule>":{"m0":...: only the name is of use
                message = _engine.complete_and_start_action(handle, state)
        finally:
            _engine.delete_state(handle, _SESSION)  # the 1,025th live session fails (3)
    except (_engine.error, MemoryError) as error:
        raise EngineFailure(str(error) or type(error).__name__) from error
    if not fired >= _FRAME:
        raise EngineFailure("a run began in a session that was not empty, or ended before its last fact")
    return fired


def _load(name: str, part: Sequence[tuple[int, tuple[Pattern, ...]]]) -> Any:
    """A C ruleset, run once: deleting a session reads memory that only a first firing sets (2)."""
    rules = [f'"{number}":{{"all":[{_all(patterns)}]}}' for number, patterns in part]
    try:
        handle = _engine.create_ruleset(name, f"{{{','.join([*rules, _FRAME_RULES])}}}")
    except (_engine.error, MemoryError) as error:
        raise EngineFailure(f"{name}: {error}") from error
    _run(handle, f"[{_FIRST},{_LAST}]")
    return handle


def _parts(rules: Sequence[Rule]) -> Iterator[list[tuple[int, tuple[Pattern, ...]]]]:
    """Numbered rules, split so that the limits of the C code hold whatever the facts."""
    part: list[tuple[int, tuple[Pattern, ...]]] = []
    firsts: Counter[tuple[str, str]] = Counter()
    for number, (_, patterns) in enumerate(rules):
        more = Counter(_first(pattern) for pattern in patterns)
        if part and ((firsts + more).total() > MOST_PATTERNS or _at_once(firsts + more) > MOST_AT_ONCE):
            yield part
            part, firsts = [], Counter()
        part.append((number, patterns))
        firsts += more
    if part:
        yield part


def _first(pattern: Pattern) -> tuple[str, str]:
    """Field and value of the pattern's first test: patterns that want different values never crowd on one fact."""
    test = _in_order(pattern)[0]
    return ("", "") if test.op != "==" or isinstance(test.value, Ref) else (test.field, _tagged(test.value))


def _at_once(firsts: Counter[tuple[str, str]]) -> int:
    most: dict[str, int] = {}
    for (field, _), number in firsts.items():
        most[field] = max(most.get(field, 0), number)
    return sum(most.values())


def _in_order(pattern: Pattern) -> list[Compare]:
    """Tests for a value, then orderings, then joins."""
    return sorted(pattern.tests, key=lambda test: (isinstance(test.value, Ref), test.op != "=="))


def _all(patterns: tuple[Pattern, ...]) -> str:
    """The patterns of a rule as JSON. A join on a property that either side lacks aborts the assert: $ex guards both (8)."""
    guards: list[dict[str, None]] = [{} for _ in patterns]
    for position, pattern in enumerate(patterns):
        for test in pattern.tests:
            if isinstance(test.value, Ref):
                guards[position][_property(test.op, test.field)] = None
                guards[test.value.pattern][_property(test.op, test.value.field)] = None
    return ",".join(f'{{"m{n}":{{"$and":[{_and(pattern, guards[n])}]}}}}' for n, pattern in enumerate(patterns))


def _and(pattern: Pattern, guards: Mapping[str, None]) -> str:
    made = [_test(test) for test in _in_order(pattern)]
    made += [f'{{"$ex":{{{json.dumps(key)}:1}}}}' for key in guards]
    if any(isinstance(test.value, Ref) for test in pattern.tests):
        made.sort(key=lambda text: '":{"m' in text)
    refs = [test.value for test in pattern.tests if isinstance(test.value, Ref)]
    if refs:  # where the last join test fails the engine reads on past its end, so the last one always holds (1)
        made.append(f'{{"$gte":{{"pad":{{"m{refs[0].pattern}":"pad"}}}}}}')
    return ",".join(made)
