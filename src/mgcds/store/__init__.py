"""What was shown and what clinicians answered, kept without anybody's name."""

from mgcds.store.database import StoreError, open_database
from mgcds.store.memory import Event, Shown, Store
from mgcds.store.pseudonym import site_key
from mgcds.store.tokens import SpentTokens
from mgcds.store.repeats import Repeats

__all__ = ["Event", "Repeats", "Shown", "SpentTokens", "Store", "StoreError", "open_database", "site_key"]
