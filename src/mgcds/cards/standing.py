"""The parts of a card that depend on the library alone. They are made once: 0.12 ms of 0.78 for the cards of a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mgcds.language.library import Library, LinkedRule, Source
from mgcds.language.when import ABSENT, Is, asks
from mgcds.language.words import limits_of, title_of

Part = TypeVar("Part")
_STATES = {"seen": "", "not yet checked": " (not yet checked)", "weak copy": " (weak copy)", "ours": " (our choice)"}


def title(key: str, library: Library) -> str:
    """What a question is about."""
    return _kept(library, ("title", key), lambda: title_of(library.questions[key], library))


def limits(rule: LinkedRule, level: str, library: Library) -> str:
    """The limits behind one level of a rule."""
    return _kept(library, ("limits", rule.id, level), lambda: "; ".join(limits_of(rule, level, library)))


def evidence(rule: LinkedRule, library: Library) -> str:
    """The sources behind a rule, each once."""

    def made() -> str:
        cited = [(library.sources[str(key)], entry.strength) for entry in rule.model.evidence for key in entry.source]
        return "; ".join(dict.fromkeys(_cited(source, strength) for source, strength in cited)) or "see the rule's page"

    return _kept(library, ("evidence", rule.id), made)


def _cited(source: Source, strength: str | None) -> str:
    return f"{source.citation}{f', {strength}' if strength else ''}{_STATES[source.state]}"


def relies_on_absence(rule: LinkedRule, level: str, library: Library) -> bool:
    """Whether the rule holds at a level partly because something was not found."""

    def made() -> bool:
        lines = [*rule.when, *(line for name, line in rule.levels if name == level and line is not None)]
        tests = [test for line in lines for ask in asks(line) for test in ask.tests]
        return bool(rule.unless) or any(isinstance(test, Is) and test.word == ABSENT for test in tests)

    return _kept(library, ("absence", rule.id, level), made)


def _kept(library: Library, name: tuple[str, ...], make: Callable[[], Part]) -> Part:
    if name not in library.telling:
        library.telling[name] = make()
    made: Part = library.telling[name]
    return made
