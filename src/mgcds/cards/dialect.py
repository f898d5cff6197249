"""How EHRs differ from the specification: what each shows of a card, and a card made fit for it.

The facts are data: one file a dialect under `mgcds/dialects/`. A card is only ever taken away from or added to at its
edges; finding, text and indicator stay the same everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from mgcds.language.literals import Names, Word
from mgcds.language.model import Model
from mgcds.language.problems import validate
from mgcds.language.rule import HOOKS
from mgcds.source import Problem, SourceError, read
from mgcds.terminology.systems import oid_of

FOLDER = Path(__file__).parent.parent / "dialects"
DIALECTS = tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


class Profile(Model):
    """One EHR, as a client of this service."""

    dialect: Word
    title: Word
    discovery: Literal["reads", "never"] = Field(description="whether it asks GET /cds-services by itself")
    hooks: Names = Field(default=(), description="hooks that it fires; empty: all of ours")
    fhir: Names
    token_algorithm: Literal["ES384", "RS384"]
    links: Literal["shown", "removed"]
    suggestions: Literal["shown", "removed"]
    systems_as_oid: Literal["true", "false"] = Field(default="false", description="whether created resources need OIDs too")
    card_extension: dict[str, str] = Field(default_factory=dict)
    notes: Names = ()

    def fires(self, hook: str) -> bool:
        """Whether this EHR ever calls at a hook."""
        return not self.hooks or hook in self.hooks


@cache
def profile(name: str) -> Profile:
    """The profile of a dialect. Raises KeyError for a name that is none, SourceError where its file is wrong."""
    if name not in DIALECTS:
        raise KeyError(name)
    problems: list[Problem] = []
    file = FOLDER / f"{name}.yaml"
    made = validate(Profile, read(file, shown_as=file.name), problems, file.name)
    if made is None:
        raise SourceError(problems)
    return made


def adapt(answer: Mapping[str, Any], to: Profile) -> dict[str, Any]:
    """The answer of a call as one EHR can use it."""
    return {**answer, "cards": [_card(card, to) for card in answer["cards"]]}


def _card(card: Mapping[str, Any], to: Profile) -> dict[str, Any]:
    made = dict(card)
    if to.links == "removed":
        made.pop("links", None)
    if to.suggestions == "removed":
        made.pop("suggestions", None)
        made.pop("selectionBehavior", None)
    elif to.systems_as_oid == "true" and "suggestions" in made:
        made["suggestions"] = [
            {**suggestion, "actions": [_with_oids(action) for action in suggestion["actions"]]}
            for suggestion in made["suggestions"]
        ]
    if to.card_extension:
        made["extension"] = {**made.get("extension", {}), **to.card_extension}
    return made


def _with_oids(action: Mapping[str, Any]) -> dict[str, Any]:
    """A created resource whose code stands there a second time under the OID of its system."""
    code = action.get("resource", {}).get("code", {})
    if action["type"] != "create" or "coding" not in code:
        return dict(action)
    again = [{**coding, "system": oid} for coding in code["coding"] if (oid := oid_of(coding["system"]))]
    return {**action, "resource": {**action["resource"], "code": {**code, "coding": [*code["coding"], *again]}}}


def lost(card: Mapping[str, Any]) -> list[str]:
    """Why a card would be dead in an EHR that shows less than the specification allows; nothing for a good card."""
    found = []
    detail = str(card.get("detail", ""))
    if not card.get("uuid"):
        found.append("without a uuid no feedback comes back")
    if card.get("suggestions") and "**Consider**" not in detail:
        found.append("the text does not say what to do; suggestions may not be shown")
    for suggestion in card.get("suggestions", ()):
        if any(not action.get("description") for action in suggestion["actions"]):
            found.append("an action has no description, the only text of a suggestion that is shown there")
    if "](" in detail:
        found.append("the text leads to a link, and links may be removed")
    return found


def never_shown(rule_hooks: Mapping[str, tuple[str, ...]], to: Profile) -> list[str]:
    """Rules (id to hooks) that this EHR never asks for."""
    return sorted(rule for rule, hooks in rule_hooks.items() if not any(to.fires(hook) for hook in hooks if hook in HOOKS))
