"""What reading a chart asks of terminology."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from mgcds.terminology.types import Coding, Concept, Medicine, StatedIngredient


class Terms(Protocol):
    """Meaning of codes and words; `mgcds.terminology.Terminology` is one."""

    @property
    def concepts(self) -> Mapping[str, Concept]:
        """Every concept by key."""

    def concepts_of(self, codings: Iterable[Coding], text: str, resource_type: str) -> frozenset[str]:
        """What a record of one FHIR resource type is about."""

    def measured(self, codings: Sequence[Coding]) -> Sequence[Concept]:
        """What an Observation is about, in order of the keys; its words do not count."""

    def medicine(self, codings: Sequence[Coding], text: str, stated: Sequence[StatedIngredient] = ()) -> Medicine:
        """What a medication is; unresolved is an answer too."""

    def route(self, codings: Iterable[Coding], text: str) -> str | None:
        """The route of administration."""
