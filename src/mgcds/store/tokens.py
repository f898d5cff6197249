"""Remembers which tokens were used, so that each opens the door once, whichever worker it comes to."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Engine, delete, insert
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from mgcds.store.database import StoreError
from mgcds.store.tables import spent_tokens as spent

CLEAN_EVERY = timedelta(minutes=5)


class SpentTokens:
    """One database of used tokens. May be shared between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._cleaned: datetime | None = None

    def spend(self, issuer: str, jti: str, until: datetime, now: datetime) -> bool:
        """Notes a token until `until`; False when it was noted before. The primary key decides between two at once.

        Raises StoreError.
        """
        row = {"issuer": _hash(issuer), "jti": _hash(jti)}
        same = (spent.c.issuer == row["issuer"], spent.c.jti == row["jti"])
        try:
            self._clean(now)
            with self._engine.begin() as connection:
                connection.execute(delete(spent).where(*same, spent.c.until < now))
                connection.execute(insert(spent).values(**row, until=until))
        except IntegrityError:
            return False
        except SQLAlchemyError as error:
            raise StoreError(f"a token could not be noted ({type(error).__name__})") from None
        return True

    def _clean(self, now: datetime) -> None:
        """Now and then forgets the tokens that are refused for their age anyhow."""
        if self._cleaned is not None and now - self._cleaned < CLEAN_EVERY:
            return
        self._cleaned = now
        with self._engine.begin() as connection:
            connection.execute(delete(spent).where(spent.c.until < now))


def _hash(text: str) -> str:
    """Bounded, and nothing of what a client put into it."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
