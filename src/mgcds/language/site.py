"""The site file, typed: what one site decides about a rule library, and who approved it because of what.

A site never edits rules. It changes words and lengths that the vocabulary allows it to change, moves rules into the
shadow or switches them off, and chooses the unit that stands first on cards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import ConfigDict, Field, WithJsonSchema

from mgcds.language.durations import DayField
from mgcds.language.literals import Word, as_text, wrong
from mgcds.language.model import Model
from mgcds.language.problems import validate
from mgcds.language.reading import ReadBy
from mgcds.language.rule import Hook
from mgcds.source import Map, Place, Problem, SourceError, Text, place_of, read

State = Literal["active", "shadow", "off"]
ACTIVE: Final = "active"
SHADOW: Final = "shadow"
OFF: Final = "off"
Typed = TypeVar("Typed", bound=Model)


class SiteError(SourceError):
    """The site file cannot be used; carries every problem found in it."""


def _said(value: Any) -> Text:
    text = as_text(value)
    if not text.strip():
        raise wrong("nothing stands here; write it out", text.place)
    return text


Said = Annotated[Text, ReadBy(_said), WithJsonSchema({"type": "string", "minLength": 1})]


class Approved(Model):
    """What every change says of itself."""

    because: Said
    approved_by: Said = Field(description="a role, not a person")
    on: DayField


class QuestionChange(Approved):
    """Words and lengths of one shared question, each written whole; checked against the vocabulary later."""

    model_config = ConfigDict(extra="allow")


class RuleChange(Approved):
    """What becomes of one rule. Shadow: evaluated and recorded, no card. Off: not evaluated."""

    state: State = ACTIVE
    hooks: tuple[Hook, ...] | None = Field(default=None, min_length=1, description="some of the rule's own hooks")


class PrintFirst(Approved):
    """The unit of a result that stands first on cards."""

    unit: Word


class _File(Model):
    site: Said
    changes: Annotated[Mapping[Text, Any], ReadBy(lambda value: _block(value))] = Field(default_factory=Map)
    rules: Annotated[Mapping[Text, Any], ReadBy(lambda value: _block(value))] = Field(default_factory=Map)
    print_first: Annotated[Mapping[Text, Any], ReadBy(lambda value: _block(value))] = Field(default_factory=Map)


@dataclass(frozen=True, slots=True)
class Site:
    """A site file. `changes`: question -> (approval, what is written for each word or length, with places)."""

    name: str
    changes: Mapping[Text, tuple[Approved, Mapping[Text, Any]]]
    rules: Mapping[Text, RuleChange]
    print_first: Mapping[Text, PrintFirst]
    file: str
    hash: str


def read_site(path: Path) -> tuple[Site, list[Problem]]:
    """A site file, and what can be seen to be wrong with it without the rule library; wrong entries are left out.

    Raises SiteError where there is no site file to speak of.
    """
    file, start = str(path), Place(str(path), 1, 1)
    try:
        tree = read(path, shown_as=file)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except SourceError as error:
        raise SiteError(error.problems) from None
    except (OSError, UnicodeDecodeError):
        raise SiteError([Problem(start, "the file cannot be read as UTF-8 text; check it is there")]) from None
    if not isinstance(tree, dict):
        raise SiteError([Problem(start, "a site file starts with the site's name, like site: General hospital")])
    problems: list[Problem] = []
    typed = validate(_File, tree, problems, file)
    blocks = {name: value if isinstance(value, Map) else Map() for name, value in tree.items()}

    def entries(block: str, model: type[Typed]) -> dict[Text, Typed]:
        read = {name: validate(model, value, problems, file) for name, value in blocks.get(Text(block), Map()).items()}
        return {name: entry for name, entry in read.items() if entry is not None}

    changes = {name: (change, _parts(tree["changes"][name])) for name, change in entries("changes", QuestionChange).items()}
    rules, first = entries("rules", RuleChange), entries("print_first", PrintFirst)
    return Site(str(typed.site) if typed else "", changes, rules, first, file, digest), problems


def _block(value: Any) -> Mapping[Text, Any]:
    if not isinstance(value, dict):
        raise wrong("a block of names belongs here, each with what is changed and because of what", place_of(value))
    return value


def _parts(block: Mapping[Text, Any]) -> Mapping[Text, Any]:
    return {key: value for key, value in block.items() if key not in Approved.model_fields}
