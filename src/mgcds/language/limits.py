"""The limits of the words of one question: a changed word keeps its kind of limits and its order among its neighbours.

Words of a question belong together. Where *low* ends at the number at which *low-normal* begins, a change of the one
opens a gap or an overlap, and where *low* is moved below *severely low*, a severe value is no longer a low one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import combinations

from mgcds.language.durations import Span
from mgcds.language.find import Question
from mgcds.language.literals import Number
from mgcds.language.when import Compare, NoneWithin, Taken, Test
from mgcds.source import Place, Problem

UPPER, LOWER = "upper", "lower"
_SIDE = {"below": UPPER, "at_most": UPPER, "above": LOWER, "at_least": LOWER}
_VERB = {UPPER: "ends", LOWER: "begins"}
_SAID = {UPPER: "an upper limit (below or at_most)", LOWER: "a lower limit (above or at_least)"}
Tests = tuple[Test, ...]
Limit = tuple[str, str]  # (word, upper or lower)


def other_kind(word: str, was: Tests, now: Tests, place: Place) -> list[Problem]:
    """Where a changed word says more, less or something else than the vocabulary's: only numbers may move."""
    before, after = _by_kind(was), _by_kind(now)
    problems = [
        Problem(place, f"{word}: the vocabulary also gives {_SAID.get(kind, kind)}; write the word whole, give it too")
        for kind in before
        if kind not in after
    ]
    for kind, test in after.items():
        old, where = before.get(kind), _place(test, place)
        if old is None:
            problems.append(Problem(where, f"{word}: the vocabulary does not give {_SAID.get(kind, kind)} here; remove it"))
        elif isinstance(test, Compare) and isinstance(old, Compare) and type(test.to) is not type(old.to):
            problems.append(Problem(where, f"{word}: keep what it is compared with: {old.to}"))
        elif isinstance(test, Taken) and isinstance(old, Taken):
            problems += other_span(word, old.span, test.span)
    return problems + [
        Problem(place, f"{word}: {_SAID.get(kind, kind)} is given twice; keep one") for kind in after if _count(now, kind) > 1
    ]


def other_span(name: str, was: Span, now: Span) -> list[Problem]:
    """Where a changed span counts from something else or in another direction."""
    same = (was.anchor, was.direction, was.most is None, was.least == 0) == (
        now.anchor, now.direction, now.most is None, now.least == 0,
    )  # fmt: skip
    return [] if same else [Problem(now.place, f"{name}: '{now.text}' is another kind of span; write it like {was.text}")]


def moved(was: Question, now: Question, places: Mapping[str, Place]) -> Iterator[Problem]:
    """Where changed words (`places`: word -> where) no longer stand to the other words as the vocabulary has them."""
    before, after = _limits(was), _limits(now)
    for one, other in combinations(before, 2):
        if not {one[0], other[0]} & set(places) or one not in after or other not in after:
            continue
        if one[0] == other[0]:
            if _order(before[one], before[other]) != _order(after[one], after[other]):
                place = _place(after[one], places[one[0]])
                yield Problem(place, f"{one[0]}: no number lies between these limits; correct them")
            continue
        if one[0] not in places:
            one, other = other, one
        place = _place(after[one], places[one[0]])
        old, new = _order(before[one], before[other]), _order(after[one], after[other])
        if old != new:
            yield Problem(place, f"{_said(one, after)}, but {_said(other, after)}: {_cause(one, other, old, new)}; "
                                 f"{_way_out(was, other[0], places)}")  # fmt: skip
        elif old == 0 and _ages(was, one[0]) == _ages(was, other[0]) and _ages(now, one[0]) != _ages(now, other[0]):
            way_out = _way_out(was, other[0], places)
            yield Problem(place, f"{one[0]} and {other[0]} no longer count results of the same age; {way_out}")


def limit_in_words(question: Question, part: str) -> str | None:
    """The numbers behind a word ("at least 1.2 mg/dL and below 1.7 mg/dL") or a length ("42 days"); None without any."""
    if part in (lengths := question.lengths()):
        length = lengths[part]
        return length.text if isinstance(length, Span) else str(length)
    tests = [test for test in question.words.get(part, ()) if isinstance(test, Compare) and isinstance(test.to, Number)]
    return " and ".join(f"{test.test.replace('_', ' ')} {test.to}" for test in tests) or None


def _cause(one: Limit, other: Limit, old: int, new: int) -> str:
    if old == 0 and one[1] == other[1]:
        return f"the vocabulary lets both {_VERB[one[1]].removesuffix('s')} together"
    if old == 0:
        gap = (new < 0) == (one[1] == UPPER)
        return "what lies between has no word" if gap else "what lies between has two words"
    return "the vocabulary has them the other way round"


def _way_out(question: Question, other: str, places: Mapping[str, Place]) -> str:
    if other in places:
        return "let them meet"
    return f"change {other} too" if other in question.site_may_change else f"{other} may not be changed, so this limit stays"


def _said(limit: Limit, limits: Mapping[Limit, Compare]) -> str:
    test = limits[limit]
    return f"{limit[0]} is {test.test.replace('_', ' ')} {test.to}"


def _order(one: Compare, other: Compare) -> int:
    """-1, 0 or 1: which limit cuts the line of numbers first. "Below 1.70" and "at least 1.70" cut it at one point."""
    return (_cut(one) > _cut(other)) - (_cut(one) < _cut(other))


def _cut(test: Compare) -> tuple[Decimal, bool]:
    assert isinstance(test.to, Number)
    return test.to.value, test.test in ("at_most", "above")


def _limits(question: Question) -> dict[Limit, Compare]:
    return {
        (word, _SIDE[test.test]): test
        for word, tests in question.words.items()
        for test in tests
        if isinstance(test, Compare) and isinstance(test.to, Number)
    }


def _ages(question: Question, word: str) -> list[tuple[int, int | None]]:
    return [(test.span.least, test.span.most) for test in question.words[word] if isinstance(test, Taken)]


def _kind(test: Test) -> str:
    if isinstance(test, Compare):
        return _SIDE[test.test]
    return "taken" if isinstance(test, Taken) else "none_within"


def _by_kind(tests: Tests) -> dict[str, Test]:
    return {_kind(test): test for test in tests}


def _count(tests: Tests, kind: str) -> int:
    return sum(1 for test in tests if _kind(test) == kind)


def _place(test: Test, otherwise: Place) -> Place:
    if isinstance(test, Compare):
        return test.to.place if isinstance(test.to, Number) else otherwise
    if isinstance(test, Taken):
        return test.span.place
    return test.days.place if isinstance(test, NoneWithin) else otherwise
