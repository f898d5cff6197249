"""Reads YAML into plain data in which every value remembers where it was written.

Knows nothing of rules: it is the only importer of the YAML parser. Scalars stay text until a type parses them,
so `on`, `12:30` and `0.70` arrive exactly as the author wrote them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_FILE_BYTES = 1_000_000
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
        node = YAML(typ="safe", pure=True).compose(text)  # as "rt", without gathering comments: a fifth faster
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else start
        cause = error.problem or error.context or "this is not YAML"
        raise SourceError([Problem(place, f"{cause}; check indentation, colons and quotes")]) from None
    if node is None:
        raise SourceError([Problem(start, "the file is empty; fill it, or delete it")])
    value = _plain(node, file, problems, set())
    if problems:
        raise SourceError(problems)
    return value


def _plain(node: Node, file: str, problems: list[Problem], seen: set[int]) -> Any:
    place = Place(file, node.start_mark.line + 1, node.start_mark.column + 1)
    if node.anchor or id(node) in seen:
        problems.append(Problem(place, "anchors and aliases are not allowed; write the value out"))
        return Text("", place)
    seen.add(id(node))
    tag = str(node.tag or "")
    if tag and tag.removeprefix("tag:yaml.org,2002:") not in _PLAIN_TAGS:
        problems.append(Problem(place, f"the tag {tag} is not allowed; write the value without it"))
    if isinstance(node, ScalarNode):
        # The parser marks where a folded text (written after >) was folded; the marks are no part of it.
        return Text(node.value.replace("\a", "") if node.style == ">" else node.value, place)
    if isinstance(node, SequenceNode):
        seq = Seq(_plain(item, file, problems, seen) for item in node.value)
        seq.place = place
        return seq
    assert isinstance(node, MappingNode)
    result = Map()
    result.place = place
    for key_node, value_node in node.value:
        key = _plain(key_node, file, problems, seen)
        if not isinstance(key, Text):
            problems.append(Problem(place_of(key, place), "a name must be a single word or phrase"))
            continue
        if key in result:
            problems.append(Problem(key.place, f"'{key}' is written twice; keep one"))
        result[key] = _plain(value_node, file, problems, seen)
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
