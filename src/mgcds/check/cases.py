"""Runs cases: of a rule, of the vocabulary, of the policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mgcds.cards import respond
from mgcds.cards.compose import bundle
from mgcds.check.charts import chart_of, overrides_of
from mgcds.engine.answer import Answer
from mgcds.engine.evaluate import Engine, Evaluation
from mgcds.engine.outcome import Outcome
from mgcds.engine.truth import holds
from mgcds.language.cases import Case, Cases
from mgcds.language.files import TEST_SUFFIX
from mgcds.language.find import FirstThatHolds
from mgcds.language.library import Library
from mgcds.language.problems import validate
from mgcds.language.rule import LEVELS
from mgcds.language.when import Ask
from mgcds.source import Place, Problem, SourceError, place_of, read
from mgcds.units import parse_quantity

STATES = ("silent", "not-evaluable", *LEVELS)
VOCABULARY, POLICY = "vocabulary", "policy"


@dataclass(frozen=True, slots=True)
class CaseFile:
    """The cases of one test file; `about` is a rule id, "vocabulary" or "policy"."""

    file: str
    about: str
    cases: tuple[Case, ...]


def read_cases(root: Path) -> list[CaseFile]:
    """Every test file of a library. Raises SourceError with every problem."""
    problems: list[Problem] = []
    found: list[CaseFile] = []
    for path in sorted(root.rglob(f"*{TEST_SUFFIX}")):
        name = path.relative_to(root).as_posix()
        try:
            cases = validate(Cases, read(path, shown_as=name), problems, name)
        except SourceError as error:
            problems += error.problems
            continue
        stem = path.name.removesuffix(TEST_SUFFIX)
        about = VOCABULARY if name.startswith("vocabulary/") else POLICY if stem == "policy" else stem
        if cases is not None:
            found.append(CaseFile(name, about, cases.cases))
    if problems:
        raise SourceError(problems)
    return found


def in_use(files: Sequence[CaseFile], library: Library) -> list[CaseFile]:
    """The files whose cases can be run: a retired rule is never evaluated, so its cases are kept for the record only."""
    return [file for file in files if file.about not in library.rules or not library.rules[file.about].model.is_retired]


def run_file(file: CaseFile, engine: Engine, *, texts: bool = True) -> list[Problem]:
    """What is wrong with the cases of one file; `texts` False leaves out what cards say."""
    return [problem for case in file.cases if (problem := run(case, file, engine, texts=texts)) is not None]


def run(case: Case, file: CaseFile, engine: Engine, *, texts: bool = True) -> Problem | None:
    """Why a case fails, or None."""
    library = engine.library
    unknown = _unknown(case, file, library)
    if unknown:
        return Problem(case.case.place, f"'{case.case}': {unknown}")
    evaluation = engine.evaluate(chart_of(case, library.terminology), overrides_of(case))
    place = place_of(case.expect, case.case.place)
    if file.about == VOCABULARY:
        wrong = _answers(case, evaluation)
    elif file.about == POLICY:
        wrong = [line for rule_id, expected in _block(case).items() if (line := _outcome(str(rule_id), expected, evaluation))]
    else:
        line = _outcome(file.about, case.expect, evaluation)
        wrong = [line] if line else []
    if case.cards and not wrong:
        wrong = _cards(case, evaluation)
    if texts and (case.says or case.does_not_say) and not wrong:
        wrong = _says(case, evaluation)
    return Problem(place, f"'{case.case}': {'; '.join(wrong)}") if wrong else None


def _unknown(case: Case, file: CaseFile, library: Library) -> str:
    """A concept or a rule that the case names and nobody knows; in a shared file, that it expects nothing."""
    concepts = library.terminology.concepts
    names = [str(getattr(line, key)) for line in case.chart for key in ("lab", "has", "adding", "ordered", "booked", "intake")
             if getattr(line, key, None) is not None]  # fmt: skip
    missing = [f"'{name}' is no concept; correct the name" for name in names if name not in concepts]
    rules = [str(line.rule) for line in case.overridden] + [str(name) for name in _block(case) if file.about == POLICY]
    missing += [f"'{name}' is no rule; correct the name" for name in rules if name not in library.rules]
    if file.about in (VOCABULARY, POLICY) and not (case.cards or case.says or case.does_not_say):
        missing += [] if _block(case) and [] not in _block(case).values() else ["it expects nothing; write {name: what it is}"]
    return missing[0] if missing else ""


def _block(case: Case) -> Mapping[Any, Any]:
    return case.expect if isinstance(case.expect, dict) else {}


def _outcome(rule_id: str, expected: Any, evaluation: Evaluation) -> str:
    """A message where one rule did not end as expected."""
    outcome = evaluation.outcomes.get(rule_id)
    if outcome is None:
        return f"{rule_id} does not answer {evaluation.chart.hook}" if expected != "silent" else ""
    wanted = _wanted(expected)
    got = _got(outcome)
    return "" if wanted == got else f"{rule_id}: expected {_words(wanted)}, got {_words(got)}"


def _wanted(expected: Any) -> tuple[str, str]:
    if isinstance(expected, dict) and len(expected) == 1:
        ((state, detail),) = expected.items()
        return str(state), str(detail)
    return ("fired", str(expected)) if expected in LEVELS else (str(expected), "")


def _got(outcome: Outcome) -> tuple[str, str]:
    if outcome.state == "fired":
        return "fired", outcome.level or ""
    if outcome.state == "superseded":
        return "superseded", outcome.by
    if outcome.state == "suppressed":
        return "suppressed", outcome.reason
    return ("silent" if outcome.state == "not-fired" else outcome.state), ""


def _words(state: tuple[str, str]) -> str:
    return state[1] if state[0] == "fired" else " ".join(part for part in state if part)


def _answers(case: Case, evaluation: Evaluation) -> list[str]:
    wrong = []
    for name, expected in _block(case).items():
        if str(name) not in evaluation.answers:
            wrong.append(f"'{name}' is no question asked at {evaluation.chart.hook}")
            continue
        answer = evaluation.answers[str(name)]
        for value in expected if isinstance(expected, list) else [expected]:
            if not _can_be(str(value), answer, evaluation.library):
                wrong.append(f"'{value}' is nothing that {name} can be")
            elif not _matches(str(value), answer, evaluation):
                wrong.append(f"{name}: expected {value}, got {_shown(answer)}")
    return wrong


def _can_be(expected: str, answer: Answer, library: Library) -> bool:
    """Whether an answer could be so: of a misspelt word, or another unit, `not` would always be true."""
    question, plain = library.questions[answer.key].question, expected.removeprefix("not ")
    said = (
        {str(line.word) for line in question.first_that_holds} if isinstance(question, FirstThatHolds) else set(question.words)
    )
    if said & {expected, plain} or expected == answer.word or plain in ("known", "present", "absent"):
        return True
    quantity = parse_quantity(plain.lstrip("<>="))
    return quantity is not None and quantity.unit == answer.unit


def _matches(expected: str, answer: Answer, evaluation: Evaluation) -> bool:
    if expected.startswith("not ") and expected != "not known":
        return not _matches(expected.removeprefix("not "), answer, evaluation)
    if expected == "not known":
        return not answer.known
    if expected in ("present", "absent"):
        return answer.known and answer.present == (expected == "present")
    tests = evaluation.library.questions[answer.key].question.words.get(expected)
    if tests is not None:
        return holds(Ask(answer.key, tests), evaluation.answers, evaluation.chart.hook) is True
    quantity = parse_quantity(expected.removeprefix(answer.sign))
    if quantity is not None and quantity.unit == answer.unit:
        return answer.known and expected.startswith(answer.sign) and answer.shown == quantity.value
    return answer.word == expected


def _shown(answer: Answer) -> str:
    if not answer.known:
        return "not known"
    parts = [f"{answer.sign}{answer.shown} {answer.unit}"] if answer.value is not None else []
    return ", ".join([*parts, *([answer.word] if answer.word else [])]) or ("present" if answer.present else "absent")


def _cards(case: Case, evaluation: Evaluation) -> list[str]:
    topics = [topic for topic, _ in bundle(evaluation.findings, evaluation.library.policy.cards.at_most)]
    return [] if topics == list(map(str, case.cards)) else [f"expected cards {', '.join(case.cards)}, got {', '.join(topics)}"]


def _says(case: Case, evaluation: Evaluation) -> list[str]:
    answer = respond(evaluation, service_id="case", hook_instance="case", public_url="", incomplete_card=False)
    text = "\n".join(f"{card['summary']}\n{card.get('detail', '')}" for card in answer["cards"])
    wrong = [f"no card says '{line}'" for line in case.says if str(line) not in text]
    return wrong + [f"a card says '{line}'" for line in case.does_not_say if str(line) in text]


def uncovered(library: Library, files: Sequence[CaseFile]) -> list[Problem]:
    """Rules in use without a test file, and test files without a rule."""
    about = {file.about for file in files}
    problems = [Problem(rule.model.place, f"no cases beside it; write {rule.id}{TEST_SUFFIX}")
                for rule in library.rules_in_use() if rule.id not in about]  # fmt: skip
    known = {VOCABULARY, POLICY, *library.rules}
    return problems + [Problem(Place(file.file, 1, 1), f"there is no rule '{file.about}'; rename or delete the file")
                       for file in files if file.about not in known]  # fmt: skip
