"""Writes a site's tables so that a failure at any moment leaves the old ones in use."""

from __future__ import annotations

import csv
import fcntl
import gzip
import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from mgcds.terminology.rxnorm.files import ReleaseError
from mgcds.terminology.rxnorm.products import Row, Tables
from mgcds.terminology.site import COLUMNS, FORMAT, INGREDIENTS, MANIFEST, NDC, PRODUCTS, SiteTables, read_tables

_PREFIX = "tables-"


def write_site(folder: Path, tables: Tables, release: str | None) -> SiteTables:
    """Puts tables in the place of a site's old ones, and returns them as they are read back.

    Raises ReleaseError where the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            return _write(folder, tables, release)
    except OSError as error:
        raise ReleaseError(
            [f"{folder}: cannot be written ({error.strerror}); the old table, if any, is still in use"]
        ) from None


def _write(folder: Path, tables: Tables, release: str | None) -> SiteTables:
    new = folder / f"{_PREFIX}{uuid4().hex[:12]}"
    aside = folder / f".{MANIFEST}-{new.name}"
    try:
        new.mkdir()
        sums = {}
        for name, rows in ((PRODUCTS, tables.products), (INGREDIENTS, tables.ingredients), (NDC, tables.ndc)):
            data = _csv(COLUMNS[name], rows)
            # No time in the archive: the same release gives the same hash.
            data = gzip.compress(data, mtime=0) if name == NDC else data
            sums[name] = hashlib.sha256(data).hexdigest()
            _put(new / name, data)
        _sync(new)
        read_back = read_tables(new, release, sums)
        value = {"format": FORMAT, "release": release, "tables": new.name, "files": sums}
        _put(aside, (json.dumps(value, indent=2) + "\n").encode())
        os.replace(aside, folder / MANIFEST)  # from here on the new tables count
    except BaseException:
        aside.unlink(missing_ok=True)
        if not _counts(folder, new):
            shutil.rmtree(new, ignore_errors=True)
        raise
    _sync(folder)
    for other in folder.glob(f"{_PREFIX}*"):
        if other != new:
            shutil.rmtree(other, ignore_errors=True)
    return read_back


def _counts(folder: Path, tables: Path) -> bool:
    """Whether these tables are the ones in use: an interruption may come just after they were put in place."""
    manifest = folder / MANIFEST
    return manifest.is_file() and tables.name in manifest.read_text(encoding="utf-8")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two imports at once would clear away each other's tables."""
    with (folder / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ReleaseError([f"{folder}: another import is writing here; wait for it to end"]) from None
        yield


def _csv(columns: Row, rows: tuple[Row, ...]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")


def _put(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
