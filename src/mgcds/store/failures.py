"""The one way in which the store fails."""

from __future__ import annotations


class StoreError(Exception):
    """The database cannot be opened, read or written; the message holds nothing of what was to be stored.

    `passing`: the same may well succeed later, because the database was locked, full or out of reach.
    """

    def __init__(self, message: str, *, passing: bool = False) -> None:
        self.passing = passing
        super().__init__(message)
