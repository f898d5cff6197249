"""Finds the files of a release and reads them line by line, refusing whatever is no RRF file of RxNorm.

A damaged or cut file is refused whole: half a release would make medicines vanish without a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

COLUMNS = {"RXNCONSO.RRF": 18, "RXNREL.RRF": 16, "RXNSAT.RRF": 13}
_OF_UMLS = {"RXNCONSO.RRF": "MRCONSO.RRF", "RXNREL.RRF": "MRREL.RRF", "RXNSAT.RRF": "MRSAT.RRF"}
_UMLS_ID = re.compile(rb"C\d{7}")
_BOM = b"\xef\xbb\xbf"
_OURS = b"|RXNORM|"
_MOST_PROBLEMS = 5
_STEP = 1 << 20  # bytes between two reports of progress

Progress = Callable[[str, int], None]  # (file name, bytes read since the last call)


class ReleaseError(Exception):
    """The release cannot be used, or its table not be written; every problem is one line with its place."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of SAB RXNORM: `fields` as written, `place` for messages."""

    place: str
    fields: list[str]


def release_files(folder: Path) -> dict[str, Path]:
    """The three files by name, from the folder or its `rrf`. Raises ReleaseError if one is missing or is something else."""
    if folder.is_file():
        raise ReleaseError(
            [f"{folder}: this is a file; unpack the release and name the folder that holds {', '.join(COLUMNS)}"]
        )
    if not folder.is_dir():
        raise ReleaseError([f"{folder}: there is no such folder; name the unpacked release"])
    place = next((each for each in (folder, folder / "rrf") if any((each / name).is_file() for name in COLUMNS)), folder)
    missing = [name for name in COLUMNS if not (place / name).is_file()]
    if missing:
        packed = " (there is an archive in it; unpack that first)" if any(place.glob("*.zip")) else ""
        where = f"{place}" if place != folder else f"{folder} or {folder / 'rrf'}"
        raise ReleaseError([f"{place / name}: this file is missing; it must be in {where}{packed}" for name in missing])
    files = {name: place / name for name in COLUMNS}
    if problems := [problem for path in files.values() if (problem := _head_problem(path))]:
        raise ReleaseError(problems)
    return files


def _head_problem(path: Path) -> str | None:
    """What is wrong with the start of a file, before hundreds of megabytes are read."""
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16)
    except OSError as error:
        return f"{path}: the file cannot be read ({error.strerror})"
    start = head.removeprefix(_BOM).lstrip()
    if not start:
        return f"{path}:1: the file is empty; download or unpack the release again"
    if start[:1] == b"<":
        return (
            f"{path}:1: this is a web page or XML, not a release file; log in where the release is offered and download again"
        )
    if start[:2] == b"PK" or start[:2] == b"\x1f\x8b":
        return f"{path}:1: this is an archive; unpack it, and name the folder with what was in it"
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return f"{path}:1: this is UTF-16 text; release files are UTF-8: take the file as it was published"
    return _line_problem(path, 1, start.split(b"\n", 1)[0].rstrip(b"\r"))


def _line_problem(path: Path, number: int, line: bytes) -> str | None:
    """What is wrong with one line, whatever its source is."""
    columns, found = COLUMNS[path.name], line.count(b"|")
    if found != columns:
        other = next((name for name, count in COLUMNS.items() if count == found), None)
        hint = f"; {other} has that many" if other else "; the file was cut or edited: take it as it was published"
        return f"{path}:{number}: {found} columns, but {path.name} has {columns}{hint}"
    if _UMLS_ID.fullmatch(line.split(b"|", 1)[0]):
        return f"{path}:{number}: this is {_OF_UMLS[path.name]} of the UMLS; take {path.name} of an RxNorm release"
    if not line.isascii():
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            return f"{path}:{number}: this is not UTF-8 text; take the file as it was published"
    return None


def lines(path: Path, progress: Progress) -> Iterator[Line]:
    """Every line of SAB RXNORM. Raises ReleaseError after a few lines that are wrong, or at the end if there was one."""
    problems: list[str] = []
    read = 0
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            read += len(raw)
            if read > _STEP:
                progress(path.name, read)
                read = 0
            line = (raw.removeprefix(_BOM) if number == 1 else raw).rstrip(b"\r\n")
            if not line:
                continue
            if problem := _line_problem(path, number, line):
                problems.append(problem)
                if len(problems) == _MOST_PROBLEMS:
                    break
            elif _OURS in line and not problems:
                yield Line(f"{path.name}:{number}", line.decode("utf-8").split("|"))
    progress(path.name, read)
    if problems:
        raise ReleaseError(problems)


def version(folder: Path, place: Path) -> str | None:
    """The day of a release, YYYY-MM-DD, by the name of its folder, by its readme or its list of sources; None if not told."""
    place = place.resolve()
    top = place.parent if place.name == "rrf" else place
    named = [folder.resolve().name, top.name, *sorted(path.name for path in top.glob("[Rr]eadme*"))]
    for name in named:
        if (match := re.search(r"(?<!\d)(\d{2})(\d{2})(20\d{2})(?!\d)", name)) and (day := _day(match[3], match[1], match[2])):
            return day
    sources = place / "RXNSAB.RRF"
    if sources.is_file():
        text = sources.read_text(encoding="utf-8", errors="replace")
        if (match := re.search(r"\|RXNORM_\w*_(\d{2})(\d{2})(\d{2})F\|", text)) is not None:
            return _day(f"20{match[1]}", match[2], match[3])
    return None


def _day(year: str, month: str, day: str) -> str | None:
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None
