"""Card texts under a site's changes: a sentence with a number that a site has changed is no longer true.

Rules should print such numbers, {{ low of serum_mg }}, and then they follow the site by themselves. Where a rule writes
the number out, the sentence is left out of the card, because a card without it is still true; a summary cannot go
without, so there the change is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mgcds.language.durations import Days, Span
from mgcds.language.find import Question
from mgcds.language.library import Library, LinkedRule
from mgcds.language.literals import Number
from mgcds.language.when import numbers
from mgcds.source import Map, Problem, Seq, Text
from mgcds.units import plain, round_half_up

_CARD, _SAY = Text("card"), Text("say")
_END = re.compile(r"(?<=[.!?])\s+")
_NAME = re.compile(r"(\{\{[^}]*\}\})")


@dataclass(frozen=True, slots=True)
class Edit:
    """A shared question before and after; `name` as the site file writes it, `parts` its changed words and lengths."""

    name: Text
    was: Question
    now: Question
    parts: tuple[str, ...]

    def old_numbers(self, library: Library) -> set[str]:
        """Numbers as a text may write them that are no longer those of a changed word or length."""
        return {text for part in self.parts for text in _numbers(self.was, part, library) - _numbers(self.now, part, library)}


@dataclass(slots=True)
class Edited:
    """Rule trees without outdated sentences, (rule id, sentence) of each, and what cannot be left out."""

    rules: dict[str, Any]
    left_out: list[tuple[str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def without_old_numbers(library: Library, rules: Mapping[str, Any], edits: list[Edit]) -> Edited:
    """The rule trees of a library in which no card names a number that an edit has changed."""
    edited = Edited(dict(rules))
    for rule in library.rules.values():
        for edit in edits:
            old = edit.old_numbers(library) if edit.name in rule.needs else set()
            if old:
                outdated = re.compile("|".join(rf"(?<![\d.]){re.escape(text)}(?![\w/])" for text in sorted(old)))
                _leave_out(edited, rule, outdated, edit.name, library.policy.sentences)
    return edited


def _leave_out(edited: Edited, rule: LinkedRule, outdated: re.Pattern[str], name: Text, shared: Mapping[str, Text]) -> None:
    tree: Map = edited.rules[rule.file]
    dropped: list[str] = []

    def kept(value: Any) -> Any:
        if isinstance(value, Text):
            sentences = _sentences(value, shared)
            true = [one for one in sentences if not outdated.search(shared.get(one.strip("{ }"), one))]
            dropped.extend(sentence for sentence in sentences if sentence not in true)
            return value if len(true) == len(sentences) else Text(" ".join(true), value.place)
        if isinstance(value, Seq):
            items = Seq(item for item in map(kept, value) if item not in ("", None))
            items.place = value.place
            return items
        if isinstance(value, Map) and _SAY in value:
            say = kept(value[_SAY])
            return _copy(value, {_SAY: say}) if say else None
        return value

    card = tree[_CARD]
    for key in card:
        if key.startswith("summary") and outdated.search(card[key]):
            message = f"the {key} of {rule.id} names a number that is changed here; keep it until the rule prints it"
            edited.problems.append(Problem(name.place, message))
    texts = {key: kept(card[key]) for key in card if key in ("detail", "also", "consider")}
    if dropped:
        edited.rules[rule.file] = _copy(tree, {_CARD: _copy(card, texts)})
        edited.left_out += [(rule.id, " ".join(sentence.split())) for sentence in dropped]


def _sentences(text: str, shared: Mapping[str, Text]) -> list[str]:
    """The sentences of a text; a shared sentence, {{ mg-limit }}, is one."""
    parts: list[str] = [""]
    for part in _NAME.split(text):
        if part.startswith("{{") and part.strip("{ }") in shared:
            parts += [part, ""]
        else:
            parts[-1] += part
    return [sentence for part in parts for sentence in _END.split(part) if sentence.strip()]


def _copy(tree: Map, values: Mapping[Text, Any]) -> Map:
    """The block with some values replaced, and without those that became empty."""
    items = ((key, values.get(key, value)) for key, value in tree.items())
    copy = Map((key, value) for key, value in items if value != "" and value != [])
    copy.place = tree.place
    return copy


def _numbers(question: Question, part: str, library: Library) -> set[str]:
    """The numbers of a word or length as a text may write them: 1.70 mg/dL, 1.7 mg/dL, 0.7 mmol/L; 42 days; within 90 days."""
    written: list[object] = [number for _, number in numbers(question.words.get(part, ()))]
    made: set[str] = set()
    for number in written or [question.lengths()[part]]:
        if isinstance(number, Span):
            made.add(number.text)
        elif isinstance(number, Days):
            made.add(str(number))
        elif isinstance(number, Number):
            made |= {f"{number.value} {number.unit}", str(number)}
            known = library.terminology.concepts
            for concept in (known[name] for name in map(str, question.names()) if name in known):
                for unit, decimals in concept.print_also:
                    other = round_half_up(number.value / concept.factors[unit], decimals)
                    made |= {f"{other} {unit}", f"{plain(other)} {unit}"}
    return made
