"""Reads YAML into plain data in which every value remembers where it was written.

Knows nothing of rules: it is the only importer of the YAML parser. Scalars stay text until a type parses them,
so `on`, `12:30` and `0.70` arrive exactly as the author wrote them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MAX_FILE_BYTES = 1_000_000
# Events, not PyYAML's values: no scalar is interpreted, so nothing of YAML 1.1 (yes, 12:30) reaches a rule. libyaml in C reads
# the library in 0.1 s where parsers in Python take 2 to 5.
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_PLAIN_TAGS = frozenset({"str", "int", "float", "bool", "null", "timestamp", "map", "seq"})  # what untagged values get


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file; lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


NOWHERE = Place("", 0, 0)


class Text(str):
    """A scalar as written, with its place."""

    __slots__ = ("place",)
    place: Place

    def __new__(cls, value: str, place: Place = NOWHERE) -> Text:
        text = super().__new__(cls, value)
        text.place = place
        return text


class Map(dict[Text, Any]):
    """A mapping, with the place of its first key."""

    place: Place = NOWHERE


class Seq(list[Any]):
    """A sequence, with the place of its first item."""

    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with a file: a place, a cause and a way out."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class SourceError(Exception):
    """A file cannot be used; carries every problem found in it, in line order."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def place_of(value: object, otherwise: Place = NOWHERE) -> Place:
    """Where a value read by this module was written."""
    return getattr(value, "place", otherwise)


def read(path: Path, *, shown_as: str | None = None) -> Any:
    """The content of one YAML file (one document) as Map, Seq and Text. Raises SourceError."""
    return read_text(path.read_text(encoding="utf-8"), shown_as or str(path))


def read_text(text: str, file: str) -> Any:
    """As `read`, for text already in memory; `file` is the name used in errors."""
    start = Place(file, 1, 1)
    if len(text) > MAX_FILE_BYTES:
        raise SourceError([Problem(start, f"the file is larger than {MAX_FILE_BYTES} bytes; split it")])
    problems: list[Problem] = []
    try:
        value = _document(yaml.parse(text, Loader=_LOADER), file, problems)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else start
        cause = error.problem or error.context or "this is not YAML"
        raise SourceError([Problem(place, f"{cause}; check indentation, colons and quotes")]) from None
    except yaml.YAMLError:
        raise SourceError([Problem(start, "the file holds a character that YAML does not allow; write plain text")]) from None
    except RecursionError:
        raise SourceError([Problem(start, "the file is nested too deeply; make it flatter")]) from None
    if problems:
        raise SourceError(problems)
    return value


def _document(events: Iterator[yaml.Event], file: str, problems: list[Problem]) -> Any:
    """The value of the only document. Raises YAMLError."""
    value, count = None, 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            count += 1
            if count == 2:
                problems.append(Problem(_place(event, file), "a file holds one document; take the line --- away"))
        elif isinstance(event, yaml.NodeEvent):
            value = _value(event, events, file, problems)
    if count == 0:
        problems.append(Problem(Place(file, 1, 1), "the file is empty; fill it, or delete it"))
    return value


def _place(event: Any, file: str) -> Place:  # Any: the published types of events lack what parsers of text give them
    return Place(file, event.start_mark.line + 1, event.start_mark.column + 1)


def _value(event: Any, events: Iterator[yaml.Event], file: str, problems: list[Problem]) -> Any:
    """The value that begins with an event; takes the events that belong to it."""
    place = _place(event, file)
    if isinstance(event, yaml.AliasEvent) or event.anchor:
        problems.append(Problem(place, "anchors and aliases are not allowed; write the value out"))
    if isinstance(event, yaml.AliasEvent):
        return Text("", place)
    if event.tag and event.tag.removeprefix("tag:yaml.org,2002:") not in _PLAIN_TAGS:
        problems.append(Problem(place, f"the tag {event.tag} is not allowed; write the value without it"))
    if isinstance(event, yaml.ScalarEvent):
        return Text(event.value, place)
    if isinstance(event, yaml.SequenceStartEvent):
        seq = Seq()
        seq.place = place
        while not isinstance(item := next(events), yaml.SequenceEndEvent):
            seq.append(_value(item, events, file, problems))
        return seq
    result = Map()
    result.place = place
    while not isinstance(item := next(events), yaml.MappingEndEvent):
        key = _value(item, events, file, problems)
        value = _value(next(events), events, file, problems)
        if not isinstance(key, Text):
            problems.append(Problem(place_of(key, place), "a name must be a single word or phrase"))
            continue
        if key in result:
            problems.append(Problem(key.place, f"'{key}' is written twice; keep one"))
        result[key] = value
    return result


def scalars(value: Any) -> Iterator[Text]:
    """Every scalar value below `value`, keys left out, in file order."""
    if isinstance(value, dict):
        for item in value.values():
            yield from scalars(item)
    elif isinstance(value, list):
        for item in value:
            yield from scalars(item)
    elif isinstance(value, Text):
        yield value
