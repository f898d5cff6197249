"""Finds and reads the files of a rule library, so that checking and mutating them start from the same trees."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mgcds.language.facts import FACTS
from mgcds.language.governance import GOVERNANCE
from mgcds.source import Map, Place, Problem, Seq, SourceError, Text, read

NOT_RULES = ("concepts", "classes", "vocabulary", "tables", "orders", "templates")
TEST_SUFFIX = ".test.yaml"


@dataclass(frozen=True, slots=True)
class Files:
    """Parsed YAML by path relative to the library, and the hash of everything that is not a test."""

    root: Path
    rules: Mapping[str, Any]
    vocabulary: Mapping[str, Any]
    tables: Mapping[str, Any]
    orders: Mapping[str, Any]
    policy: Any
    sources: Any
    reasons: Any
    governance: Any
    facts: Any  # None where a library keeps none
    hash: str

    def trees(self) -> dict[str, Any]:
        """Every tree in which a number can be nudged, by file."""
        return {**self.rules, **self.vocabulary, **self.tables, "policy.yaml": self.policy}


def read_files(root: Path) -> Files:
    """Reads a library. Raises SourceError with every unreadable file's problems."""
    problems: list[Problem] = []

    def one(path: Path) -> Any:
        name = path.relative_to(root).as_posix()
        try:
            return read(path, shown_as=name)
        except SourceError as error:
            problems.extend(error.problems)
        except (OSError, UnicodeDecodeError):
            problems.append(Problem(Place(name, 1, 1), "the file cannot be read as UTF-8 text; check it is there"))
        return None

    def folder(name: str) -> dict[str, Any]:
        paths = sorted(path for path in (root / name).glob("**/*.yaml") if not path.name.endswith(TEST_SUFFIX))
        return {path.relative_to(root).as_posix(): one(path) for path in paths}

    if not (root / "policy.yaml").is_file():
        place = Place(str(root), 1, 1)
        raise SourceError([Problem(place, "this is no rule library: policy.yaml is missing; name the rules folder")])
    rule_folders = sorted(path.name for path in root.iterdir() if path.is_dir() and path.name not in NOT_RULES)
    rules = {name: tree for each in rule_folders for name, tree in folder(each).items()}
    tables = {
        name: tree
        for name, tree in folder("tables").items()
        if isinstance(tree, dict) and ("table" in tree or "intervals" in tree)
    }
    files = Files(
        root, rules, folder("vocabulary"), tables, folder("orders"),
        one(root / "policy.yaml"), one(root / "sources.yaml"), one(root / "reasons.yaml"),
        one(root / GOVERNANCE), one(root / FACTS) if (root / FACTS).is_file() else None, content_hash(root),
    )  # fmt: skip
    if problems:
        raise SourceError(problems)
    return files


def content_hash(root: Path) -> str:
    """A hash of every file that can change an answer: tests and prose are left out."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not name.endswith((TEST_SUFFIX, ".md")):
            digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def changed(tree: Any, old: Text, new: str) -> Any:
    """A copy of a tree with one scalar replaced, found by identity; its place stays."""
    if tree is old:
        return Text(new, old.place)
    if isinstance(tree, Map):
        copy = Map((Text(new, old.place) if key is old else key, changed(value, old, new)) for key, value in tree.items())
        copy.place = tree.place
        return copy
    if isinstance(tree, Seq):
        items = Seq(changed(item, old, new) for item in tree)
        items.place = tree.place
        return items
    return tree
