"""Prints answers for people: value, unit, date and names, with everything that came from a chart made harmless."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from mgcds.engine.answer import Answer, Because
from mgcds.language.find import FirstThatHolds, Has, Latest, Lowest, Spacing, Taking
from mgcds.language.library import Asked, Library
from mgcds.language.text import Placeholder, Template
from mgcds.units import plain, round_half_up

MOST_NAMES = 3
MOST_CHARACTERS_OF_A_NAME = 60
DAYS_OF_A_YEAR = Decimal("365.25")
FEWEST_DAYS_AS_YEARS = 731  # nobody reads 6148 days; completed years are told, never rounded up
_ESCAPED = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_{}[]()#+!|~>"})
_LINKED = re.compile(r"(?<=:)(?=//)|(?<=\bwww)(?=\.)|(?<=@)|(?<=\bmailto)(?=:)|(?<=\bxmpp)(?=:)", re.IGNORECASE)

Escape = Callable[[str], str]


@dataclass(frozen=True)
class Style:
    """How words of a chart are printed: made safe by `escape`, and at most so many names in one list."""

    escape: Escape
    most_names: int = MOST_NAMES


def harmless(text: str, most: int = MOST_CHARACTERS_OF_A_NAME) -> str:
    """Text from a chart without markup, control or direction characters: safe in plain text and in HTML."""
    kept = text
    if not text.isprintable():  # else there is no such character in it
        kept = "".join(" " if unicodedata.category(char)[0] == "C" else char for char in text)
    kept = kept.replace("<", "‹").replace(">", "›").replace("&", "and")
    kept = " ".join(kept.split())
    return kept if len(kept) <= most else kept[: most - 1] + "…"


def markdown(text: str) -> str:
    """As `harmless`, and with nothing that GitHub-flavoured Markdown would act on."""
    escaped = harmless(text).translate(_ESCAPED)
    return unlinked(f"\\{escaped}" if escaped.startswith("-") else escaped)  # a hyphen acts at the start only


def shorter() -> Iterator[Style]:
    """Plain text with ever fewer and shorter names, for a place that has no room for all of them."""
    for most_names, most_characters in ((3, MOST_CHARACTERS_OF_A_NAME), (2, 40), (1, 40), (1, 24)):
        yield Style(partial(harmless, most=most_characters), most_names)


def unlinked(text: str) -> str:
    """The same words, in which no address is taken for one: GitHub-flavoured Markdown makes links of them by itself."""
    return _LINKED.sub("\u200b", text)


def listed(names: tuple[str, ...], style: Style) -> str:
    """Up to as many names as the style allows, and how many more."""
    shown = [style.escape(name) for name in names[: style.most_names]]
    if len(names) > style.most_names:
        shown.append(f"{len(names) - style.most_names} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else "none"


def quantity(library: Library, answer: Answer, asked: Asked) -> str:
    """The value with its unit, and in the other unit that clinicians read where the concept names one."""
    value, sign = answer.shown, answer.sign
    assert value is not None
    text = f"{sign}{plain(value)} {answer.unit}"
    if answer.top is not None and not answer.is_exact and not sign:
        text = f"{plain(value)} or {plain(answer.top)} {answer.unit}"
    if answer.value == 1 and answer.unit.endswith("s") and answer.unit != "ms":
        text = f"1 {answer.unit[:-1]}"
    if answer.unit == "days" and value >= FEWEST_DAYS_AS_YEARS:
        text = f"{int(value / DAYS_OF_A_YEAR)} years"
    concept = library.terminology.concepts.get(answer.names[0]) if answer.names else None
    if isinstance(asked.question, Latest | Lowest) and concept and concept.print_also:
        texts = {answer.unit: text} | {
            unit: f"{sign}{plain(round_half_up(value / concept.factors[unit], decimals))} {unit}"
            for unit, decimals in concept.print_also
            if unit in concept.factors
        }
        text = texts.pop(concept.print_first if concept.print_first in texts else answer.unit)
        text += f" ({', '.join(texts.values())})" if texts else ""
    return text


def answer_text(library: Library, answer: Answer, asked: Asked, style: Style) -> str:
    """One answer as a card prints it."""
    if not answer.known:
        return "not known"
    question = asked.question
    if isinstance(question, FirstThatHolds | Spacing):
        return answer.word or "none"
    if isinstance(question, Taking | Has):
        return listed(answer.names, style)
    if answer.value is not None:
        return quantity(library, answer, asked)
    return answer.word or (listed(answer.names, style) if answer.names else "none")


def render(template: Template, names: Mapping[str, str], answers: Mapping[str, Answer], library: Library, style: Style) -> str:
    """A template with its placeholders filled. Load time has made sure that every name exists."""
    return "".join(
        [part if isinstance(part, str) else _placeholder(part, names, answers, library, style) for part in template.parts]
    )


def _placeholder(
    part: Placeholder, names: Mapping[str, str], answers: Mapping[str, Answer], library: Library, style: Style
) -> str:
    key = names[part.question]
    answer, asked = answers[key], library.questions[key]
    if not part.attribute:
        return answer_text(library, answer, asked, style)
    if part.attribute == "names":
        return listed(answer.names, style)
    if part.attribute == "count" and answer.known and answer.value is not None:
        return plain(answer.value)
    text = answer.parts.get(part.attribute, "")
    return style.escape(text) if text else "not known"


def because_text(because: Because, escape: Escape) -> str:
    """One piece of evidence: "1.5 mg/dL, 2026-11-18"."""
    parts = [f"{because.sign}{plain(because.value)} {because.unit}".strip()] if because.value is not None else []
    if because.word:
        parts.append(escape(because.word))
    if because.date:
        parts.append(because.date)
    return ", ".join(parts)
