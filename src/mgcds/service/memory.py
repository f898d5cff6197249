"""Override memory beside the calls: a store that fails costs the memory, never a card."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import structlog

from mgcds.engine.evaluate import Evaluation
from mgcds.engine.remember import Override
from mgcds.language.policy import Remember
from mgcds.service.errors import Refused
from mgcds.service.exchange import current
from mgcds.service.repeats import Asked, names_of, without
from mgcds.settings import Settings
from mgcds.store import Event, Repeats, Shown, Store, StoreError, open_database, site_key

log = structlog.get_logger(__name__)


def open_memory(settings: Settings, remember: Remember) -> Memory:
    """The memory that the settings name. Raises StoreError."""
    given = settings.pseudonym_key.get_secret_value() if settings.pseudonym_key else None
    engine = open_database(settings.data_dir)
    key = site_key(given, settings.data_dir)
    return Memory(Store(engine, key), settings, remember, Repeats(engine, key))


class Memory:
    """What the service asks of its store. Its methods block: call them in a thread."""

    def __init__(self, store: Store, settings: Settings, remember: Remember, repeats: Repeats) -> None:
        self._store = store
        self._repeats = repeats
        self._settings = settings
        self._remember = remember
        self.failures = 0  # since the start of this process

    def under(self, remember: Remember) -> Memory:
        """The same memory under another library."""
        return Memory(self._store, self._settings, remember)

    def close(self) -> None:
        """Lets go of the database."""
        self._store.close()

    def overrides(self, issuer: str, patient_id: str, today: date) -> tuple[Override, ...]:
        """What was overridden for a patient and may still count; nothing where the store fails, so that cards show again."""
        days = self._remember.longest
        if days < 0:
            return ()
        try:
            return self._store.overrides(issuer=issuer, patient_id=patient_id, today=today, zone=self._settings.zone, days=days)
        except StoreError as error:
            self._failed("overrides not read", str(error))
            return ()

    def unrepeated(self, evaluation: Evaluation, asked: Asked) -> Evaluation:
        """The evaluation without what this clinician was shown before, where the client asks for that."""
        if not (asked.remember or asked.filter):
            return evaluation
        names = names_of(evaluation, asked.whose, self._repeats)
        now = self._settings.now()
        try:
            if asked.remember:
                self._repeats.remember(names.values(), at=now)
                return evaluation
            known = self._repeats.known(names.values(), at=now)
        except StoreError as error:
            self._failed("what was shown before not known", str(error))
            return evaluation
        return without(evaluation, {rule_id for rule_id, name in names.items() if name in known})

    def show(self, cards: Sequence[Shown], *, issuer: str, service: str, patient_id: str) -> None:
        """Records cards before they go out; where the store fails they go out all the same."""
        try:
            self._store.show(cards, issuer=issuer, service=service, patient_id=patient_id, at=self._settings.now())
        except StoreError as error:
            self._failed("cards not recorded", str(error))

    def late(self) -> None:
        """Says that cards went out before they were recorded; feedback on them may be too early."""
        self._failed("cards not recorded", "the database is slow")

    def note(self, events: Sequence[Event], *, issuer: str) -> int:
        """Records feedback; gives the number of events whose card is not known. Raises Refused with status 503."""
        try:
            return self._store.note(events, issuer=issuer, at=self._settings.now())
        except StoreError as error:
            self._failed("feedback not recorded", str(error))
            raise Refused(503, "transient", "The feedback could not be stored; nothing of it was. Send it again.") from None

    def _failed(self, event: str, why: str) -> None:
        self.failures += 1
        current().store_failures += 1
        log.error(event, why=why, failures=self.failures)


def shown(answer: dict[str, object]) -> tuple[Shown, ...]:
    """The cards of an answer, as the store keeps them."""
    cards = answer["cards"]
    assert isinstance(cards, list)
    return tuple(
        Shown(
            UUID(card["uuid"]),
            tuple((finding["rule"], finding["indicator"]) for finding in card["extension"]["org.mgcds.findings"]),
        )
        for card in cards
    )
