"""Codes and words to meaning, offline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path

from mgcds.source import Place
from mgcds.terminology.concepts import ConceptIndex, load_concepts
from mgcds.terminology.drugs import Drugs, load_drugs
from mgcds.terminology.medicines import resolve
from mgcds.terminology.phrases import MOST_WORDS
from mgcds.terminology.site import SiteTables, read_site
from mgcds.terminology.systems import canonical_system
from mgcds.terminology.types import Coding, Concept, DrugClass, Medicine, StatedIngredient

__all__ = ["MOST_WORDS", "Coding", "Concept", "DrugClass", "Medicine", "StatedIngredient", "Terminology", "canonical_system"]


# A record says the same drugs and tests again and again, and so does the next patient's: what words mean is looked up once.
# Measured at 500 kB: 114 ms to read a chart became 31, with the like tables for codings, units and dates. Bounded in number,
# and what is longer than any concept of a real record is not kept: who sends such could fill a worker's memory for good.
_KEPT = 8192
_LONGEST = 600  # characters of text, systems, codes and displays together
_MOST_CODES = 20


def _is_usual(sent: Sequence[Coding], text: str = "") -> bool:
    """Whether a concept is as short as those of real records, so that it may be kept."""
    if len(sent) > _MOST_CODES:
        return False
    length = len(text)
    for system, code, display in sent:
        length += len(system) + len(code) + len(display)
    return length <= _LONGEST


@dataclass(frozen=True)
class Terminology:
    """All concepts, drug classes and medicines of one rule library."""

    index: ConceptIndex
    drugs: Drugs

    @classmethod
    def load(cls, rules: Path, site: Path | None = None) -> Terminology:
        """Reads concepts, classes and tables of a rule library, and what a site imported on top. Raises SourceError."""
        return cls(load_concepts(rules), load_drugs(rules, None if site is None else read_site(site)))

    @property
    def site(self) -> SiteTables | None:
        """The site's own product table, if it has one."""
        return self.drugs.site

    @property
    def concepts(self) -> Mapping[str, Concept]:
        """Every concept by key."""
        return self.index.concepts

    @property
    def classes(self) -> Mapping[str, DrugClass]:
        """Every drug class by key; a nutrient is the class of all ingredients that hold it."""
        return self.drugs.classes

    @property
    def ingredient_names(self) -> frozenset[str]:
        """Names of all ingredients that we can recognise."""
        return self.drugs.names

    @property
    def route_names(self) -> frozenset[str]:
        """Every route that a record or a dose form can be read as."""
        return frozenset(self.drugs.routes.values()).union(route for _, route in self.drugs.forms)

    @property
    def places(self) -> Mapping[str, Place]:
        """Where each concept and class is written."""
        return {**self.index.places, **self.drugs.places}

    def concepts_of(self, codings: Iterable[Coding], text: str, resource_type: str) -> frozenset[str]:
        """What a record of one FHIR resource type is about."""
        sent = tuple(codings)
        return (self._concepts_of if _is_usual(sent, text) else self.index.of)(sent, text, resource_type)

    @cached_property
    def _concepts_of(self) -> Callable[[tuple[Coding, ...], str, str], frozenset[str]]:
        return lru_cache(_KEPT)(self.index.of)

    def measured(self, codings: Sequence[Coding]) -> Sequence[Concept]:
        """What an Observation is about, in order of the keys; its words do not count."""
        return (self._measured if _is_usual(codings) else self._read_measured)(tuple(codings))

    @cached_property
    def _measured(self) -> Callable[[tuple[Coding, ...]], Sequence[Concept]]:
        return lru_cache(_KEPT)(self._read_measured)

    def _read_measured(self, sent: tuple[Coding, ...]) -> Sequence[Concept]:
        return tuple(self.concepts[key] for key in sorted(self.index.of(sent, "", "Observation")))

    def medicine(self, codings: Sequence[Coding], text: str, stated: Sequence[StatedIngredient] = ()) -> Medicine:
        """What a medication is; unresolved is an answer too."""
        if len(stated) <= _MOST_CODES and _is_usual(
            (*codings, *(coding for part in stated for coding in part.codings)),
            text + "".join(part.text for part in stated),
        ):
            return self._medicine(tuple(codings), text, tuple(stated))
        return resolve(self.drugs, codings, text, stated)

    @cached_property
    def _medicine(self) -> Callable[[tuple[Coding, ...], str, tuple[StatedIngredient, ...]], Medicine]:
        return lru_cache(_KEPT)(partial(resolve, self.drugs))

    def classes_of_ingredients(self, names: Iterable[str]) -> frozenset[str]:
        """Every class that some ingredients belong to, and the names of those that we know."""
        known = frozenset(names) & self.ingredient_names
        return known.union(*(self.drugs.members.get(name, frozenset()) for name in known))

    def route(self, codings: Iterable[Coding], text: str) -> str | None:
        """The route of administration by code, else by words."""
        sent = tuple(codings)
        return (self._route if _is_usual(sent, text) else self._read_route)(sent, text)

    @cached_property
    def _route(self) -> Callable[[tuple[Coding, ...], str], str | None]:
        return lru_cache(_KEPT)(self._read_route)

    def _read_route(self, sent: tuple[Coding, ...], text: str) -> str | None:
        for coding in sent:
            if (route := self.drugs.routes.get((coding.system, coding.code))) is not None:
                return route
        words = [text, *(coding.display for coding in sent)]
        return next((route for word in words if (route := self.drugs.routes.get(("", word.strip().lower())))), None)
