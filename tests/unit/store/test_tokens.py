"""Used tokens: each is taken once, whoever asks, and forgotten when it is over."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from mgcds.store import SpentTokens, StoreError, open_database
from mgcds.store.tables import spent_tokens
from mgcds.store.tokens import CLEAN_EVERY

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
UNTIL = NOW + timedelta(minutes=6)
ONE, TWO = "https://one.example.org", "https://two.example.org"


def test_a_token_is_taken_once_for_each_issuer() -> None:
    tokens = SpentTokens(open_database(None))
    assert tokens.spend(ONE, "a", UNTIL, NOW)
    assert not tokens.spend(ONE, "a", UNTIL, NOW)
    assert not tokens.spend(ONE, "a", UNTIL + timedelta(hours=1), NOW)
    assert tokens.spend(ONE, "A", UNTIL, NOW)
    assert tokens.spend(TWO, "a", UNTIL, NOW)


def test_issuer_and_id_are_not_run_together() -> None:
    tokens = SpentTokens(open_database(None))
    assert tokens.spend("ab", "c", UNTIL, NOW)
    assert tokens.spend("a", "bc", UNTIL, NOW)


def test_it_is_known_up_to_its_end_and_the_id_is_free_afterwards() -> None:
    tokens = SpentTokens(open_database(None))
    assert tokens.spend(ONE, "a", UNTIL, NOW)
    assert not tokens.spend(ONE, "a", UNTIL, UNTIL)
    assert tokens.spend(ONE, "a", UNTIL + timedelta(hours=1), UNTIL + timedelta(seconds=1))


def test_of_many_at_once_in_two_processes_memory_one_wins(tmp_path: Path) -> None:
    """Two engines on one file, as two workers have them."""
    stores = [SpentTokens(open_database(tmp_path)) for _ in range(2)]
    won: list[bool] = []
    start = threading.Barrier(8)

    def race(store: SpentTokens) -> None:
        start.wait()
        won.append(store.spend(ONE, "a", UNTIL, NOW))

    threads = [threading.Thread(target=race, args=(stores[number % 2],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]


def test_what_is_over_is_cleaned_away(tmp_path: Path) -> None:
    engine = open_database(tmp_path)
    tokens = SpentTokens(engine)
    for number in range(5):
        tokens.spend(ONE, str(number), UNTIL, NOW)
    tokens.spend(ONE, "late", UNTIL + timedelta(hours=1), NOW)
    tokens.spend(ONE, "new", UNTIL + timedelta(hours=1), UNTIL + CLEAN_EVERY)
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(spent_tokens)).scalar() == 2


def test_nothing_of_issuer_or_id_stands_in_the_database(tmp_path: Path) -> None:
    engine = open_database(tmp_path)
    SpentTokens(engine).spend(ONE, "canaryJaneDoe", UNTIL, NOW)
    engine.dispose()
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"spent_tokens" in kept
    assert b"canaryJaneDoe" not in kept
    assert ONE.encode() not in kept


def test_a_database_that_cannot_be_written_is_an_error_and_no_answer(tmp_path: Path) -> None:
    engine = open_database(tmp_path)
    with engine.begin() as connection:
        spent_tokens.drop(connection)
    with pytest.raises(StoreError) as caught:
        SpentTokens(engine).spend(ONE, "canaryJaneDoe", UNTIL, NOW)
    assert "canaryJaneDoe" not in str(caught.value)
