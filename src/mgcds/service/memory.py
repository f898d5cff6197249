"""Override memory beside the calls: a store that fails costs the memory, never a card."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import partial
from uuid import UUID

import structlog

from mgcds.cards import findings_on
from mgcds.engine.evaluate import Evaluation
from mgcds.engine.remember import Override
from mgcds.language.policy import Remember
from mgcds.service.errors import Refused
from mgcds.service.exchange import current
from mgcds.service.opening import Opening
from mgcds.service.recording import Recording
from mgcds.service.repeats import Asked, names_of, without
from mgcds.service.upkeep import Upkeep, kept_days
from mgcds.settings import Settings
from mgcds.store import Event, Recorder, Repeats, Shown, SpentTokens, Store, StoreError, database_at, prepare, site_key
from mgcds.store.erasure import use_key
from mgcds.store.report import RuleNumbers, numbers
from mgcds.store.retention import forget

log = structlog.get_logger(__name__)
# After a look into the memory that failed, the next ones are left out for this many times as long as it took: a database
# that answers nobody must not make every clinician wait for it. A refusal takes no time, so then every call tries.
_PAUSE = 5


def open_memory(settings: Settings, remember: Remember) -> Memory:
    """The memory that the settings name; its database may still be away. Raises StoreError where waiting would not help."""
    given = settings.pseudonym_key.get_secret_value() if settings.pseudonym_key else None
    url = settings.database_url.get_secret_value() if settings.database_url else None
    engine = database_at(settings.data_dir, url)
    key = site_key(given, settings.data_dir)

    def open_it() -> None:
        prepare(engine)
        if use_key(engine, key, settings.now()):
            log.warning("the key of the pseudonyms has changed: what was stored under another one is not found any more")

    opening = Opening(open_it)
    opening.first()
    kept, _ = kept_days(settings, remember)
    if settings.retention_days is not None and kept != settings.retention_days:
        log.warning("overrides count longer than MGCDS_RETENTION_DAYS, so cards and feedback are kept for longer", days=kept)
    recording = Recording(Recorder(engine), key, settings) if settings.keeps_records else None
    upkeep = Upkeep(partial(forget, engine), settings, remember)
    tokens = SpentTokens(engine)
    return Memory(
        Store(engine, key),
        settings,
        remember,
        Repeats(engine, key),
        tokens,
        partial(numbers, engine),
        recording,
        upkeep,
        opening,
    )


class Memory:
    """What the service asks of its store. Its methods block: call them in a thread."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        remember: Remember,
        repeats: Repeats,
        tokens: SpentTokens,
        count: Callable[..., tuple[RuleNumbers, ...]],
        recording: Recording | None = None,
        upkeep: Upkeep | None = None,
        opening: Opening | None = None,
    ) -> None:
        self._store = store
        self._repeats = repeats
        self.tokens = tokens
        self._count = count
        self._settings = settings
        self._remember = remember
        self.recording = recording  # None: decisions are not recorded
        self.upkeep = upkeep
        self.opening = opening
        self._again_at = 0.0
        self.failures = 0  # since the start of this process

    def under(self, remember: Remember) -> Memory:
        """The same memory under another library."""
        return Memory(
            self._store, self._settings, remember, self._repeats, self.tokens, self._count, self.recording, self.upkeep,
            self.opening,
        )  # fmt: skip

    @property
    def is_away(self) -> bool:
        """Whether the database has not been opened since the start."""
        return self.opening is not None and self.opening.is_away

    def begin(self) -> None:
        """Starts what runs beside the calls."""
        if self.opening is not None:
            self.opening.begin()
        if self.upkeep is not None:
            self.upkeep.begin()

    def close(self) -> None:
        """Writes the records that wait, and lets go of the database."""
        if self.opening is not None:
            self.opening.end()
        if self.upkeep is not None:
            self.upkeep.end()
        if self.recording is not None:
            self.recording.recorder.close()
        self._store.close()

    def pseudonyms(self, issuer: str, *, user: str, patient_id: str) -> tuple[str, str]:
        """What stands for a user and a patient; "" for nobody."""
        return self._store.whose(issuer, user) if user else "", self._store.whose(issuer, patient_id) if patient_id else ""

    def overrides(self, issuer: str, patient_id: str, today: date) -> tuple[Override, ...]:
        """What was overridden for a patient and may still count; nothing where the store fails, so that cards show again."""
        days = self._remember.longest
        if days < 0:
            return ()
        started = time.monotonic()
        if started < self._again_at:
            self._failed("overrides not read", "the database did not answer a moment ago")
            return ()
        try:
            return self._store.overrides(issuer=issuer, patient_id=patient_id, today=today, zone=self._settings.zone, days=days)
        except StoreError as error:
            ended = time.monotonic()
            self._again_at = ended + _PAUSE * (ended - started)
            self._failed("overrides not read", str(error))
            return ()

    def unrepeated(self, evaluation: Evaluation, asked: Asked) -> Evaluation:
        """The evaluation without what this clinician was shown before, where the client asks for that."""
        if not (asked.remember or asked.filter):
            return evaluation
        names = names_of(evaluation, asked.whose, self._repeats)
        now = self._settings.instant()  # hours by the clock, whatever day is tested
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

    def numbers(self, days: int) -> tuple[RuleNumbers, ...] | None:
        """What became of the cards of the last days, by rule; None where it cannot be told."""
        now = self._settings.now()
        try:
            return self._count(now=now, since=now - timedelta(days=days))
        except Exception as error:  # noqa: BLE001 - whatever it is, the other metrics and their alerts must not fail with it
            self._failed("cards not counted", str(error) if isinstance(error, StoreError) else type(error).__name__)
            return None

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
            tuple((finding["rule"], finding["indicator"]) for finding in findings_on(card)),
        )
        for card in cards
    )
