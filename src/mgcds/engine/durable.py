"""The only importer of durable-rules: positive patterns in, names of fired rules out.

durable-rules 2.0.28 has quirks that crash the process, mix up patients or match wrongly. Each is avoided here and has a
test that would notice its end; numbers are those of tests/unit/engine/test_durable_traps.py. The C module is driven
directly, as the stock Host starts timer threads and swallows exceptions. Nothing is negated, branched or ranked (6, 7).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import count
from threading import Lock

import durable_rules_engine as _engine

from mgcds.engine.patterns import Fact, Pattern, Ref, Rule, check_rule, checked
from mgcds.engine.ruletext import field_text, patterns_text, properties

MOST_PATTERNS = 60  # of a C ruleset, or it is split: one fact may match 64, a list holds 256, 512 hang (3)
MOST_PROPERTIES = 240  # that the facts of a C ruleset may need: one fact holds 255, ours among them

_SESSION = "0"  # fixed: sessions are found by a 32-bit hash, so nothing of a patient may ever name one (4)
_FIRST = f'{{"id":"first","sid":"{_SESSION}","kind":"first"}}'
_LAST = f'{{"id":"last","sid":"{_SESSION}","kind":"go"}}'
_FRAME = frozenset({"first_", "end_"})  # the rules on these two facts; _Part.run says what for
_FRAME_RULES = '"first_":{"all":[{"m":{"$and":[{"kind":"first"}]}}]},"end_":{"all":[{"m":{"$and":[{"kind":"go"}]}}]}'
_UNREAD = ("", "")
_numbers = count()


class EngineFailure(Exception):
    """The C engine reported an error, or did a run that cannot be trusted. Holds nothing of the facts."""


class Ruleset:
    """Some rules, compiled once and kept until `close`. Threads take turns: the C code holds the GIL anyway (13)."""

    def __init__(self, name: str, rules: Sequence[Rule]) -> None:
        """Raises ValueError if a rule is malformed: the engine itself would load it without a word (10)."""
        for rule in rules:
            check_rule(*rule)
        self._rules = {str(number): rule_name for number, (rule_name, _) in enumerate(rules)}
        if len(set(self._rules.values())) < len(self._rules):
            raise ValueError(f"ruleset {name!r} has two rules of one name")
        tests = [test for _, patterns in rules for pattern in patterns for test in pattern.tests]
        read = {key: json.dumps(key) for test in tests for key in properties(test)}
        # field -> how its text starts, for == and for orderings; "" where no rule tests it so
        self._keys = {key[1:]: (read.get("=" + key[1:], ""), read.get("<" + key[1:], "")) for key in read}
        self._lock = Lock()
        parts: list[list[tuple[int, Rule]]] = [[]]
        for numbered in enumerate(rules):
            if sum(len(patterns) for _, (_, patterns) in [*parts[-1], numbered]) > MOST_PATTERNS:
                parts.append([])
            parts[-1].append(numbered)
        self._parts = [_Part(name, part) for part in parts]

    def run(self, facts: Sequence[Fact]) -> frozenset[str]:
        """Names of the rules that fire on these facts, whatever their order. Raises EngineFailure or ValueError.

        A rule fires once a matching tuple of facts and each firing costs (12): two patterns that 200 facts match fire
        40,000 times. So the caller consolidates first, best to one fact a question.
        """
        pairs = [(fact, self._text(number, fact)) for number, fact in enumerate(facts)]
        fired: set[str] = set()
        with self._lock:
            for part in self._parts:
                fired |= part.run([text for fact, text in pairs if part.wants(fact)])
        return frozenset([self._rules[number] for number in fired])

    def close(self) -> None:
        """Gives the memory of the C rulesets back; a later run raises EngineFailure."""
        with self._lock:
            for part in self._parts:
                part.close()

    def _text(self, number: int, fact: Fact) -> str:
        """One fact as JSON. The id is ours: identity is a 32-bit hash too (5), and these are known not to collide."""
        made = [f'{{"id":"f{number}","sid":"{_SESSION}","pad":1.0']
        keys = self._keys
        for field, value in fact.items():
            kind = type(value)
            if kind is not float and kind is not str:
                value = checked(value, field)
            same, ordered = keys.get(field, _UNREAD)
            if text := field_text(same, ordered, value, field):
                made.append(text)
        return ",".join(made) + "}"


class _Part:
    """One C ruleset, and which facts are worth sending to it: most of a run's cost is facts that match nothing."""

    def __init__(self, name: str, rules: Sequence[tuple[int, Rule]]) -> None:
        wanted = [_wanted(pattern) for _, (_, patterns) in rules for pattern in patterns]
        self._wanted = None if None in wanted else frozenset(wanted)
        made = [f'"{number}":{{"all":[{patterns_text(patterns)}]}}' for number, (_, patterns) in rules]
        try:
            self._handle = _engine.create_ruleset(f"{name}-{next(_numbers)}", f"{{{','.join([*made, _FRAME_RULES])}}}")
        except (_engine.error, MemoryError) as error:
            raise EngineFailure(f"ruleset {name!r}: {error}") from error
        self._closed = False
        self.run([])  # deleting a session reads memory that only a first firing sets (2)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            _engine.delete_ruleset(self._handle)

    def wants(self, fact: Fact) -> bool:
        return self._wanted is None or not self._wanted.isdisjoint(fact.items())

    def run(self, texts: Sequence[str]) -> set[str]:
        """The rules that fire. The session is left empty whatever happens.

        Where the first fact does not parse, the engine follows an uninitialised number; where a later one does not, it
        ends the batch without a word. So ours stand at both ends: if both fired, the session was empty and all was read.
        """
        if self._closed:
            raise EngineFailure("the ruleset was closed")
        fired: set[str] = set()
        try:
            try:
                _, state = _engine.assert_facts(self._handle, f"[{','.join([_FIRST, *texts, _LAST])}]")
                started = _engine.start_action_for_state(self._handle, state)
                message = started[1] if started else None  # (state, message) at first, then the message alone
                while message:
                    fired.add(message[2 : message.index('"', 2)])  # {"<rule>":{"m0":{...: only the name is of use
                    message = _engine.complete_and_start_action(self._handle, state)
            finally:
                _engine.delete_state(self._handle, _SESSION)  # the 1,025th live session fails (3)
        except (_engine.error, MemoryError) as error:
            raise EngineFailure(str(error) or type(error).__name__) from error
        if not fired >= _FRAME:
            raise EngineFailure("a run did not start empty or did not reach its last fact")
        return fired - _FRAME


def _wanted(pattern: Pattern) -> tuple[str, float | str] | None:
    """A field and value without which no fact matches; None if any might."""
    found = ((t.field, t.value) for t in pattern.tests if t.op == "==" and not isinstance(t.value, Ref))
    return next(found, None)
