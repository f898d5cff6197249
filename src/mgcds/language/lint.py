"""What a library must be beyond being readable: every name known, every number backed, units that agree."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mgcds.language.find import FirstThatHolds, Question, Spacing, Table, Taking, Trials
from mgcds.language.library import Library, LinkedRule
from mgcds.language.lint_facts import fact_problems
from mgcds.language.lint_governance import governance
from mgcds.language.literals import Number
from mgcds.language.rule import LEVELS
from mgcds.language.text import Placeholder, lint_text
from mgcds.language.when import AnyOf, Ask, Compare, Condition, Is, Says, Taken, asks, numbers
from mgcds.source import Place, Problem, Text
from mgcds.units import normal_unit

MOST_BRANCHES = 16
MOST_SUMMARY = 139
ID = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)+")


def lint(library: Library) -> list[Problem]:
    """Everything wrong with a linked library, in file order."""
    problems: list[Problem] = []
    for item in library.questions.values():
        problems += _question(library, item.key, item.question, item.place)
    for rule in library.rules.values():
        problems += _names(library, rule) + _hooks(library, rule) + _backed(library, rule) + _texts(library, rule)
        for condition in _conditions(rule):
            problems += unit_problems(library, condition)
            if _branch_count(condition) > MOST_BRANCHES:
                problems.append(
                    Problem(rule.model.place, f"a condition has more than {MOST_BRANCHES} branches; split the rule")
                )
    for asked in library.questions.values():
        for _, line in asked.lines:
            problems += unit_problems(library, line) if line is not None else []
    problems += _policy(library) + _same_meaning(library) + _sources(library) + _unused(library)
    problems += governance(library) + fact_problems(library)
    return sorted(set(problems))


def _conditions(rule: LinkedRule) -> Iterator[Condition]:
    yield from rule.when
    yield from rule.unless
    yield from (line for _, line in rule.levels if line is not None)
    yield from (also.when for also in rule.also)


def _branch_count(condition: Condition) -> int:
    if isinstance(condition, Ask):
        return max((len(test.words) for test in condition.tests if isinstance(test, Says)), default=1)
    if isinstance(condition, AnyOf):
        return sum(_branch_count(part) for part in condition.of)
    count = 1
    for part in getattr(condition, "of", ()):
        count *= _branch_count(part)
    return count


def _question(library: Library, key: str, question: Question, place: Place) -> list[Problem]:
    problems: list[Problem] = []
    known = library.terminology
    verb = question.verb
    if verb in ("latest", "lowest", "has", "pending", "booked"):
        for name in question.names():
            concept = known.concepts.get(str(name))
            if concept is None:
                problems.append(Problem(name.place, f"'{name}' is no concept; add it under concepts/, or correct the name"))
            elif verb in ("latest", "lowest") and concept.unit is None:
                problems.append(Problem(name.place, f"'{name}' has no unit, so it is no result; ask `has` of it"))
            elif verb in ("latest", "lowest") and normal_unit(getattr(question, "as_", "")) != concept.unit:
                problems.append(Problem(name.place, f"'{name}' is kept in {concept.unit}; write as: {concept.unit}"))
    if verb in ("taking", "exposure", "trials"):
        problems += _drug_names(library, question.names())
    if isinstance(question, Spacing):
        problems += _drug_names(library, question.from_)
        if str(question.intervals) not in library.intervals:
            problems.append(Problem(question.intervals.place, f"there is no table of intervals '{question.intervals}'"))
    if isinstance(question, Taking | Trials) and question.dose_at_least and str(question.dose_at_least) not in library.tables:
        problems.append(Problem(question.dose_at_least.place, f"there is no table '{question.dose_at_least}'; add it"))
    if isinstance(question, Taking):
        for name in (*question.for_, *question.not_for):
            if str(name) not in known.concepts:
                problems.append(Problem(name.place, f"'{name}' is no concept; add it under concepts/, or correct the name"))
    if isinstance(question, Table) and str(question.table) not in library.tables:
        problems.append(Problem(question.table.place, f"there is no table '{question.table}'; add it under tables/"))
    if "/" not in key and not question.source and any(True for _ in _own_numbers(question)):
        problems.append(Problem(place, f"'{key}' holds numbers and no source; add source: [..]"))
    for tests in question.words.values():
        problems += unit_problems(library, Ask(key, tests, place))
    parts = {**question.words, **question.lengths()}
    return problems + [
        Problem(part.place, f"site_may_change: '{part}' is no word or length of '{key}'; it has {', '.join(parts) or 'none'}")
        for part in question.site_may_change
        if part not in parts
    ]


def _drug_names(library: Library, names: tuple[Text, ...]) -> list[Problem]:
    known = library.terminology
    return [
        Problem(name.place, f"'{name}' is no drug class and no ingredient; add it under classes/, or correct the name")
        for name in names
        if str(name) not in known.classes and str(name) not in known.ingredient_names
    ]


def _own_numbers(question: Question) -> Iterator[str]:
    """Names of the options of a question that hold numbers, and of its words' tests."""
    yield from question.lengths()
    if isinstance(question, Table) and question.times > 1:
        yield "times"
    for tests in question.words.values():
        for test, _ in numbers(tests):
            yield test
    if isinstance(question, FirstThatHolds):
        for condition in question.conditions():
            for ask in asks(condition):
                yield from (test for test, _ in numbers(ask.tests))


def unit_problems(library: Library, condition: Condition) -> list[Problem]:
    """Tests in a linked condition that do not fit the answers they test."""
    problems: list[Problem] = []
    for ask in asks(condition):
        asked = library.questions.get(ask.question)
        if asked is None:
            continue
        for test in ask.tests:
            if isinstance(test, Compare) and isinstance(test.to, Number) and test.to.unit != asked.unit:
                way_out = f"write it in {asked.unit}" if asked.unit else "it has no number to compare"
                problems.append(Problem(test.to.place, f"{test.test}: {asked.name} is not in {test.to.unit}; {way_out}"))
            elif isinstance(test, Compare) and isinstance(test.to, str):
                other = library.questions.get(test.to)
                if other is not None and other.unit != asked.unit:
                    problems.append(
                        Problem(
                            ask.place,
                            f"{asked.name} is in {asked.unit or 'words'}, {other.name} in "
                            f"{other.unit or 'words'}; compare like with like",
                        )
                    )
            elif isinstance(test, Taken) and test.span.anchor != "today":
                problems.append(Problem(test.span.place, "taken counts from today; put the other date into the question"))
            elif isinstance(test, Is) and test.word == "absent" and asked.lines and asked.lines[-1][1] is not None:
                problems.append(Problem(ask.place, f"{asked.name} may stay undecided; end its lines with a word: otherwise"))
    return problems


def _names(library: Library, rule: LinkedRule) -> list[Problem]:
    model, problems = rule.model, []
    stem = rule.file.rsplit("/", 1)[-1].removesuffix(".yaml")
    if not ID.fullmatch(rule.id):
        problems.append(Problem(model.rule.place, "a rule id is <nutrient>-<situation> in lower case, like mg-low-ppi"))
    if stem != rule.id:
        problems.append(Problem(model.rule.place, f"the file is called {stem}.yaml; name file and rule alike"))
    if rule.group not in library.policy.groups:
        problems.append(Problem(model.shown_in.group.place, f"'{rule.group}' is no card group; add it to policy.yaml"))
    for reason in model.card.override:
        if str(reason) not in library.reasons:
            problems.append(Problem(reason.place, f"'{reason}' is no override reason; add it to reasons.yaml"))
    for suggestion in model.card.suggest:
        order = suggestion.order
        if order is not None and str(order) not in library.orders:
            problems.append(Problem(order.place, f"there is no order '{order}'; add it under orders/"))
        if sum(1 for part in (suggestion.order, suggestion.stop, suggestion.move) if part) != 1:
            problems.append(Problem(model.rule.place, "a suggestion is one of order, stop and move"))
        for part, verb in ((suggestion.stop, "taking"), (suggestion.move, "spacing")):
            key = rule.names.get(str(part)) if part else None
            if part and key and library.questions[key].question.verb != verb:
                problems.append(Problem(part.place, f"'{part}' is no question of {verb}"))
    for entry in model.evidence:
        for key in entry.source:
            if str(key) not in library.sources:
                problems.append(Problem(key.place, f"'{key}' is no source; add it to sources.yaml"))
    return problems


def _hooks(library: Library, rule: LinkedRule) -> list[Problem]:
    ordering = [hook for hook in rule.model.hooks if hook in library.policy.order_hooks]
    drafts_only = any(
        isinstance(question := library.questions[key].question, Taking) and question.only == "drafts" for key in rule.asked
    )
    if ordering and not rule.triggers and not drafts_only:
        message = f"at {ordering[0]} a finding must be about the order at hand; name the medicines under triggers"
        return [Problem(rule.model.place, message)]
    return []


def _backed(library: Library, rule: LinkedRule) -> list[Problem]:
    """Every number of the rule's own, and every table it uses, stands behind an evidence entry."""
    backed = {str(name) for entry in rule.model.evidence for name in entry.backs}
    names: dict[str, Place] = {}
    local = {name: key for name, key in rule.names.items() if "/" in key}
    for name, key in local.items():
        if not library.questions[key].question.source:
            for option in _own_numbers(library.questions[key].question):
                names[f"{name}.{option}"] = library.questions[key].place
    for written in (*rule.model.when, *rule.model.unless, *(line.when for line in rule.model.level if line.when)):
        for ask in asks(written):
            for test, literal in numbers(ask.tests):
                names[f"{ask.question}.{test}"] = literal.place
    problems = [
        Problem(place, f"no evidence backs this number; add '{name}' to an evidence entry's backs")
        for name, place in names.items()
        if name not in backed and name.split(".")[0] not in backed
    ]
    known = set(names) | {name.split(".")[0] for name in names} | set(rule.names)
    for entry in rule.model.evidence:
        for name in entry.backs:
            table = str(name).removeprefix("table ")
            if (
                str(name) not in known
                and str(name).split(".")[0] not in rule.names
                and table not in {*library.tables, *library.intervals}
            ):
                problems.append(Problem(name.place, f"'{name}' is no number of this rule; it has {', '.join(sorted(names))}"))
    return problems


def _texts(library: Library, rule: LinkedRule) -> list[Problem]:
    problems: list[Problem] = []
    templates = [*rule.summaries.values(), *rule.consider, *(also.say for also in rule.also)]
    templates += [rule.detail] if rule.detail else []
    for template in templates:
        for part in template.parts:
            if isinstance(part, Placeholder) and part.attribute:
                verb = library.questions[rule.names[part.question]].question
                if part.attribute not in (*verb.prints, "names"):
                    can = ", ".join((*verb.prints, "names"))
                    problems.append(Problem(template.place, f"'{part.question}.{part.attribute}' cannot be printed; {can} can"))
        fixed = "".join(part for part in template.parts if isinstance(part, str))
        problems += [Problem(template.place, message) for message in lint_text(fixed, library.policy.never_write)]
    for level, template in rule.summaries.items():
        fixed = "".join(part for part in template.parts if isinstance(part, str))
        if len(fixed) + 8 * len(template.placeholders()) > MOST_SUMMARY:
            problems.append(Problem(template.place, f"the summary at {level} cannot stay under 140 characters; shorten it"))
    return problems


def _policy(library: Library) -> list[Problem]:
    problems: list[Problem] = []
    policy = library.policy
    for row in policy.supersede:
        for name in (row.winner, *row.losers):
            if str(name) not in library.rules:
                problems.append(Problem(name.place, f"there is no rule '{name}'; correct the id"))
    allowed = set(library.rules) | {f"group {key}" for key in policy.groups} | {f"indicator {level}" for level in LEVELS}
    for drop in policy.suppress:
        for name in (*drop.drop, *drop.keep):
            if str(name) not in allowed:
                problems.append(Problem(name.place, f"'{name}' is no rule, group or indicator; correct it"))
    for reason in policy.override_reasons:
        if str(reason) not in library.reasons:
            problems.append(Problem(reason.place, f"'{reason}' is no override reason; add it to reasons.yaml"))
    return problems


def _same_meaning(library: Library) -> list[Problem]:
    """Two questions of the vocabulary with one meaning."""
    problems: list[Problem] = []
    seen: dict[str, str] = {}
    for key, item in library.questions.items():
        parts = [
            f"{field}={value!r}"
            for field, value in item.question
            if field not in ("title", "words", "source", "site_may_change")
        ]
        meaning = re.sub(r"place=Place\([^)]*\)", "", f"{item.question.verb} {parts}")
        if meaning in seen and ("/" not in key or "/" not in seen[meaning]):
            problems.append(Problem(item.place, f"'{item.name}' asks the same as '{seen[meaning]}'; use that"))
        seen.setdefault(meaning, key)
    return problems


def _sources(library: Library) -> list[Problem]:
    problems: list[Problem] = []
    for item in library.questions.values():
        problems += [
            Problem(key.place, f"'{key}' is no source; add it to sources.yaml")
            for key in item.question.source
            if str(key) not in library.sources
        ]
    cited = [key for table in library.tables.values() for row in table.rows for key in row.source]
    cited += [key for table in library.intervals.values() for row in table.rows for key in row.source]
    return problems + [
        Problem(key.place, f"'{key}' is no source; add it to sources.yaml") for key in cited if str(key) not in library.sources
    ]


def _unused(library: Library) -> list[Problem]:
    """Questions that no rule and no policy reaches, and words that no condition uses."""
    needed = set(library.policy_needs).union(*(rule.needs for rule in library.rules.values()), set())
    problems = [
        Problem(item.place, f"nobody uses the question '{item.name}'; remove it")
        for key, item in library.questions.items()
        if key not in needed
    ]
    return problems + [
        Problem(item.place, f"nobody uses the word '{word}' of '{item.name}'; remove it")
        for key, item in library.questions.items()
        for word in item.question.words
        if (key, word) not in library.used_words
    ]
