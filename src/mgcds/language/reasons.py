"""Override reasons: our own codes, each with the standard codes that are counted under it."""

from __future__ import annotations

from typing import Any

from mgcds.language.library import Reason
from mgcds.language.literals import Names, Word
from mgcds.language.model import Model
from mgcds.language.problems import validate
from mgcds.source import Place, Problem, Text, place_of

REASONS = "reasons.yaml"


class SameAs(Model):
    """Codes of somebody else's that say no more than a reason of ours."""

    system: Word
    codes: Names


class Entry(Model):
    """A reason that is more than its text."""

    display: Word
    same_as: SameAs


def type_reasons(tree: Any, problems: list[Problem]) -> dict[str, Reason]:
    """The override reasons by code; what is wrong with them is added to `problems`."""
    if not isinstance(tree, dict):
        problems.append(
            Problem(Place(REASONS, 1, 1), "a block of keys and values belongs here: code: what the clinician reads")
        )
        return {}
    found: dict[str, Reason] = {}
    taken: dict[tuple[str, str], str] = {}
    for key, value in tree.items():
        if isinstance(value, Text):
            found[str(key)] = Reason(str(key), str(value))
        elif (entry := validate(Entry, value, problems, REASONS)) is not None:
            system = str(entry.same_as.system)
            for code in entry.same_as.codes:
                if (other := taken.setdefault((system, str(code)), str(key))) != key:
                    problems.append(Problem(place_of(code), f"'{code}' already stands for '{other}'; keep one"))
            codings = frozenset((system, str(code)) for code in entry.same_as.codes)
            found[str(key)] = Reason(str(key), str(entry.display), codings)
    return found
