"""What the chart says to one question: not known, absent, or present with a value, a word, dates and references."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, NamedTuple

from mgcds.chart.facts import Note, Use
from mgcds.clock import Moment

Failure = Literal["exception", "timeout"]


# Named tuples, as an evaluation makes some forty answers and fifty pieces of evidence: 1.0 and 0.6 us each, where frozen
# dataclasses took 3.7 and 1.3.
class Because(NamedTuple):
    """One piece of data that an answer rests on. With a `sign` the value is only a limit: <15."""

    reference: str
    value: Decimal | None = None
    unit: str = ""
    word: str = ""
    date: str = ""
    sign: str = ""


class Answer(NamedTuple):
    """The answer to one question.

    `value`..`high` differ where a partial birth date leaves two ages possible, or where a laboratory told a limit instead of a
    number: then `sign` and `limit` say which (<15), and `value`..`high` is all that it may be. `oldest` is the age in days that
    "within" tests, `youngest` the one that "at least ... ago" tests; None without a date. `focus` says whether a
    triggering medicine is in the order at hand. `why` is the sentence that `explain` prints.
    """

    key: str
    known: bool
    present: bool = False
    value: Decimal | None = None
    high: Decimal | None = None
    unit: str = ""
    word: str = ""
    on: Moment | None = None
    oldest: int | None = None
    youngest: int | None = None
    drafted: bool = False
    focus: bool = False
    names: tuple[str, ...] = ()
    because: tuple[Because, ...] = ()
    uses: tuple[Use, ...] = ()
    parts: Mapping[str, str] = MappingProxyType({})
    missing: tuple[str, ...] = ()  # keys that could not be decided on the way to this answer
    notes: tuple[Note, ...] = ()
    why: str = ""
    sign: str = ""
    limit: Decimal | None = None
    failed: Failure | None = None  # not known for a fault of ours, which is no gap in the data

    @property
    def top(self) -> Decimal | None:
        """The largest value it may have."""
        return self.value if self.high is None else self.high

    @property
    def shown(self) -> Decimal | None:
        """The number to tell, after its `sign`."""
        return self.value if self.limit is None else self.limit

    @property
    def is_exact(self) -> bool:
        """Whether it has one possible value, or none at all."""
        return self.high is None or self.value == self.high


# A chart answers most questions with the same "not known" or "absent" as the one before. They are made once: the objects are
# frozen, hold nothing of a patient, and what is derived from them can be kept by identity. Of 99 answers
# at patient-view about eighty are such (engine/answers.py and session.py rest on it, and say what it saves).
_KINDS_OF_NOTHING = 4096


@lru_cache(_KINDS_OF_NOTHING)
def not_known(key: str, why: str, *, missing: tuple[str, ...] = ()) -> Answer:
    """The data that would answer were not supplied."""
    return Answer(key, known=False, why=why, missing=missing)


def absent(key: str, why: str, *, value: Decimal | None = None, unit: str = "", notes: tuple[Note, ...] = ()) -> Answer:
    """The data were supplied and hold nothing of the kind; counts and totals are 0."""
    if notes:  # these name records of a patient
        return Answer(key, known=True, value=value, unit=unit, why=why, notes=notes)
    return _absent(key, why, value, unit)


@lru_cache(_KINDS_OF_NOTHING)
def _absent(key: str, why: str, value: Decimal | None, unit: str) -> Answer:
    return Answer(key, known=True, value=value, unit=unit, why=why)
