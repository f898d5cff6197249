"""The hazard log: what could harm a patient, what is done against it, and the test that shows that it is done."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, PlainValidator, WithJsonSchema

from mgcds.language.cases import Cases
from mgcds.language.files import TEST_SUFFIX
from mgcds.language.governance import Said
from mgcds.language.literals import Word, as_text, wrong
from mgcds.language.model import Model
from mgcds.language.problems import validate
from mgcds.source import Place, Problem, SourceError, place_of, read

Severity = Literal["negligible", "minor", "serious", "critical", "catastrophic"]
Likelihood = Literal["improbable", "remote", "occasional", "probable", "frequent"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
LIKELIHOODS: tuple[Likelihood, ...] = get_args(Likelihood)
_MEDIUM, _HIGH = 4, 6  # steps above "negligible and improbable" from which a risk is medium, and high


class Risk(Model):
    """How bad the harm is and how likely it comes about."""

    severity: Severity
    likelihood: Likelihood

    @property
    def steps(self) -> int:
        """Steps above the least risk of all."""
        return SEVERITIES.index(self.severity) + LIKELIHOODS.index(self.likelihood)

    @property
    def level(self) -> str:
        """low, medium or high."""
        return "high" if self.steps >= _HIGH else "medium" if self.steps >= _MEDIUM else "low"


@dataclass(frozen=True, slots=True)
class Proof:
    """A test function or a rule case, by file and name."""

    file: str
    name: str
    place: Place

    def __str__(self) -> str:
        return f"{self.file}: {self.name}" if self.file.endswith(TEST_SUFFIX) else f"{self.file}::{self.name}"


def _proof(value: Any) -> Proof:
    if isinstance(value, dict) and len(value) == 1:
        ((file, name),) = value.items()
        if str(file).endswith(TEST_SUFFIX):
            return Proof(str(file), str(as_text(name)), place_of(file))
    elif isinstance(value, str):
        file, _, name = as_text(value).partition("::")
        if file.endswith(".py") and name:
            return Proof(file, name, place_of(value))
    raise wrong(f"write tests/path.py::test_name, or rules/path{TEST_SUFFIX}: the name of a case", place_of(value))


def _proofs(value: Any) -> tuple[Proof, ...]:
    if not isinstance(value, list) or not value:
        raise wrong("a control needs a test that shows it; name at least one", place_of(value))
    return tuple(_proof(item) for item in value)


class Control(Model):
    """One thing that is done against a hazard."""

    does: Said
    tests: Annotated[tuple[Proof, ...], PlainValidator(_proofs), WithJsonSchema({"type": "array", "minItems": 1})]


class Hazard(Model):
    """One way in which the service could contribute to harm."""

    id: Word
    hazard: Said
    cause: Said
    harm: Said
    before: Risk
    after: Risk
    controls: tuple[Control, ...] = Field(min_length=1)


class HazardLog(Model):
    """docs/hazards.yaml."""

    hazards: tuple[Hazard, ...] = Field(min_length=1)


def read_hazards(path: Path) -> tuple[Hazard, ...]:
    """Every hazard of a log. Raises SourceError with every problem."""
    problems: list[Problem] = []
    shown = f"{path.parent.name}/{path.name}"
    log = validate(HazardLog, read(path, shown_as=shown), problems, shown)
    if log is not None:
        problems += _rated(log.hazards)
    if problems or log is None:
        raise SourceError(problems)
    return log.hazards


def _rated(hazards: tuple[Hazard, ...]) -> Iterator[Problem]:
    seen: set[str] = set()
    for item in hazards:
        if str(item.id) in seen:
            yield Problem(item.id.place, f"the hazard id '{item.id}' is used twice; ids are for life")
        seen.add(str(item.id))
        if item.after.steps >= item.before.steps:
            yield Problem(item.id.place, f"{item.id}: its controls change nothing; name one that does, or rate it anew")
        if item.after.level == "high":
            yield Problem(item.id.place, f"{item.id}: what is left is still a high risk; add a control")


def unproven(hazards: tuple[Hazard, ...], root: Path) -> list[Problem]:
    """Tests and cases that the log names and that are not there, below the root of the project."""
    there: dict[str, frozenset[str]] = {}
    problems: list[Problem] = []
    for proof in (proof for item in hazards for control in item.controls for proof in control.tests):
        if proof.file not in there:
            there[proof.file] = _names(root / proof.file)
        if proof.name not in there[proof.file]:
            what = "case" if proof.file.endswith(TEST_SUFFIX) else "test"
            message = f"there is no {what} '{proof.name}' in {proof.file}; name the one that shows this control"
            problems.append(Problem(proof.place, message))
    return problems


def _names(path: Path) -> frozenset[str]:
    """The tests or cases in a file; none where there is no such file."""
    if not path.is_file():
        return frozenset()
    if path.name.endswith(TEST_SUFFIX):
        cases = validate(Cases, read(path), [], path.name)
        return frozenset(str(case.case) for case in cases.cases) if cases else frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))
