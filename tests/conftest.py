"""What tests of every kind share: the real library and its terminology, loaded once."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgcds.engine.evaluate import Engine
from mgcds.language.library import Library
from mgcds.language.load import load
from mgcds.terminology import Terminology

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
