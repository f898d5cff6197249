"""The Chart: plain, frozen facts about one patient on one day. Knows FHIR references, not FHIR; has never heard of rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from mgcds.clock import Moment
from mgcds.terminology.types import Medicine

# The kinds of data a client may or may not have supplied. Each laboratory batch is a kind of its own (its prefetch key).
PATIENT, MEDICATIONS, STATEMENTS = "patient", "medications", "statements"
CONDITIONS, PROCEDURES, ORDERS = "conditions", "procedures", "orders"


@dataclass(frozen=True, slots=True)
class Note:
    """Something we could not use, and why; `code` is one of the contract's note codes."""

    code: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """The patient. Partial birth dates give the earliest and latest day of birth."""

    reference: str
    born: Moment | None = None
    sex: str | None = None  # "male", "female"; None for anything else or nothing


class Result(NamedTuple):
    """One measurement, already in its concept's unit and rounded as the concept says.

    With a `sign` (<, <=, >, >=) the laboratory gave no number, only a limit: <15 says that it lies somewhere below 15.
    """

    concept: str
    value: Decimal
    unit: str
    taken: Moment
    reference: str
    period_days: int | None = None  # for records over several days (diet): days recorded, both ends included
    computed_from: str = ""  # "creatinine" where the value was computed, else empty
    sign: str = ""


@dataclass(frozen=True, slots=True)
class Portion:
    """How much of one ingredient a day, as labelled. None: not computable. `low`..`high` for a written range (mg)."""

    ingredient: str
    nutrient: str | None
    low: Decimal | None
    high: Decimal | None
    elemental: Decimal | None  # mg of the nutrient a day, from `high`
    basis: str  # as Ingredient.basis


@dataclass(frozen=True, slots=True)
class Times:
    """When doses are taken. `minutes` None: times of day not written. `weekdays` None: any day (0 is Monday)."""

    minutes: tuple[int, ...] | None = None
    weekdays: frozenset[int] | None = None


Said = tuple[tuple[Portion, ...], tuple[Times, ...], int | None]  # what a Dosing says


class Dosing:
    """What the instructions of a use say: how much a day, when in the day, for how long.

    It may be worked out when it is first asked for: most uses of a long record are over, and hardly any rule asks for their
    doses. Measured at 500 kB, a fifth of it prescriptions: 11.8 ms to read a chart became 8.9. Equal, copied and pickled by
    what it says.
    """

    __slots__ = ("_read", "_said")

    _read: Callable[[], Dosing]

    def __init__(
        self, portions: tuple[Portion, ...] = (), times: tuple[Times, ...] = (), length_days: int | None = None
    ) -> None:
        self._said: Said | None = (portions, times, length_days)

    @classmethod
    def later(cls, read: Callable[[], Dosing]) -> Dosing:
        """What `read` will say; it must not fail."""
        made = cls.__new__(cls)
        made._said, made._read = None, read
        return made

    @property
    def portions(self) -> tuple[Portion, ...]:
        """The ingredients of the medicine, each with its amount a day."""
        return self._all()[0]

    @property
    def times(self) -> tuple[Times, ...]:
        """When doses are taken, by instruction."""
        return self._all()[1]

    @property
    def length_days(self) -> int | None:
        """The length of the course, as written in bounds."""
        return self._all()[2]

    def _all(self) -> Said:
        if self._said is None:
            self._said = self._read()._all()
            del self._read  # and with it the record
        return self._said

    def __eq__(self, other: object) -> bool:
        return self._all() == other._all() if isinstance(other, Dosing) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._all())

    def __repr__(self) -> str:
        return "Dosing({!r}, {!r}, {!r})".format(*self._all())

    def __reduce__(self) -> tuple[type[Dosing], Said]:
        return Dosing, self._all()


UNWRITTEN = Dosing()


class Use(NamedTuple):
    """One record that a medicine is, was or is about to be used."""

    medicine: Medicine
    reference: str
    active: bool
    drafted: bool = False
    selected: bool = False  # named in context.selections of order-select
    route: str | None = None  # oral, enteral, intravenous, intramuscular, topical, ...; None when not written
    start: Moment | None = None
    end: Moment | None = None  # None with active: still running
    recorded: Moment | None = None  # authoredOn, dateAsserted...: which of two records is newer
    dosing: Dosing = UNWRITTEN
    indications: frozenset[str] = frozenset()  # condition concepts
    supply_days: int | None = None  # days supplied x (1 + repeats)
    links: frozenset[str] = frozenset()  # references of records that are the same order

    @property
    def portions(self) -> tuple[Portion, ...]:
        """The ingredients of the medicine, each with its amount a day."""
        return self.dosing.portions

    @property
    def times(self) -> tuple[Times, ...]:
        """When doses are taken, by instruction."""
        return self.dosing.times

    @property
    def length_days(self) -> int | None:
        """The length of the course, as written in bounds."""
        return self.dosing.length_days


@dataclass(frozen=True, slots=True)
class Problem:
    """A condition, procedure or coded flag that is active now."""

    concepts: frozenset[str]
    name: str
    reference: str
    onset: Moment | None = None
    added: bool = False  # it is being put on the problem list now


@dataclass(frozen=True, slots=True)
class Request:
    """An order or appointment that is not yet done."""

    concepts: frozenset[str]
    name: str
    reference: str
    due: Moment | None = None
    booked: bool = False  # a planned procedure or appointment, rather than a pending laboratory order


@dataclass(frozen=True, slots=True)
class Chart:
    """All that one request told us, and what it did not supply."""

    today: date
    hook: str
    person: Person
    supplied: frozenset[str]
    results: tuple[Result, ...] = ()
    uses: tuple[Use, ...] = ()
    problems: tuple[Problem, ...] = ()
    requests: tuple[Request, ...] = ()
    notes: tuple[Note, ...] = ()
    unresolved: tuple[str, ...] = ()  # names of medicines that were not understood, as written
    drafts: Mapping[str, Any] = field(default_factory=dict)  # reference -> draft resource as sent, for suggestions
    partial: frozenset[str] = frozenset()  # kinds of which there is more than was supplied
