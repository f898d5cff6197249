"""What CDS Hooks asks of a service, row by row in our own words, and where each row is shown.

Rows on callers, fetching and browsers stand in `elsewhere`, with the tests that show them.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import ROOT

ROWS = {
    "G1": "what comes and goes is JSON",
    "G2": "in production it is reached by HTTPS only",
    "G3": "nothing null or empty, but the lists of cards and services",
    "G4": "resources in actions are FHIR",
    "G5": "strict JSON: no comments, no trailing commas",
    "G6": "people can read which hooks there are and what they are for",
    "G7": "actionSelectionBehavior is not sent",
    "G8": "extensions are objects with names of their own; foreign ones change nothing",
    "G9": "a coding has code and system, an override reason its display too",
    "D1": "discovery stands at one address",
    "D2": "discovery is an object with a list of services",
    "D3": "each service has hook, description and id",
    "D4": "each service has a title",
    "D5": "prefetch maps keys to queries",
    "D6": "usage requirements are a text",
    "D7": "the version of CDS Hooks is named",
    "D8": "the version of the hook is the published one",
    "D9": "no two services have one id and one hook",
    "D10": "templates hold no tokens but those of the context and the user",
    "D11": "tokens name plain fields of the first level",
    "D12": "no FHIRPath in tokens, so no order between keys is needed",
    "D13": "queries are reads, or searches with the parameters of the list; beside it only _include, for what a medicine is",
    "D14": "templates are relative and short",
    "D15": "discovery has a tag and may be cached for a short time",
    "D16": "other statuses of discovery are refusals",
    "R1": "a call is a POST to the service's own address",
    "R2": "hook, hookInstance and context are required",
    "R3": "a token without a server is refused",
    "R4": "a token for one patient that names none is a warning, not a refusal",
    "R5": "the parts of a token block are checked",
    "R6": "each hook's own context is checked",
    "R7": "a service answers its own hook only",
    "R8": "orders at hand need not be on any server",
    "R9": "an order that is signed again may be active",
    "R10": "at order-select only what was selected counts",
    "R11": "answering costs little more than evaluating",
    "R12": "two calls never share what is kept under their hookInstance",
    "C1": "an answer has cards, none of them where there is nothing to say",
    "C2": "each card has a uuid of its own, another in each call",
    "C3": "a summary has fewer than 140 characters",
    "C4": "the detail is Markdown in which nothing of a chart acts",
    "C5": "the indicator is one of three",
    "C6": "the source has a label, a topic and absolute addresses",
    "C7": "suggestions come with a selection behaviour",
    "C8": "override reasons are codings with a display",
    "C9": "a suggestion has a label, a uuid and actions",
    "C10": "an action has a type, a description and a whole resource",
    "C11": "changes touch orders at hand only, and nothing is deleted without a replacement",
    "C12": "links have label, address and type",
    "C13": "no system actions are sent",
    "C14": "every refusal is an OperationOutcome",
    "C15": "each kind of refusal has its status",
    "C16": "a card that rests on partial data says so",
    "F1": "feedback on several cards comes in one call, and may be repeated",
    "F2": "card, outcome and time are required",
    "F3": "accepted names the suggestions",
    "F4": "an override reason is a coding, a comment, or both",
    "F5": "a card may be accepted and then overridden",
    "F6": "reasons without display and times with milliseconds are taken",
    "F7": "feedback is refused where calls are",
    "F8": "no feedback is asked for on system actions",
}
CHECKS = {
    "disc.get200": "D1", "disc.json-type": "G1", "disc.services-array": "D2", "disc.schema": "D3", "disc.title": "D4",
    "disc.version-3.0": "D7", "disc.unique-id-hook": "D9", "disc.prefetch": "D10", "disc.prefetch-sub": "D13",
    "disc.no-null-empty": "G3",
    "call.200": "R1", "call.type": "G1", "call.schema": "C1", "call.fast": "R11", "call.no-null-empty": "G3", "uuid-fresh": "C2",
    "bad.missing": "R2", "bad.hookInstance-not-uuid": "R2", "bad.fhirAuth-no-fhirServer": "R3", "bad.context-no": "R6",
    "bad.wrong-hook": "R7", "bad.OperationOutcome": "C14", "bad.error-echoes-no-secrets": "C14", "bad.no-null-empty": "G3",
    "tol.extension": "G8", "tol.prefetch-null": "C16", "tol.prefetch-OperationOutcome": "C16", "tol.prefetch-paged": "C16",
    "card.semantics": "C4",
    "fdbk.batch-50": "F1", "fdbk.repeat": "F1", "fdbk.rejects": "F2", "fdbk.rejects-accepted-none": "F3",
    "fdbk.comment-only": "F4", "fdbk.rejects-empty-overrideReason": "F4", "fdbk.millis": "F6", "fdbk.no-null-empty": "G3",
    "cors.preflight": "C15", "cors.errors": "C15", "cors.no-credentials": "C15",
}  # fmt: skip

# Test files, and the tests in them that show a row.
Shown = dict[str, tuple[str, ...]]


def missing(shown: Shown) -> list[str]:
    """The tests that are named and are not there."""
    wanting = []
    for file, names in shown.items():
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        wanting += [f"{file}: {name}" for name in names if name not in found]
    return wanting


def proves(*names: str) -> Callable[[Any], Any]:
    """Marks a test with the rows and checks it shows; they stand in its id."""

    def mark(test: Any) -> Any:
        named = pytest.mark.parametrize("proven", [names], indirect=True, ids=[" ".join(names)])
        return pytest.mark.usefixtures("proven")(named(test))

    return mark
