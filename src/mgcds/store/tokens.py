"""Tokens that were used: each opens one door once, whichever worker it is shown to."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from sqlalchemy import Engine

from mgcds.store.tables import spent_tokens
from mgcds.store.transactions import inserting, writing


class SpentTokens:
    """The tokens of one database. May be shared between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def spend(self, issuer: str, jti: str, until: datetime, now: datetime) -> bool:
        """Whether this token is used for the first time; from then on, it is spent.

        `until`: when it would no longer be accepted anyway; before that no row is deleted. A token that is past it is
        spent already. When this returns, it is on the disk. Raises StoreError: then the token must not be accepted.
        """
        if until <= now:
            return False
        row = {"issuer_hash": _hash(issuer), "jti_hash": _hash(jti), "until": until}
        spending = inserting(self._engine, spent_tokens).values(row).on_conflict_do_nothing().returning(spent_tokens.c.until)
        with writing(self._engine) as connection:
            # Only a row that was added comes back; the number of rows is not told for an INSERT by every driver.
            return connection.execute(spending).first() is not None


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
