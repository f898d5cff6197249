"""Rules in plain words: titles of questions, conditions as sentences, and the numbers a rule rests on."""

from __future__ import annotations

from collections.abc import Iterator

from mgcds.language.durations import Span
from mgcds.language.find import (
    Booked,
    Course,
    Exposure,
    Has,
    Intake,
    Latest,
    Lowest,
    Patient,
    Pending,
    Question,
    Spacing,
    Table,
    Taking,
    Total,
    Trials,
)  # fmt: skip
from mgcds.language.library import Asked, Library, LinkedRule
from mgcds.language.literals import Number
from mgcds.language.when import All, AnyOf, Ask, AtHook, Compare, Condition, Is, NoneWithin, Says, Taken, Test, asks
from mgcds.units import plain

_COMPARED = {"below": "below", "at_most": "at most", "above": "above", "at_least": "at least"}
_IS = {
    "present": "is present", "absent": "is absent", "in focus": "is in the order at hand", "drafted": "is being ordered",
}  # fmt: skip


def title_of(asked: Asked, library: Library) -> str:
    """What a question is about: "serum magnesium", "elemental magnesium a day"."""
    question = asked.question
    if question.title is not None:
        return str(question.title)
    if isinstance(question, Latest | Lowest):
        return _concepts(question, library)[0]
    if isinstance(question, Has | Pending | Booked):
        shown = _concepts(question, library)
        text = " or ".join(shown[:3]) + (f" or {len(shown) - 3} more" if len(shown) > 3 else "")
        return {"has": "", "pending": "a pending order for ", "booked": "a booking for "}[question.verb] + text
    if isinstance(question, Taking | Exposure | Trials):
        return _drugs(question, library)
    if isinstance(question, Total):
        return f"elemental {question.total} from medicines and supplements"
    if isinstance(question, Course):
        return "the length of the course"
    if isinstance(question, Intake):
        return f"dietary {question.intake}"
    if isinstance(question, Table):
        title = library.tables[str(question.table)].title
        return f"{question.times} times the {_lower(title)}" if question.times > 1 else f"the {_lower(title)}"
    if isinstance(question, Spacing):
        product = title_of(library.questions[asked.refs[str(question.spacing)]], library)
        return f"the timing of {' or '.join(_class_title(str(n), library) for n in question.from_)} and {product}"
    if isinstance(question, Patient):
        return question.patient
    return asked.name.replace("_", " ")


def _lower(title: str) -> str:
    """A title inside a sentence; abbreviations such as eGFR or PHQ-9 keep their capitals."""
    first = title.split(" ")[0]
    keeps = "'" in first or any(char.isupper() or char.isdigit() for char in first[1:])  # Crohn's, eGFR, PHQ-9
    return title if keeps else title[0].lower() + title[1:]


def _concepts(question: Question, library: Library) -> list[str]:
    known = library.terminology.concepts
    return [_lower(known[str(name)].title) if str(name) in known else str(name) for name in question.names()]


def _class_title(name: str, library: Library) -> str:
    classes = library.terminology.classes
    return _lower(classes[name].title) if name in classes else name


def _drugs(question: Question, library: Library) -> str:
    text = " or ".join(_class_title(str(name), library) for name in question.names())
    if isinstance(question, Exposure):
        return f"unbroken use of {text}"
    if isinstance(question, Trials):
        return f"adequate trials of {text}"
    if isinstance(question, Taking):
        parts = [f"as {' or '.join(question.kind)}"] if question.kind else []
        parts += [f"by the {' or '.join(question.by)} route"] if question.by else []
        parts += [f"other than by the {' or '.join(question.not_by)} route"] if question.not_by else []
        return " ".join([text, *parts])
    return text


def sentence(condition: Condition, library: Library) -> str:
    """A condition in words."""
    if isinstance(condition, AtHook):
        return f"the hook is {' or '.join(condition.hooks)}"
    if isinstance(condition, All):
        return " and ".join(sentence(part, library) for part in condition.of)
    if isinstance(condition, AnyOf):
        return "(" + " or ".join(sentence(part, library) for part in condition.of) + ")"
    asked = library.questions[condition.question]
    title = title_of(asked, library)
    if "/" in asked.key and (narrowed := ", ".join(qualifiers(asked.question))):  # the rule's own; shared ones stand below
        title = f"{title} ({narrowed})"
    return f"{title} {' and '.join(_test(test, library) for test in condition.tests)}"


def _test(test: Test, library: Library) -> str:
    if isinstance(test, Is):
        return _IS[test.word]
    if isinstance(test, Says):
        return f"is {' or '.join(test.words)}"
    if isinstance(test, Compare):
        to = str(test.to) if isinstance(test.to, Number) else title_of(library.questions[test.to], library)
        return f"is {_COMPARED[test.test]} {to}"
    if isinstance(test, Taken):
        return f"is from {span(test.span)}"
    assert isinstance(test, NoneWithin)
    return f"has no result within {test.days}"


def qualifiers(question: Question) -> Iterator[str]:
    """Look-backs and lengths of a question, in words: "started at least 28 days before serum mg"."""
    for name, lead in (("taken", "taken"), ("started", "started"), ("ended", "ended"), ("onset", "since"), ("due", "due")):
        value = getattr(question, name, None)
        for each in value if isinstance(value, tuple) else (value,) if value is not None else ():
            yield f"{lead} {each.text.replace('_', ' ')}"
    if isinstance(question, Trials):
        yield f"each for at least {question.lasting}"
    if isinstance(question, Exposure):
        yield f"courses up to {question.courses_merge_within} apart count as one"
    if isinstance(question, Intake):
        lasting = f", recorded for at least {question.recorded_for}" if question.recorded_for else ""
        yield f"at most {question.within} old{lasting}"
    if isinstance(question, Taking) and question.supply:
        yield f"supplied for at least {question.supply}"
    if isinstance(question, Taking) and question.dose_at_least:
        yield f"at or above the dose in the table {str(question.dose_at_least).replace('-', ' ')}"


def span(value: Span) -> str:
    """A span in words."""
    if value.least == 0 and value.most is not None and value.anchor == "today":
        return f"the last {value.most} days"
    return value.text


def limits_of(rule: LinkedRule, level: str, library: Library) -> list[str]:
    """The limits behind one level of a rule, each once, in words: "serum magnesium below 1.7 mg/dL"."""
    made: list[str] = []
    for condition in (*rule.when, *(line for name, line in rule.levels if line is not None and name == level)):
        for ask in asks(condition):
            made += _limits(ask, library)
    return list(dict.fromkeys(made))


def _limits(ask: Ask, library: Library) -> list[str]:
    asked = library.questions[ask.question]
    title = title_of(asked, library)
    numbers = [
        f"{_COMPARED[test.test]} {plain(test.to.value)} {test.to.unit}"
        for test in ask.tests
        if isinstance(test, Compare) and isinstance(test.to, Number)
    ]
    tables = [
        f"{_COMPARED[test.test]} {title_of(library.questions[test.to], library)}"
        for test in ask.tests
        if isinstance(test, Compare) and isinstance(test.to, str)
    ]
    taken = [test.span for test in ask.tests if isinstance(test, Taken)]
    spans = [f"within {span.most} days" if span.least == 0 else span.text for span in taken]
    spans += [f"none within {test.days}" for test in ask.tests if isinstance(test, NoneWithin)]
    whose = " (changed by the site)" if library.change_of(ask.question, ask.word) else ""
    return [f"{title} {', '.join([*numbers, *tables, *spans])}{whose}"] if numbers or tables or spans else []


def capital(text: str) -> str:
    """A sentence's first letter; names such as eGFR and pH keep theirs."""
    return text if text[:2] in ("eG", "pH") else text[:1].upper() + text[1:]
