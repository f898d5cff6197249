"""Says in sentences why each rule fired or stayed silent, with the data it used and what was missing."""

from __future__ import annotations

from dataclasses import dataclass

from mgcds.engine.evaluate import Evaluation
from mgcds.engine.outcome import Outcome
from mgcds.engine.truth import holds
from mgcds.language.library import LinkedRule
from mgcds.language.site import OFF, SHADOW
from mgcds.language.when import All, AnyOf, Ask, AtHook, Condition, asks
from mgcds.language.words import sentence, title_of
from mgcds.units import plain

_MARK = {True: "yes", False: "no", None: "not known"}
Line = tuple[str, str, str]  # mark, condition, data


@dataclass(frozen=True, slots=True)
class Explanation:
    """One rule: its end state in a sentence, and a line for each condition."""

    rule: str
    title: str
    state: str
    level: str | None
    summary: str
    lines: tuple[Line, ...]
    missing: tuple[str, ...]


def explain(evaluation: Evaluation, rule_id: str | None = None) -> tuple[Explanation, ...]:
    """An explanation of every rule of the hook, or of one. Raises KeyError for a rule that the hook does not have."""
    library = evaluation.library
    rules = library.listed_at(evaluation.chart.hook)
    if rule_id is not None:
        rules = tuple(rule for rule in rules if rule.id == rule_id)
        if not rules:
            raise KeyError(rule_id)
    return tuple(_explain(rule, evaluation) for rule in rules)


def _explain(rule: LinkedRule, evaluation: Evaluation) -> Explanation:
    outcome = evaluation.outcomes[rule.id]
    if outcome.state == OFF:
        return Explanation(rule.id, str(rule.model.title), OFF, None, f"switched off by the site: {outcome.because}", (), ())
    when = [_line("", part, evaluation) for condition in rule.when for part in _parts(condition)]
    unless = [_line("unless ", condition, evaluation) for condition in rule.unless]
    levels = [_line(f"{level} if ", line, evaluation) for level, line in rule.levels if line is not None]
    missing = tuple(lacking(key, evaluation) for key in outcome.missing)
    return Explanation(
        rule.id,
        str(rule.model.title),
        outcome.state,
        outcome.level,
        _summary(outcome, when, unless, missing),
        (*when, *unless, *levels),
        missing,
    )


def lacking(key: str, evaluation: Evaluation) -> str:
    """What a question that could not be decided is about, and what is known of it: "eGFR (only known to be <60 ...)"."""
    answer, title = evaluation.answers[key], title_of(evaluation.library.questions[key], evaluation.library)
    if not answer.sign or answer.shown is None:
        return title
    return f"{title} (only known to be {answer.sign}{plain(answer.shown)} {answer.unit})"


def _parts(condition: Condition) -> tuple[Condition, ...]:
    return condition.of if isinstance(condition, All) else (condition,)


def _line(lead: str, condition: Condition, evaluation: Evaluation) -> Line:
    truth = holds(condition, evaluation.answers, evaluation.chart.hook)
    return _MARK[truth], lead + sentence(condition, evaluation.library).strip("()"), _data(condition, evaluation)


def _data(condition: Condition, evaluation: Evaluation) -> str:
    """What the chart says to the questions of a condition, each once, with references."""
    if isinstance(condition, AtHook):
        return evaluation.chart.hook
    texts = []
    for ask in asks(condition) if isinstance(condition, Ask | AnyOf | All) else ():
        answer = evaluation.answers[ask.question]
        references = ", ".join(dict.fromkeys(because.reference for because in answer.because))
        texts.append(f"{answer.why}{f' [{references}]' if references else ''}")
    return "; ".join(dict.fromkeys(texts))


def _lacking(missing: tuple[str, ...]) -> str:
    return f"; not available: {', '.join(missing)}" if missing else ""


def _summary(outcome: Outcome, when: list[Line], unless: list[Line], missing: tuple[str, ...]) -> str:
    if outcome.state == "fired":
        extra = _lacking(missing)
        return f"fired at {outcome.level}, because everything it asks for holds{extra}"
    if outcome.state == SHADOW:
        held = f"would be shown at {outcome.level}, because everything it asks for holds{_lacking(missing)}"
        return f"{held}; the site keeps it in the shadow: {outcome.because}"
    if outcome.state == "not-evaluable":
        return f"could not be decided, because this was not supplied or is not exact enough: {', '.join(missing)}"
    if outcome.state in ("superseded", "suppressed", "error"):
        return f"{outcome.state}: {outcome.because}"
    silenced = next((text for mark, text, _ in unless if mark == "yes"), None)
    if silenced:
        return f"silent, {silenced.replace('unless ', 'because ', 1)}"
    first = next((text for mark, text, _ in when if mark == "no"), None)
    return f"silent, because this does not hold: {first}" if first else "silent, because no level applies"
