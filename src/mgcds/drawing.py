"""Draws cards, explanations and the outcome of an import in a terminal, in the width of an EHR's side panel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text

from mgcds.engine.evaluate import NOT_SUPPLIED
from mgcds.engine.explain import Explanation
from mgcds.terminology.rxnorm import Summary

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
    from rich.markdown import Markdown  # late: its parser would be a fortieth of the start of the service

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
    # Of a question that is left open its name stands beside the code.
    notes = evaluation.get("notes", [])
    counted = Counter((note["code"], note["code"] == NOT_SUPPLIED.code and "find" in note) for note in notes)
    left_open = counted.pop((NOT_SUPPLIED.code, True), 0)
    if left_open:
        console.print(Text(f"Not supplied: the data for {left_open} questions", style="dim"))
    if counted:
        shown = ", ".join(f"{code} {number}" for (code, _), number in sorted(counted.items()))
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


def draw_import(console: Console, done: Summary) -> None:
    """What an import read, what it left out and why, and where the table is."""
    kinds = ", ".join(f"{number} {term_type}" for term_type, number in done.products)
    console.print(f"Release: {done.release or 'its day is not told by its folder or files'}", markup=False)
    console.print(f"Products: {sum(number for _, number in done.products)} ({kinds}), {done.new_products} of them new")
    console.print(f"NDC codes: {done.ndc}")
    console.print(f"Ingredients and salts: {done.ingredients}, {done.new_ingredients} of them new")
    if done.strengths_not_read:
        console.print(f"Components whose strength is not told or not understood: {done.strengths_not_read}")
    if done.dangling:
        console.print(f"Relations to codes that the release does not hold: {done.dangling}")
    console.print("Left out:" if done.refused else "Left out: nothing")
    for reason, number, first in done.refused:
        console.print(f"  {number:>7}  {reason} (the first: {first})", markup=False)
    console.print(f"Table: {done.folder} (hash {done.hash})", markup=False)
