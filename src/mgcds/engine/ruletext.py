"""Patterns and facts in the JSON of durable-rules.

Every value travels as tagged text for == (`=field`: "s..." or "n...") and, if it is a number, as a number for orderings
(`<field`). So "3" is never 3.0, "0.5" is never below 0.7 (9), and no field of a caller can be mistaken for one of ours.
Numbers in brackets are those of tests/unit/engine/test_durable_traps.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache

from mgcds.engine.patterns import OPERATORS, Compare, Pattern, Ref, checked


def properties(test: Compare) -> list[str]:
    """What a test looks at: a property of its own fact, and of the other fact if it joins."""
    fields = [test.field, test.value.field] if isinstance(test.value, Ref) else [test.field]
    return [("=" if test.op == "==" else "<") + field for field in fields]


def patterns_text(patterns: Sequence[Pattern]) -> str:
    """The patterns of a rule as JSON: in each, plain tests, guards, joins, padding."""
    made = [[_test(test) for test in pattern.tests if not isinstance(test.value, Ref)] for pattern in patterns]
    joins = [(n, t, t.value) for n, pattern in enumerate(patterns) for t in pattern.tests if isinstance(t.value, Ref)]
    for number, test, ref in joins:  # a join on a property that a side lacks aborts the assert: $ex guards both (8)
        for at, key in zip((number, ref.pattern), properties(test), strict=True):
            made[at].append(f'{{"$ex":{{{json.dumps(key)}:1}}}}')
    for number, test, _ in joins:
        made[number].append(_test(test))
    for number, ref in {number: ref for number, _, ref in joins}.items():
        # Where the last join test fails the engine reads on past its end, so the last one always holds (1).
        made[number].append(f'{{"$gte":{{"pad":{{"m{ref.pattern}":"pad"}}}}}}')
    return ",".join(f'{{"m{number}":{{"$and":[{",".join(tests)}]}}}}' for number, tests in enumerate(made))


def _test(test: Compare) -> str:
    mine, *theirs = (json.dumps(key) for key in properties(test))
    if isinstance(test.value, Ref):
        value = f'{{"m{test.value.pattern}":{theirs[0]}}}'
    else:
        value = _tagged(test.value) if test.op == "==" else _fixed(float(test.value))
    return f"{{{mine}:{value}}}" if test.op == "==" else f'{{"{OPERATORS[test.op]}":{{{mine}:{value}}}}}'


# The same few values are written again and again, most of them yes and no: 0.04 ms a run instead of 0.085.
@lru_cache(16_384, typed=True)
def field_text(same: str, ordered: str, value: float | str, field: str) -> str:
    """A field as JSON, as it is read: for == and for orderings. Raises ValueError for a value that cannot be sent."""
    value = checked(value, field)
    made = [f"{same}:{_tagged(value)}"] if same else []
    if ordered and not isinstance(value, str):
        made.append(f"{ordered}:{_fixed(value)}")
    return ",".join(made)


def _tagged(value: float | str) -> str:
    return json.dumps("s" + value) if isinstance(value, str) else f'"n{_fixed(value)}"'


def _fixed(value: float) -> str:
    """This number exactly, with no exponent (5e-7 does not parse), a point (3 and 3.0 do not join), never -0.0 (9)."""
    text = repr(float(value) + 0.0)
    text = format(Decimal(text), "f") if "e" in text else text
    return text if "." in text else text + ".0"
