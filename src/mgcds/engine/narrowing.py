"""Which rulesets a run needs to enter, and with which facts: most rules cannot fire on most charts.

Exact, not a guess: a rule fires only where each of its patterns finds a fact, and a fact that fails a pattern's tests for
equality cannot be found by it. So a ruleset in which every rule has such a pattern is not entered, and a fact, or a field of
it, that no rule left reads is not sent. Comparisons, joins and conjunctions are left to durable-rules.

Measured on the 76 rules at patient-view, CPU time of a run: 13.9 ms with every fact in every ruleset, 1.4 ms so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from mgcds.engine.durable import MOST_PATTERNS, MOST_PROPERTIES, Ruleset
from mgcds.engine.merging import QUESTION, compared_in, in_chart, merged, question_of
from mgcds.engine.patterns import Fact, Pattern, Ref, Rule

# Leaving out the rules of an id that cannot hold: 35 to 19 rulesets of six patterns, 0.43 to 0.33 ms in the C code.
GATE = "|when"  # where no rule `<id>|when|<branch>` can fire, the other rules of the id are of no interest

Found = tuple[int, str, Fact]  # the kinds of pattern for which the fact of a question may do, a bit each; never none


class Kinds:
    """The kinds of pattern that some rules have: a question with the values that its fact must have."""

    def __init__(self) -> None:
        self._bits: dict[tuple[str, frozenset[tuple[str, float | str]]], int] = {}
        self._fields: dict[int, set[str]] = {}  # bit -> fields that its patterns read
        # question -> for each set of fields that is tested for equality: how to look at them, and bits by their values
        self._tables: dict[str, dict[tuple[str, ...], tuple[Callable[[Fact], Any], dict[Any, int]]]] = {}
        self._read: dict[int, tuple[tuple[str, str], ...]] = {}

    def add(self, patterns: Sequence[Pattern]) -> int:
        """The kinds of a rule's patterns. Raises ValueError where one does not name its question first."""
        kinds = 0
        self._read.clear()
        for pattern in patterns:
            rest = pattern.tests[1:]
            same = frozenset((t.field, t.value) for t in rest if t.op == "==" and not isinstance(t.value, Ref))
            bit = self._bit(question_of(pattern), same)
            self._fields[bit].update(test.field for test in rest or pattern.tests)
            kinds |= bit
        return kinds

    def _bit(self, question: str, same: frozenset[tuple[str, float | str]]) -> int:
        if (question, same) not in self._bits:
            bit = self._bits[question, same] = 1 << len(self._bits)
            self._fields[bit] = set()
            pairs = sorted(same) or [(QUESTION, question)]
            fields, values = tuple(field for field, _ in pairs), tuple(value for _, value in pairs)
            _, bits = self._tables.setdefault(question, {}).setdefault(fields, (itemgetter(*fields), {}))
            bits[values if len(values) > 1 else values[0]] = bit  # as itemgetter gives them
        return self._bits[question, same]

    def met_by(self, question: str, fact: Fact) -> int:
        """The kinds of pattern for which a question's fact may do."""
        met = 0
        if question in self._tables:
            for values_of, bits in self._tables[question].values():
                met |= bits.get(values_of(fact), 0)
        return met

    def found(self, facts: Mapping[str, Fact]) -> list[Found]:
        """The facts that may do for some pattern."""
        return [(met, question, fact) for question, fact in facts.items() if (met := self.met_by(question, fact))]

    def read_by(self, kinds: int, question: str) -> tuple[tuple[str, str], ...]:
        """The fields that some kinds of pattern read of a question's fact, each after its name in the fact of the chart."""
        read = self._read.get(kinds)
        if read is None:  # as many entries as there are sets of patterns that one fact can meet: a few a question
            every = sorted(set().union(*(fields for bit, fields in self._fields.items() if bit & kinds)))
            read = self._read[kinds] = tuple((in_chart(question, field), field) for field in every)
        return read


_Lead = tuple[int, tuple[str, ...]]  # the kinds of the patterns of a rule, and the questions that it compares others with


@dataclass(frozen=True, slots=True)
class _Owner:
    """The rules of one id in one ruleset: they are wanted together or not at all."""

    part: int
    leads: tuple[_Lead, ...]


class Narrowed:
    """Groups of rules, each in rulesets of its own."""

    def __init__(
        self,
        name: str,
        groups: Iterable[Sequence[Rule]],
        kinds: Kinds,
        compiled: dict[tuple[Rule, ...], Ruleset] | None = None,
    ) -> None:
        """`kinds`: of the facts that a run is given. `compiled`: rulesets that others have made; those made here join them.

        Raises ValueError if a rule is malformed.
        """
        compiled = {} if compiled is None else compiled
        self._kinds = kinds
        self._rulesets: list[Ruleset] = []
        # Each gate waits for one of its kinds, so that a run looks only at gates of which at least that kind is met.
        self._waiting: dict[int, list[tuple[int, _Owner]]] = {}
        self._woken: dict[int, tuple[tuple[int, _Owner], ...]] = {}
        gates: list[tuple[int, _Owner]] = []
        self._alike: dict[str, tuple[str, ...]] = {}  # the name of a rule -> those of all rules of the same patterns
        for rules in groups:
            needs = {rule_name: kinds.add(patterns) for rule_name, patterns in rules}
            alike: dict[tuple[Pattern, ...], list[str]] = {}
            for rule_name, patterns in rules:
                alike.setdefault(patterns, []).append(rule_name)
            once = [(names[0], patterns) for patterns, names in alike.items()]
            self._alike |= {names[0]: tuple(names) for names in alike.values()}
            for chunk in _chunks(once):
                made = tuple((rule_name, merged(patterns)) for rule_name, patterns in chunk)
                if made not in compiled:
                    compiled[made] = Ruleset(name, made)
                gates += self._gates(chunk, needs)
                self._rulesets.append(compiled[made])
        often = Counter(bit for gate, _ in gates for bit in _each(gate))
        for gate, owner in dict.fromkeys(gates):  # rules that ask alike wait as one
            self._waiting.setdefault(min(_each(gate), key=lambda bit: (often[bit], bit)), []).append((gate, owner))

    def run(self, found: Sequence[Found]) -> frozenset[str]:
        """Names of the rules that fire on some facts, one a question. Raises EngineFailure or ValueError."""
        met = 0
        for kinds, _, _ in found:
            met |= kinds
        unmet = ~met
        wanted: dict[int, int] = {}  # number of a ruleset -> kinds of the patterns that may do there
        compared = set[str]()
        for kinds, _, _ in found:
            for gate, owner in self._woken_by(kinds):
                if not gate & unmet:
                    for need, others in owner.leads:
                        if not need & unmet:
                            wanted[owner.part] = wanted.get(owner.part, 0) | need
                            compared.update(others)
        runs = [self._rulesets[part].run(self._facts(found, kinds, compared)) for part, kinds in wanted.items()]
        return frozenset(rule_name for fired in runs for first in fired for rule_name in self._alike[first])

    def _gates(self, chunk: Sequence[Rule], needs: Mapping[str, int]) -> list[tuple[int, _Owner]]:
        """The ids in a ruleset, each after the kinds of every `when` that opens it; without one, after those of its rules."""
        gates: dict[str, list[int]] = {}
        for rule_name, need in needs.items():
            if _what(rule_name).endswith(GATE):
                gates.setdefault(_what(rule_name).removesuffix(GATE), []).append(need)
        leads: dict[str, list[_Lead]] = {}
        for first, patterns in chunk:
            for owner in dict.fromkeys(map(_owner, self._alike[first])):
                leads.setdefault(owner, []).append((needs[first], compared_in(patterns)))
        owners = {name: _Owner(len(self._rulesets), tuple(own)) for name, own in leads.items()}
        return [(gate, own) for name, own in owners.items() for gate in gates.get(name) or (need for need, _ in own.leads)]

    def _woken_by(self, kinds: int) -> tuple[tuple[int, _Owner], ...]:
        """The gates that wait for one of some kinds."""
        woken = self._woken.get(kinds)
        if woken is None:  # as many entries as `Kinds` has of the kinds that one fact can meet
            woken = self._woken[kinds] = tuple(gate for bit in _each(kinds) for gate in self._waiting.get(bit, ()))
        return woken

    def _facts(self, found: Sequence[Found], wanted: int, compared: set[str]) -> list[Fact]:
        """One fact of the chart with what some kinds of pattern read, and those of the questions to compare with."""
        whole: dict[str, float | str] = {}
        facts: list[Fact] = [whole]
        for kinds, question, fact in found:
            if own := kinds & wanted:
                for name, field in self._kinds.read_by(own, question):
                    whole[name] = fact[field]
                if question in compared:
                    facts.append(fact)
        return facts


def _each(kinds: int) -> list[int]:
    """The bits, one by one."""
    return [1 << number for number in range(kinds.bit_length()) if kinds >> number & 1]


def _what(name: str) -> str:
    """`<id>|<part>` of a rule named `<id>|<part>|<branch>`."""
    return name.rpartition("|")[0]


def _owner(name: str) -> str:
    return name.partition("|")[0]


def _chunks(rules: Sequence[Rule]) -> list[tuple[Rule, ...]]:
    """Rules in as many rulesets as durable-rules can hold; the fact of the chart can hold all that one ruleset reads."""
    chunks: list[list[Rule]] = [[]]
    count, properties = 0, set[tuple[str, bool]]()
    for rule in rules:
        patterns = merged(rule[1])
        own = {(test.field, test.op == "==") for pattern in patterns for test in pattern.tests}
        if chunks[-1] and (count + len(patterns) > MOST_PATTERNS or len(properties | own) > MOST_PROPERTIES):
            chunks.append([])
            count, properties = 0, set()
        chunks[-1].append(rule)
        count += len(patterns)
        properties |= own
    return [tuple(chunk) for chunk in chunks if chunk]
