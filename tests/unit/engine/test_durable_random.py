"""The driver and a brute-force reading of the same rules agree, whatever the rules, the facts and their order."""

import operator
import random
from collections.abc import Mapping, Sequence
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgcds.engine.durable import Ruleset
from mgcds.engine.patterns import Compare, Pattern, Ref, Rule

Fact = Mapping[str, float | str]
OPERATORS = {"==": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
FIELDS = ("q", "v", "w", "u")
NUMBERS = (0.0, -0.0, 1.0, 1.5, 2.0, 3.0, -1.0, 0.1 + 0.2, 0.3, 5e-7, 6e-7, 1e-5, 1e17, 123456.789012345)
WORDS = ("", "x", "y", "3", "3.0", "0.5", "1", "n3.0", "3.000000", 'a"b\\', "größe", "x, {y}")


def value(chance: random.Random, field: str) -> float | str:
    """Mostly one of a few that suit the field, so that facts and rules meet; now and then an awkward one."""
    if chance.random() < 0.8:
        return chance.choice(("x", "y")) if field == "q" else chance.choice((1.0, 2.0, 3.0))
    return chance.choice(WORDS) if chance.random() < 0.5 else chance.choice(NUMBERS)


def holds(test: Compare, fact: Fact, chosen: Sequence[Fact]) -> bool:
    if test.field not in fact:
        return False
    other: float | str
    if isinstance(test.value, Ref):
        if test.value.field not in chosen[test.value.pattern]:
            return False
        other = chosen[test.value.pattern][test.value.field]
    else:
        other = test.value
    mine = fact[test.field]
    if isinstance(mine, str) != isinstance(other, str):
        return False
    return (test.op == "==" or not isinstance(mine, str)) and bool(OPERATORS[test.op](mine, other))


def brute_force(rules: Sequence[Rule], facts: Sequence[Fact]) -> set[str]:
    """A rule fires if its patterns hold of different facts."""
    return {
        name
        for name, patterns in rules
        if any(
            all(holds(test, fact, chosen) for pattern, fact in zip(patterns, chosen, strict=True) for test in pattern.tests)
            for chosen in permutations(facts, len(patterns))
        )
    }


def random_test(chance: random.Random, position: int) -> Compare:
    field = chance.choice(FIELDS)
    if position and chance.random() < 0.5:
        other = field if field == "q" or chance.random() < 0.3 else chance.choice(FIELDS)
        op = "==" if field == "q" else chance.choice(list(OPERATORS))
        return Compare(field, op, Ref(chance.randrange(position), other))
    to = value(chance, field)
    return Compare(field, "==" if isinstance(to, str) else chance.choice(list(OPERATORS)), to)


def random_rules(chance: random.Random, number: int) -> list[Rule]:
    rules: list[Rule] = []
    for n in range(number):
        patterns = [
            Pattern(tuple(random_test(chance, position) for _ in range(chance.choice((1, 1, 2, 3)))))
            for position in range(chance.randint(1, 3))
        ]
        if rules and chance.random() < 0.1:
            patterns = list(chance.choice(rules)[1])  # two rules that say the same share nodes in the engine
        rules.append((f"rule {n}", tuple(patterns)))
    return rules


def random_facts(chance: random.Random, number: int) -> list[Fact]:
    return [{field: value(chance, field) for field in FIELDS if chance.random() < 0.85} for _ in range(number)]


@pytest.mark.parametrize("seed", range(8))
def test_the_driver_and_brute_force_agree(seed: int) -> None:
    chance = random.Random(seed)
    fired, silent, joined = 0, 0, 0
    for _ in range(80):
        rules = random_rules(chance, chance.randint(1, 12))
        ruleset = Ruleset("random", rules)
        for _ in range(4):
            facts = random_facts(chance, chance.randint(0, 7))
            expected = brute_force(rules, facts)
            for _ in range(3):
                assert ruleset.run(facts) == expected, (rules, facts)
                chance.shuffle(facts)
            fired += len(expected)
            silent += len(rules) - len(expected)
            joined += len(expected & {name for name, patterns in rules if "Ref" in str(patterns)})
    assert min(fired, silent) > 200  # rules that never fire, or always do, would prove little
    assert joined > 40


@pytest.mark.parametrize("seed", range(3))
def test_rulesets_that_are_split_agree_too(seed: int) -> None:
    chance = random.Random(1_000 + seed)
    rules = random_rules(chance, 150)
    ruleset = Ruleset("split", rules)
    for _ in range(4):
        facts = random_facts(chance, 6)
        assert ruleset.run(facts) == brute_force(rules, facts)


@settings(max_examples=60, deadline=None)
@given(
    one=st.one_of(st.text(max_size=8), st.floats(allow_nan=False, allow_infinity=False)),
    other=st.one_of(st.text(max_size=8), st.floats(allow_nan=False, allow_infinity=False)),
)
def test_any_two_values_compare_as_in_python(one: float | str, other: float | str) -> None:
    x = Pattern((Compare("q", "==", "x"),))
    rules: list[Rule] = [
        (f"join {op}", (x, Pattern((Compare("q", "==", "y"), Compare("v", op, Ref(0, "v")))))) for op in OPERATORS
    ]
    tests = [Compare("v", op, value) for value in (one, other) for op in OPERATORS]
    rules += [
        (f"{n}", (Pattern((Compare("q", "==", "x"), test)),))
        for n, test in enumerate(tests)
        if test.op == "==" or not isinstance(test.value, str)
    ]
    facts: list[Fact] = [{"q": "x", "v": one}, {"q": "y", "v": other}]
    assert Ruleset("values", rules).run(facts) == brute_force(rules, facts)


def test_three_thousand_runs_of_one_ruleset_do_not_grow() -> None:
    chance = random.Random(7)
    rules = random_rules(chance, 10)
    ruleset = Ruleset("long", rules)
    batches = [random_facts(chance, 5) for _ in range(20)]
    expected = [brute_force(rules, facts) for facts in batches]
    before = 0
    for number in range(3_000):
        assert ruleset.run(batches[number % 20]) == expected[number % 20]
        if number == 500:
            before = resident()
    assert resident() - before < 8_000


def resident() -> int:
    """Kilobytes of memory now in use, where the system tells (otherwise 0)."""
    try:
        with open("/proc/self/statm") as status:
            return int(status.read().split()[1]) * 4
    except OSError:
        return 0
