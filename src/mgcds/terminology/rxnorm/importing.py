"""From a release's folder to a site's table, in one call."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mgcds.terminology.drugs import Drugs
from mgcds.terminology.rxnorm.files import Progress, ReleaseError, release_files, version
from mgcds.terminology.rxnorm.products import tables_of
from mgcds.terminology.rxnorm.release import read_release
from mgcds.terminology.rxnorm.writing import write_site


@dataclass(frozen=True, slots=True)
class Summary:
    """What an import did. `refused` is (reason, how many, the first: file and line, or a code)."""

    folder: Path
    release: str | None
    hash: str
    products: tuple[tuple[str, int], ...]  # by term type
    new_products: int
    ndc: int
    ingredients: int
    new_ingredients: int
    strengths_not_read: int
    dangling: int
    refused: tuple[tuple[str, int, str], ...]


def import_release(source: Path, to: Path, drugs: Drugs, progress: Progress) -> Summary:
    """Reads the release in `source` and writes its table to the folder `to`; `drugs` are the rule library's own.

    Raises ReleaseError; what was in `to` is then as it was.
    """
    if to.exists() and not to.is_dir():
        raise ReleaseError([f"{to}: this is a file; name a folder for the table"])
    files = release_files(source)
    release = read_release(files, progress)
    tables = tables_of(release, drugs)
    if not any(row[1] == "SCD" for row in tables.products):
        raise ReleaseError([f"{files['RXNREL.RRF']}: no drug of RXNCONSO.RRF leads to its ingredients; "
                            "take all files of one release"])  # fmt: skip
    day = version(source, files["RXNCONSO.RRF"].parent)
    written = write_site(to, tables, day)
    refused = release.refused
    return Summary(
        to, day, written.hash, tuple(sorted(Counter(row[1] for row in tables.products).items())),
        sum(row[0] not in drugs.products for row in tables.products), len(tables.ndc), len(tables.ingredients),
        tables.new_ingredients, tables.strengths_not_read, release.dangling,
        tuple((reason, count, refused.first[reason]) for reason, count in sorted(refused.counts.items())),
    )  # fmt: skip
