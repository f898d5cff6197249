"""A library as one site has changed it: checks a site file against the library, then links the library anew.

The changed words stand in the vocabulary before anything is linked, so that both engines, explanations, prefetch,
cards and rule pages see them and nothing else.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mgcds.language.durations import Span
from mgcds.language.files import Files
from mgcds.language.find import Question
from mgcds.language.library import Changed, Library, LinkedRule, SiteChanges
from mgcds.language.limits import moved, other_kind, other_span
from mgcds.language.link import read_questions
from mgcds.language.lint import lint
from mgcds.language.lint_questions import unit_problems
from mgcds.language.load import build
from mgcds.language.outdated import Edit, without_old_numbers
from mgcds.language.site import ACTIVE, RuleChange, Site, SiteError, read_site
from mgcds.language.when import Ask
from mgcds.source import Map, Place, Problem, Text, place_of
from mgcds.terminology import Terminology
from mgcds.units import normal_unit


def with_site(library: Library, files: Files, path: Path) -> Library:
    """The library under a site file. `library` must be sound and made of `files`. Raises SiteError with every problem."""
    site, problems = read_site(path)
    checked = [
        _changed(library, files, name, parts, problems)
        for name, (_, parts) in site.changes.items()
        if _known(name, _shared(library), "shared question", problems)
    ]
    for rule_id, change in site.rules.items():
        if _known(rule_id, library.rules, "rule", problems):
            problems += _rule_problems(library.rules[rule_id], rule_id, change)
    terminology = _units_first(library.terminology, site, problems)
    if problems:
        raise SiteError(problems)
    return _linked(library, files, site, [one for one in checked if one is not None], terminology)


@dataclass(frozen=True, slots=True)
class _Checked:
    """A question with the site's words in it, and which words and lengths are the site's."""

    name: Text
    tree: Map
    was: Question
    now: Question
    parts: Mapping[Text, Any]


def _shared(library: Library) -> list[str]:
    return [key for key in library.questions if "/" not in key]


def _known(name: Text, known: Iterable[str], what: str, problems: list[Problem]) -> bool:
    names = list(known)
    if name in names:
        return True
    near = difflib.get_close_matches(name, names, 1)
    way_out = f"did you mean '{near[0]}'?" if near else "correct the name, or remove it"
    problems.append(Problem(name.place, f"there is no {what} '{name}'; {way_out}"))
    return False


def _changed(library: Library, files: Files, name: Text, parts: Mapping[Text, Any], problems: list[Problem]) -> _Checked | None:
    """One question with the site's words; None, with everything that is wrong added to `problems`."""
    was = library.questions[name].question
    allowed = [str(part) for part in was.site_may_change]
    found: list[Problem] = []
    if not parts:
        found.append(Problem(name.place, f"nothing of {name} is changed; name what is, or remove it"))
    for part in parts:
        if part not in allowed:
            may = f"it may change {', '.join(allowed)}" if allowed else "it may change nothing of it"
            found.append(Problem(part.place, f"{name}: a site may not change '{part}'; {may}"))
    mine = {part: value for part, value in parts.items() if part in allowed}
    tree = _with(_tree(files, name), mine, was)
    now = read_questions(Map({name: tree}), found, place_of(name).file).get(name)
    if now is not None:
        found += _sense(library, name, was, now[1], mine)
    problems += found
    return _Checked(name, tree, was, now[1], mine) if now is not None and not found else None


def _sense(library: Library, name: Text, was: Question, now: Question, parts: Mapping[Text, Any]) -> list[Problem]:
    """What is wrong with changed parts that can be read."""
    found: list[Problem] = []
    places: dict[str, Place] = {}
    for part in parts:
        if part in was.words:
            wrong = unit_problems(library, Ask(str(name), now.words[part])) or other_kind(
                str(part), was.words[part], now.words[part], part.place
            )
            found += wrong
            places |= {} if wrong else {str(part): part.place}
        else:
            old, new = was.lengths()[part], now.lengths()[part]
            found += other_span(str(part), old, new) if isinstance(old, Span) and isinstance(new, Span) else []
    return found + list(moved(was, now, places))


def _tree(files: Files, name: str) -> Map:
    """The question as the vocabulary writes it."""
    tree: Map = next(tree[name] for tree in files.vocabulary.values() if name in tree)
    return tree


def _with(tree: Map, parts: Mapping[Text, Any], was: Question) -> Map:
    """The question as the vocabulary writes it, but for the site's parts, which keep their places in the site's file."""
    copy = Map((_replaced(key, value, parts, was) for key, value in tree.items()))
    copy.place = tree.place
    return copy


def _replaced(key: Text, value: Any, parts: Mapping[Text, Any], was: Question) -> tuple[Text, Any]:
    if key == "words" and isinstance(value, Map):
        words = Map(_named(word, tests, parts) for word, tests in value.items())
        words.place = value.place
        return key, words
    return (key, value) if key in was.words else _named(key, value, parts)


def _named(key: Text, value: Any, parts: Mapping[Text, Any]) -> tuple[Text, Any]:
    return next(((mine, new) for mine, new in parts.items() if mine == key), (key, value))


def _rule_problems(rule: LinkedRule, name: Text, change: RuleChange) -> list[Problem]:
    if rule.model.stewardship.status == "retired":
        return [Problem(name.place, f"'{name}' is retired and never evaluated; remove it")]
    if change.state == ACTIVE and change.hooks is None:
        return [Problem(name.place, f"nothing of {name} is changed; write state: shadow, state: off or hooks: [..]")]
    other = [hook for hook in change.hooks or () if hook not in rule.model.hooks]
    return [
        Problem(name.place, f"{name} does not answer {hook}; choose among its own hooks: {', '.join(rule.model.hooks)}")
        for hook in other
    ]


def _units_first(terminology: Terminology, site: Site, problems: list[Problem]) -> Terminology:
    """Terminology in which the site's units stand first on cards."""
    concepts = dict(terminology.concepts)
    for name, first in site.print_first.items():
        if not _known(name, concepts, "concept", problems):
            continue
        concept, unit = concepts[name], normal_unit(first.unit)
        units = [concept.unit, *(also for also, _ in concept.print_also)]
        if unit is None or unit not in units:
            can = " or ".join(str(each) for each in units if each) or "no unit"
            problems.append(Problem(first.unit.place, f"{name} is printed in {can}, not in {first.unit}; choose one of these"))
        concepts[str(name)] = replace(concept, print_first=unit)
    return replace(terminology, index=replace(terminology.index, concepts=concepts)) if site.print_first else terminology


def _linked(library: Library, files: Files, site: Site, checked: list[_Checked], terminology: Terminology) -> Library:
    """The library linked anew with what the site has changed."""
    trees = {str(one.name): one.tree for one in checked}
    vocabulary = {
        file: Map((key, trees.get(str(key), value)) for key, value in tree.items()) for file, tree in files.vocabulary.items()
    }
    edits = [Edit(one.name, one.was, one.now, tuple(map(str, one.parts))) for one in checked]
    edited = without_old_numbers(library, files.rules, edits)
    digest = hashlib.sha256(f"{files.hash}\0{site.hash}".encode()).hexdigest()[:16]
    sited, problems = build(replace(files, rules=edited.rules, vocabulary=vocabulary, hash=digest), terminology)
    if edited.problems or problems or sited is None:
        raise SiteError([*edited.problems, *problems])
    decided = {str(name): change for name, change in site.rules.items()}
    linked = {key: _decided(rule, decided[key]) if key in decided else rule for key, rule in sited.rules.items()}
    told = SiteChanges(site.name, tuple(_told(site, checked, files)), decided, tuple(edited.left_out))
    made = replace(sited, rules=linked, site=told)
    if wrong := lint(made):
        raise SiteError(wrong)
    return made


def _decided(rule: LinkedRule, change: RuleChange) -> LinkedRule:
    model = rule.model if change.hooks is None else rule.model.model_copy(update={"hooks": change.hooks})
    return replace(rule, model=model, state=change.state)


def _told(site: Site, checked: list[_Checked], files: Files) -> Iterable[Changed]:
    for one in checked:
        tree = _tree(files, one.name)
        for part, value in one.parts.items():
            old = tree[Text("words")][part] if part in one.was.words else tree[part]
            yield Changed(str(one.name), str(part), _written(old, value), _written(value, old), site.changes[one.name][0])


def _written(value: Any, other: Any) -> str:
    """A word's tests or a length as written: "below 1.60 mg/dL". Tests that `other` has too are left out."""
    if isinstance(value, Map) and isinstance(other, Map):
        tests = {key: test for key, test in value.items() if other.get(key) != test} or value
        return ", ".join(f"{key.replace('_', ' ')} {test}" for key, test in tests.items())
    return str(value)
