"""What was shown, what clinicians answered and how it was decided, kept without anybody's name."""

from mgcds.store.database import database_at, open_database, prepare
from mgcds.store.failures import StoreError
from mgcds.store.memory import Event, Shown, Store
from mgcds.store.pseudonym import site_key
from mgcds.store.records import Decision, Recorder
from mgcds.store.repeats import Repeats
from mgcds.store.tokens import SpentTokens

__all__ = [
    "Decision",
    "Event",
    "Recorder",
    "Repeats",
    "Shown",
    "SpentTokens",
    "Store",
    "StoreError",
    "database_at",
    "open_database",
    "prepare",
    "site_key",
]
