"""Draws cards and explanations in a terminal, in the width of an EHR's side panel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, Group
from rich.markdown import Markdown
from rich.panel import Panel
from rich.text import Text

from mgcds.engine.explain import Explanation

WIDTH = 76
_COLOURS = {"critical": "red", "warning": "yellow", "info": "blue"}
_SIGNS = {"critical": "!!", "warning": "!", "info": "i"}
_STATE_SIGNS = {
    "fired": "*",
    "not-fired": "-",
    "not-evaluable": "?",
    "superseded": "<",
    "suppressed": "x",
    "shadow": "~",
    "error": "E",
    "off": "o",
}


def draw_cards(console: Console, answer: dict[str, Any]) -> None:
    """Each card as a panel, then what could not be used."""
    cards = answer["cards"]
    if not cards:
        console.print("No cards: no rule has something to say.")
    for card in cards:
        level = card["indicator"]
        parts: list[Any] = [Text(card["summary"], style="bold"), Text(), Markdown(card.get("detail", ""))]
        if card.get("suggestions"):
            parts += [Text(), Text("Suggestions", style="bold")]
            parts += [Text(f"  [ {suggestion['label']} ]") for suggestion in card["suggestions"]]
        if card.get("overrideReasons"):
            reasons = ", ".join(reason["display"].lower() for reason in card["overrideReasons"])
            parts += [Text(), Text(f"Override: {reasons}", style="dim")]
        title = Text(f" {_SIGNS[level]} {level.upper()} ")
        console.print(Panel(Group(*parts), title=title, title_align="left", subtitle=Text(card["source"]["label"]),
                            subtitle_align="right", border_style=_COLOURS[level], width=WIDTH), soft_wrap=False)  # fmt: skip
    _draw_notes(console, answer["extension"]["org.mgcds.evaluation"])


def _draw_notes(console: Console, evaluation: dict[str, Any]) -> None:
    notes = evaluation.get("notes", [])
    counted: dict[str, int] = {}
    for note in notes:
        counted[note["code"]] = counted.get(note["code"], 0) + 1
    if counted:
        shown = ", ".join(f"{code} {number}" for code, number in sorted(counted.items()))
        console.print(Text(f"Not used: {shown}", style="dim"))


def draw_explanations(console: Console, explanations: Iterable[Explanation]) -> None:
    """Fired rules first; for each its end state and every condition with the data it saw."""
    order = list(_STATE_SIGNS)
    for found in sorted(explanations, key=lambda e: (order.index(e.state) if e.state != "not-fired" else 99, e.rule)):
        console.print(Text(f"{_STATE_SIGNS[found.state]} {found.rule}", style="bold"), Text(f"{found.summary}."))
        for mark, condition, data in found.lines:
            console.print(Text(f"    {mark:<9} {condition}"))
            if data:
                console.print(Text("              " + " ".join(data.split()), style="dim"))
        console.print()
