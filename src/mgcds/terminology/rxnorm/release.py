"""A release in memory: its concepts, how they hang together, their strengths and NDC codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mgcds.terminology.rxnorm.files import Line, Progress, ReleaseError, lines
from mgcds.terminology.systems import ndc_readings

TERM_TYPES = frozenset({"IN", "PIN", "MIN", "SCDC", "SCD", "SBD", "GPCK", "BPCK", "BN", "SCDF", "DF"})
# The last three are not needed for drugs, but say what a salt or a combination is made of.
RELATIONS = frozenset({
    "consists_of", "has_ingredient", "has_precise_ingredient", "has_dose_form", "tradename_of", "contains",
    "has_ingredients", "has_part", "form_of",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """A concept under its main name."""

    tty: str
    name: str
    atom: str


@dataclass(slots=True)
class Refused:
    """Lines and concepts that were left out: how many for each reason, and the first of them."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, place: str) -> None:
        """One more, at `place`: file and line, or a code."""
        self.counts[reason] += 1
        self.first.setdefault(reason, place)


@dataclass(frozen=True, slots=True)
class Release:
    """`links` leads from (relation, code) to codes; `ndc` from 11 digits to a code."""

    entries: Mapping[str, Entry]
    links: Mapping[tuple[str, str], tuple[str, ...]]
    strengths: Mapping[str, str]  # of components
    available: Mapping[str, str]  # of products
    ndc: Mapping[str, str]
    dangling: int
    refused: Refused

    def linked(self, relation: str, code: str) -> tuple[str, ...]:
        """The codes that a code leads to, also those that are left out, in order."""
        return self.links.get((relation, code), ())

    def kept(self, relation: str, code: str, *term_types: str) -> tuple[str, ...]:
        """As `linked`, of these term types only."""
        return tuple(each for each in self.linked(relation, code) if each in self.entries and self.tty(each) in term_types)

    def tty(self, code: str) -> str:
        """The term type of a code that is kept."""
        return self.entries[code].tty


def read_release(files: Mapping[str, Path], progress: Progress) -> Release:
    """Reads the three files. Raises ReleaseError if one is damaged, or if together they hold no usable drug."""
    refused = Refused()
    entries, known = _concepts(files["RXNCONSO.RRF"], progress, refused)
    if not any(entry.tty == "SCD" for entry in entries.values()):
        raise ReleaseError([f"{files['RXNCONSO.RRF']}: holds no clinical drug (TTY SCD, SAB RXNORM, SUPPRESS N); "
                            "take the full or the prescribable release"])  # fmt: skip
    links, dangling = _relations(files["RXNREL.RRF"], known, progress)
    if not any(relation == "consists_of" for relation, _ in links):
        raise ReleaseError([f"{files['RXNREL.RRF']}: no drug of RXNCONSO.RRF has a component; take all files of one release"])
    strengths, available, ndc, obsolete = _attributes(files["RXNSAT.RRF"], entries, progress, refused)
    if not strengths:
        raise ReleaseError(
            [f"{files['RXNSAT.RRF']}: no component of RXNCONSO.RRF has a strength; take all files of one release"]
        )
    for code in sorted(obsolete, key=int):
        refused.add("obsolete concepts", code)
        del entries[code]
    return Release(entries, {key: tuple(sorted(found, key=int)) for key, found in links.items()}, strengths, available, ndc,
                   dangling, refused)  # fmt: skip


def _concepts(path: Path, progress: Progress, refused: Refused) -> tuple[dict[str, Entry], set[str]]:
    """Concepts under their main name, and every code that exists, of whatever type."""
    entries: dict[str, Entry] = {}
    known: set[str] = set()
    for line in lines(path, progress):
        code, atom, source, tty, name, suppress = (line.fields[at] for at in (0, 7, 11, 12, 14, 16))
        if source != "RXNORM":
            continue
        if not code.isdecimal() or not code.isascii():
            refused.add("concept codes that are no number", line.place)
            continue
        known.add(code)
        if tty not in TERM_TYPES or suppress != "N":
            continue
        if "=" in name or not name.strip():
            refused.add("names that are empty or hold '='", line.place)
        elif code in entries:
            refused.add("second names of a concept", line.place)
        else:
            entries[code] = Entry(tty, name.strip(), atom)
    return entries, known


def _relations(path: Path, known: set[str], progress: Progress) -> tuple[dict[tuple[str, str], set[str]], int]:
    """What leads to what, and how many relations name a code that does not exist."""
    links: dict[tuple[str, str], set[str]] = {}
    dangling = 0
    for line in lines(path, progress):
        to, code, relation, source, suppress = (line.fields[at] for at in (0, 4, 7, 10, 14))
        # Relations of RxNorm itself mostly leave SUPPRESS empty; relations between names, not concepts, have no codes.
        if source != "RXNORM" or relation not in RELATIONS or suppress not in ("N", "") or not to or not code:
            continue
        if to in known and code in known:
            links.setdefault((relation, code), set()).add(to)
        else:
            dangling += 1
    return links, dangling


def _attributes(
    path: Path, entries: Mapping[str, Entry], progress: Progress, refused: Refused
) -> tuple[dict[str, str], dict[str, str], dict[str, str], set[str]]:
    """Strengths of components and of products, products by NDC, and obsolete codes."""
    strengths: dict[str, str] = {}
    available: dict[str, str] = {}
    ndc: dict[str, str] = {}
    twice: dict[str, str] = {}
    obsolete: set[str] = set()
    for line in lines(path, progress):
        code, atom, name, source, value, suppress = (line.fields[at] for at in (0, 3, 8, 9, 10, 11))
        if source != "RXNORM" or suppress != "N" or code not in entries:
            continue
        if name == "RXN_STRENGTH":
            strengths[code] = value
        elif name == "RXN_AVAILABLE_STRENGTH":
            available[code] = value
        elif name == "RXN_OBSOLETED" and atom in ("", entries[code].atom):  # an old name alone makes nothing obsolete
            obsolete.add(code)
        elif name == "NDC":
            _add_ndc(line, code, value, ndc, twice, refused)
    for digits, place in twice.items():
        refused.add("NDC codes that lead to two products", place)
        del ndc[digits]
    return strengths, available, ndc, obsolete


def _add_ndc(line: Line, code: str, value: str, ndc: dict[str, str], twice: dict[str, str], refused: Refused) -> None:
    readings = ndc_readings(value)
    if len(readings) != 1:
        refused.add("NDC codes that are not 11 digits", line.place)
    elif ndc.setdefault(readings[0], code) != code:
        twice[readings[0]] = line.place
