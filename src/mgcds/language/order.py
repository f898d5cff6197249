"""An order file: what a suggestion asks for, in the words of a clinician and of FHIR's ServiceRequest."""

from __future__ import annotations

from typing import Literal

from mgcds.language.literals import Word
from mgcds.language.model import Model

PRIORITIES = ("stat", "urgent", "routine")  # the most urgent first


class OrderCode(Model):
    """One code of the thing ordered."""

    system: Word
    code: Word
    display: Word


class Order(Model):
    """rules/orders/<id>.yaml. `category`: laboratory, procedure or imaging; `in_days` when it is due, from today."""

    order: Word
    label: Word
    codes: tuple[OrderCode, ...]
    text: Word
    category: Literal["laboratory", "procedure"]
    priority: Literal["routine", "urgent", "stat"] = "routine"
    in_days: Word | None = None
