"""What tests of every kind share: the real library and its terminology, loaded once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mgcds.engine.evaluate import Engine
from mgcds.language.library import Library
from mgcds.language.load import load
from mgcds.terminology import Terminology
from tests.postgresql import Cluster, programs

ROOT = Path(__file__).parent.parent
RULES = ROOT / "rules"


@pytest.fixture(scope="session")
def library() -> Library:
    return load(RULES)


@pytest.fixture(scope="session")
def terminology(library: Library) -> Terminology:
    return library.terminology


@pytest.fixture(scope="session")
def engine(library: Library) -> Engine:
    return Engine(library)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A running PostgreSQL server; tests that ask for it are skipped where it is not installed."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    cluster = Cluster(found)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()
