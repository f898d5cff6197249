"""Draws the numbers of the rules in a terminal, or makes JSON of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

from mgcds.store.report import Evaluated, RuleNumbers

_COUNTS = ("shown", "accepted", "overridden", "ignored", "waiting")


def draw_numbers(console: Console, found: Iterable[RuleNumbers], ignored_after: int) -> None:
    """One line a rule, and below the table why cards were overridden."""
    rows = list(found)
    if not rows:
        console.print("No cards: none was shown in this time, or none is kept.")
        return
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("rule", no_wrap=True)
    for name in (*_COUNTS, "repeats"):
        table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
    for each in rows:
        table.add_row(each.rule, *(str(getattr(each, name)) for name in _COUNTS), f"{each.repeat_rate:.0%}")
    console.print(table, soft_wrap=False)
    console.print(f"Ignored: no feedback within {ignored_after} days; waiting: none yet. Repeats: shown to a patient")
    console.print("who had been shown it. A card with several rules counts for each of them.")
    if any(each.reasons for each in rows):
        console.print("\nOverridden because:")
    for each in rows:
        if each.reasons:
            why = ", ".join(f"{reason} {number}" for reason, number in each.reasons.items())
            console.print(f"  {each.rule}: {why}", markup=False)


def draw_evaluated(console: Console, found: Evaluated) -> None:
    """How often each rule ended how."""
    console.print()
    if not found.evaluations:
        console.print("No decision records in this time.")
        return
    console.print(
        f"{found.evaluations} evaluations, half of them within {found.median_ms} ms, 95% within {found.ms_of_95_percent} ms"
    )
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("rule", no_wrap=True)
    table.add_column("ended as")
    for rule, states in found.states.items():
        table.add_row(rule, ", ".join(f"{state} {number}" for state, number in states.items()))
    console.print(table, soft_wrap=False)


def numbers_json(found: Iterable[RuleNumbers], states: Evaluated | None) -> dict[str, Any]:
    """The same numbers for programs."""
    made: dict[str, Any] = {
        "rules": {
            each.rule: {name: getattr(each, name) for name in (*_COUNTS, "repeats")}
            | {"repeat_rate": round(each.repeat_rate, 4), "reasons": dict(each.reasons)}
            for each in found
        }
    }
    if states is not None:
        made["evaluations"] = states.evaluations
        made["milliseconds"] = {"median": states.median_ms, "95%": states.ms_of_95_percent}
        made["states"] = {rule: dict(ends) for rule, ends in states.states.items()}
    return made
