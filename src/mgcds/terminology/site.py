"""A site's own product table, which lies on top of the rule library's tables.

A folder with `release.json`, which names the folder of the tables that count and their checksums. The tables have the
shape of the library's: products.csv, ingredients.csv, ndc.csv.gz. An import writes new tables beside the old ones and
then replaces release.json alone, so that a reader finds either the old tables or the new ones.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from sys import intern
from typing import Any

from mgcds.source import Place, Problem, SourceError

MANIFEST = "release.json"
FORMAT = 1
PRODUCTS, INGREDIENTS, NDC = "products.csv", "ingredients.csv", "ndc.csv.gz"
COLUMNS = {PRODUCTS: ("code", "tty", "name", "form", "ingredients"), INGREDIENTS: ("code", "name", "tty", "in_code"),
           NDC: ("ndc", "code")}  # fmt: skip
AGAIN = "import the release again with mgcds terminology import"


@dataclass(frozen=True)
class SiteTables:
    """What a site imported; `hash` changes with any row."""

    release: str | None  # the day of the release, where known
    hash: str
    products: Mapping[str, tuple[str, str, str]]  # code -> (name, form, ingredients as written)
    ingredient_of: Mapping[str, str]  # ingredient code -> name, a salt's being that of its ingredient
    packed_ndc: bytes  # kept packed, because few requests hold an NDC, and whole, because a later import removes the file

    def named_by(self, library: Mapping[str, str], names: frozenset[str]) -> dict[str, tuple[str, str, str]]:
        """The products, with ingredients named as a rule library names them that learned a code after the import."""
        renamed = {old: library[code] for code, old in self.ingredient_of.items() if code in library and old not in names}
        if not renamed:
            return dict(self.products)

        def part(text: str) -> str:
            name, equals, strength = text.partition("=")
            return renamed.get(name, name) + equals + strength

        return {
            code: (name, form, "|".join(map(part, written.split("|")))) for code, (name, form, written) in self.products.items()
        }

    def ndc(self) -> dict[str, str]:
        """11-digit NDC -> product code."""
        return codes_by_ndc(io.StringIO(gzip.decompress(self.packed_ndc).decode("utf-8"), newline=""))


def codes_by_ndc(table: Iterable[str]) -> dict[str, str]:
    """11-digit NDC -> product code, of the lines of a table.

    The first request that holds an NDC waits for it, and it stays: 24 ms and 4 MB for the 62,000 of the library, where
    csv.DictReader takes 96, and 8 MB.
    """
    lines = csv.reader(table)
    ndc, code = map(next(lines).index, ("ndc", "code"))
    return {line[ndc]: intern(line[code]) for line in lines if line}


def read_site(folder: Path) -> SiteTables | None:
    """The tables of a site, None before its first import. Raises SourceError if they are damaged or the place is wrong."""
    if not folder.parent.is_dir():
        raise _wrong(folder.parent, "there is no such folder; create it, or correct MGCDS_DATA_DIR")
    manifest = folder / MANIFEST
    if not manifest.is_file():
        if any(folder.glob("tables-*")):
            raise _wrong(manifest, f"this file is missing, but there are tables beside it; {AGAIN}")
        return None
    try:
        value: Any = json.loads(manifest.read_text(encoding="utf-8"))
        form, tables, release, sums = value["format"], str(value["tables"]), value["release"], dict(value["files"])
    except (OSError, ValueError, KeyError, TypeError):
        raise _wrong(manifest, f"this file cannot be read; {AGAIN}") from None
    if form != FORMAT:
        raise _wrong(manifest, f"it was written by another version of mgcds; {AGAIN}")
    return read_tables(folder / tables, release if isinstance(release, str) else None, sums)


def read_tables(folder: Path, release: str | None, sums: Mapping[str, str]) -> SiteTables:
    """Tables whose checksums are known. Raises SourceError."""
    data: dict[str, bytes] = {}
    for name, columns in COLUMNS.items():
        try:
            data[name] = (folder / name).read_bytes()
        except OSError:
            raise _wrong(folder / name, f"this table cannot be read; {AGAIN}") from None
        if hashlib.sha256(data[name]).hexdigest() != sums.get(name):
            raise _wrong(folder / name, f"this table was changed after its import; {AGAIN}")
        head = gzip.decompress(data[name]) if name == NDC else data[name]
        if head.split(b"\n", 1)[0].strip() != ",".join(columns).encode():
            raise _wrong(folder / name, f"its columns are not {', '.join(columns)}; {AGAIN}")
    ingredients = {row["code"]: row for row in _rows(data[INGREDIENTS])}
    return SiteTables(
        release, tables_hash(sums),
        {row["code"]: (row["name"], row["form"], row["ingredients"]) for row in _rows(data[PRODUCTS])},
        {code: ingredients.get(row["in_code"], row)["name"] for code, row in ingredients.items()}, data[NDC],
    )  # fmt: skip


def tables_hash(sums: Mapping[str, str]) -> str:
    """One short hash for all tables."""
    return hashlib.sha256("\n".join(f"{name} {sums[name]}" for name in COLUMNS).encode()).hexdigest()[:16]


def _rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))


def _wrong(path: Path, message: str) -> SourceError:
    return SourceError([Problem(Place(str(path), 1, 1), message)])
