"""Every database that the store runs on: SQLite in memory, SQLite in a file, PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from mgcds.store import open_database
from tests.postgresql import Cluster

Open = Callable[[], Engine]


@pytest.fixture(scope="session")
def template(postgresql: Cluster) -> str:
    """A database with our tables in it, of which each test gets a copy."""
    name = postgresql.new_database()
    open_database(None, postgresql.url(name)).dispose()
    return name


@pytest.fixture(params=["memory", "file", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """One empty database of each kind."""
    if request.param == "postgresql":
        cluster, template = request.getfixturevalue("postgresql"), request.getfixturevalue("template")
        name = cluster.new_database(template)
        engine = open_database(None, cluster.url(name))
        yield engine
        engine.dispose()
        cluster.drop(name)
    else:
        engine = open_database(tmp_path / "data" if request.param == "file" else None)
        yield engine
        engine.dispose()


@pytest.fixture(params=["file", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens one empty database again and again, as several processes do. At first there is nothing in it."""
    opened: list[Engine] = []

    def opening(url: str | None) -> Open:
        def open_it() -> Engine:
            opened.append(open_database(tmp_path / "data", url))
            return opened[-1]

        return open_it

    if request.param == "postgresql":
        cluster = request.getfixturevalue("postgresql")
        name = cluster.new_database()
        yield opening(cluster.url(name))
        for engine in opened:
            engine.dispose()
        cluster.drop(name)
    else:
        yield opening(None)
        for engine in opened:
            engine.dispose()
