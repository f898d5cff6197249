"""Concepts read from rules/concepts/: which codes and words mean what."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from mgcds.source import Place, Problem, SourceError, Text, place_of, read
from mgcds.terminology.phrases import Phrases, plain_words
from mgcds.terminology.systems import tidy_code
from mgcds.terminology.types import ICD10CM, LOINC, SNOMED, Coding, Concept, Formula
from mgcds.units import decimal, normal_unit

_KEYS = {
    "title", "recorded_in", "codes", "never", "unit", "unit_optional", "factors", "divide", "decimals", "plausible",
    "print_also", "batch", "newest", "formula", "text", "orders", "system", "procedure_lasts", "answer_lasts", "same_as",
    "beside_codes",
}  # fmt: skip
_PLAUSIBLE = re.compile(r"(\S+) to (\S+) (.+)")


@dataclass(frozen=True, slots=True)
class ConceptIndex:
    """Concepts, and where their codes and words lead."""

    concepts: Mapping[str, Concept]
    places: Mapping[str, Place]
    by_code: Mapping[tuple[str, str], frozenset[str]]
    by_prefix: tuple[tuple[str, str, str], ...]  # (system, prefix, concept)
    excepted: tuple[tuple[str, str, str], ...]  # likewise: codes that a prefix must not catch
    phrases: Phrases
    never: frozenset[tuple[str, str]]

    def of(self, codings: Iterable[Coding], text: str, resource_type: str) -> frozenset[str]:
        """The concepts of a record of one resource type: by code, and by words where no code says as much."""
        written = list(codings)
        sent = [(coding.system, tidy_code(coding.system, coding.code)) for coding in written]
        if any(code in self.never for code in sent):
            return frozenset()
        found: set[str] = set()
        for system, code in sent:
            found |= self.by_code.get((system, code), frozenset())
            found |= _starting(self.by_prefix, system, code) - _starting(self.excepted, system, code)
        if resource_type != "Observation":
            words = self.phrases.of(text, *(coding.display for coding in written))
            found |= {key for key in words if self.concepts[key].beside_codes} if found else words
        return frozenset(key for key in found if resource_type in self.concepts[key].recorded_in)


def _starting(prefixes: tuple[tuple[str, str, str], ...], system: str, code: str) -> set[str]:
    return {key for each, prefix, key in prefixes if each == system and code.startswith(prefix)}


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV file that may be left out (a site without SNOMED CT)."""
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)


def concept_trees(root: Path) -> dict[str, Any]:
    """The parsed concept files by path relative to the library."""
    paths = sorted((root / "concepts").glob("*.yaml"))
    return {path.relative_to(root).as_posix(): read(path, shown_as=path.relative_to(root).as_posix()) for path in paths}


def load_concepts(root: Path, trees: Mapping[str, Any] | None = None) -> ConceptIndex:
    """Reads rules/concepts, or trees already parsed. Raises SourceError with every problem."""
    problems: list[Problem] = []
    concepts: dict[str, Concept] = {}
    places: dict[str, Place] = {}
    texts: dict[str, set[str]] = {}
    codes: dict[tuple[str, str], set[str]] = {}
    never: set[tuple[str, str]] = set()
    for tree in (concept_trees(root) if trees is None else trees).values():
        for key, value in tree.items():
            try:
                concept = _concept(str(key), value)
            except ValueError as error:
                problems.append(Problem(place_of(key), f"{key}: {error}"))
                continue
            concepts[concept.key], places[concept.key] = concept, place_of(key)
            for coding in concept.codes:
                codes.setdefault((coding.system, coding.code), set()).add(concept.key)
            for code in value.get("orders", []):
                codes.setdefault((LOINC, str(code)), set()).add(concept.key)
            never |= {(coding.system, coding.code) for coding in concept.never}
            for phrase in value.get("text", []):
                texts.setdefault(plain_words(str(phrase)), set()).add(concept.key)
    if problems:
        raise SourceError(problems)
    starting: dict[str, list[tuple[str, str, str]]] = {"prefix": [], "except": []}
    for row in rows(root / "concepts/icd10cm.csv"):
        if row["concept"] not in concepts:
            continue
        if row["match"] in starting:
            starting[row["match"]].append((ICD10CM, row["code"], row["concept"]))
        else:
            codes.setdefault((ICD10CM, row["code"]), set()).add(row["concept"])
    for row in rows(root / "concepts/snomed/conditions.csv"):
        if row["concept"] in concepts:
            codes.setdefault((SNOMED, row["code"]), set()).add(row["concept"])
    negations = {(row["phrase"], row["where"]) for row in rows(root / "concepts/negations.csv")}
    return ConceptIndex(
        concepts, places, {code: frozenset(keys) for code, keys in codes.items()},
        tuple(starting["prefix"]), tuple(starting["except"]),
        Phrases.of_words({phrase: frozenset(keys) for phrase, keys in texts.items()}, negations), frozenset(never),
    )  # fmt: skip


def _concept(key: str, value: Any) -> Concept:
    if not isinstance(value, dict):
        raise ValueError("a concept is a block with a title")
    unknown = set(value) - _KEYS
    if unknown:
        raise ValueError(f"does not know {', '.join(sorted(unknown))}; it knows {', '.join(sorted(_KEYS))}")
    if "title" not in value:
        raise ValueError("title is missing; add it")
    unit = None if "unit" not in value else normal_unit(value["unit"])
    if "unit" in value and unit is None:
        raise ValueError(f"'{value['unit']}' is not a unit we know")
    factors = {_unit(name): _number(number) for name, number in value.get("factors", {}).items()}
    factors |= {_unit(name): 1 / _number(number) for name, number in value.get("divide", {}).items()}
    factors |= {_unit(name): Decimal(1) for name in value.get("same_as", [])}
    system = str(value.get("system", LOINC))
    return Concept(
        key=key,
        title=str(value["title"]),
        recorded_in=tuple(map(str, value.get("recorded_in", ["Observation"]))),
        codes=tuple(Coding(system, str(code)) for code in value.get("codes", [])),
        never=tuple(Coding(system, str(code)) for code in value.get("never", [])),
        unit=unit,
        unit_optional=value.get("unit_optional") == "yes",
        factors=factors,
        decimals=int(value.get("decimals", "0")),
        plausible=_plausible(value.get("plausible"), unit),
        print_also=tuple((_unit(name), int(places)) for name, places in value.get("print_also", {}).items()),
        batch=str(value["batch"]) if "batch" in value else None,
        newest=int(value.get("newest", "10")),
        formula=_formula(value.get("formula")),
        beside_codes=value.get("beside_codes") == "yes",
        procedure_lasts=_days(value.get("procedure_lasts")),
        answer_lasts=_days(value.get("answer_lasts")),
    )


def _days(text: Text | None) -> int | None:
    return None if text is None else int(text.split()[0])


def _unit(name: Text) -> str:
    unit = normal_unit(name)
    if unit is None:
        raise ValueError(f"'{name}' is not a unit we know")
    return unit


def _number(text: Text) -> Decimal:
    number = decimal(text)
    if number is None or number == 0:
        raise ValueError(f"'{text}' is not a number")
    return number


def _plausible(text: Text | None, unit: str | None) -> tuple[Decimal, Decimal] | None:
    if text is None:
        return None
    match = _PLAUSIBLE.fullmatch(text)
    low, high = (decimal(match[1]), decimal(match[2])) if match else (None, None)
    if match is None or low is None or high is None or normal_unit(match[3]) != unit:
        raise ValueError(f"plausible: '{text}' is not a range; write it like 0.2 to 30 {unit}")
    return low, high


def _formula(value: Any) -> Formula | None:
    if value is None:
        return None
    numbers = {str(name): _number(number) for name, number in value["numbers"].items()}
    return Formula(
        str(value["name"]), str(value["of"]), str(value["with"]) if "with" in value else None,
        int(value["within_days"]) if "within_days" in value else None,
        int(value["from_age"]) if "from_age" in value else None, numbers,
    )  # fmt: skip
