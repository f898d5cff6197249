"""Whether the rules are still reviewed on a day: what is overdue, and what will be soon."""

from __future__ import annotations

from datetime import date, timedelta

from mgcds.language.library import Library
from mgcds.source import Problem, Text

SOON = timedelta(days=60)
_FIRST = ("1.0.0", "0.")  # a first version, or one before it, needs no day of release of its own


def overdue(library: Library, today: date) -> list[Problem]:
    """Rules in use whose review date lies before `today`; on the day itself there is still time."""
    return [
        Problem(due.place, f"its review was due on {due}; review it, set reviewed and a new review_by, or retire the rule")
        for due in _due(library)
        if date.fromisoformat(due) < today
    ]


def warnings(library: Library, today: date) -> list[Problem]:
    """What is no problem yet: reviews due within `SOON`, and revisions that do not say when the rule first came out."""
    found = [
        Problem(due.place, f"warning: its review is due on {due}, in {(day - today).days} days; plan it")
        for due in _due(library)
        if today <= (day := date.fromisoformat(due)) <= today + SOON
    ]
    for rule in library.rules_in_use():
        kept = rule.model.stewardship
        if kept.released is None and not kept.version.startswith(_FIRST):
            message = f"warning: version {kept.version} is a revision; add released: with the day of the first version"
            found.append(Problem(kept.reviewed.place, message))
    return found


def _due(library: Library) -> list[Text]:
    return [rule.model.stewardship.review_by for rule in library.rules_in_use()]
