"""Whether an override that a clinician gave before still silences a finding. The overrides are handed in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from mgcds.language.policy import Remember
from mgcds.language.rule import LEVELS


@dataclass(frozen=True, slots=True)
class Override:
    """A clinician overrode a card on which a rule stood at an indicator. `on`: that calendar day in the site's zone."""

    rule: str
    indicator: str
    on: date


def silencing(overrides: Iterable[Override], rule_id: str, level: str, today: date, remember: Remember) -> Override | None:
    """The newest override that silences a rule at this level today, or None.

    How long one counts is decided by the indicator that was overridden, because that is what the clinician judged; a finding
    at a higher level has not been judged. An override of a day to come does not count.
    """
    counting = [
        past
        for past in overrides
        if past.rule == rule_id
        and past.indicator in LEVELS
        and LEVELS.index(past.indicator) <= LEVELS.index(level)
        and (days := remember.days(past.indicator)) is not None
        and 0 <= (today - past.on).days <= days
    ]
    return max(counting, key=lambda past: past.on, default=None)
