"""A token is spent once, by whichever worker, and stays spent."""

from __future__ import annotations

import threading
from datetime import timedelta

from sqlalchemy import Engine, select

from mgcds.store import SpentTokens
from mgcds.store.tables import spent_tokens
from tests.unit.store.conftest import Open
from tests.unit.store.test_memory import NOW

LATER = NOW + timedelta(minutes=5)


def test_a_token_is_spent_once_per_issuer(engine: Engine) -> None:
    tokens = SpentTokens(engine)
    assert tokens.spend("a", "one", LATER, NOW)
    assert not tokens.spend("a", "one", LATER, NOW)
    assert not tokens.spend("a", "one", LATER + timedelta(days=1), NOW)
    assert tokens.spend("a", "two", LATER, NOW)
    assert tokens.spend("b", "one", LATER, NOW)


def test_one_that_is_past_its_time_opens_nothing(engine: Engine) -> None:
    assert not SpentTokens(engine).spend("a", "one", NOW, NOW)


def test_of_many_at_once_one_wins(shared: Open) -> None:
    workers = [SpentTokens(shared()) for _ in range(4)]
    won: list[bool] = []
    barrier = threading.Barrier(4)

    def use(tokens: SpentTokens) -> None:
        barrier.wait(60)
        won.extend(tokens.spend("a", f"jti-{number}", LATER, NOW) for number in range(20))

    threads = [threading.Thread(target=use, args=(tokens,)) for tokens in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert (len(won), sum(won)) == (80, 20)


def test_whatever_a_client_calls_itself_is_kept_as_a_hash(engine: Engine) -> None:
    assert SpentTokens(engine).spend("x" * 10_000, "zero \x00 and half \ud800", LATER, NOW)
    with engine.connect() as connection:
        ((issuer, jti),) = connection.execute(select(spent_tokens.c.issuer_hash, spent_tokens.c.jti_hash)).all()
    assert len(issuer) == len(jti) == 64
