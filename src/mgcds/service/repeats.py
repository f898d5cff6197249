"""What was shown when an order was chosen is not shown again when it is signed: only where the client asks for it.

Of the PDDI-CDS guide: the client sends two options with its requests, and both are off unless they are `true`. A finding stays
away only for the same clinician, patient, encounter, rule and facts, and the same orders letter by letter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mgcds.chart.fhir import block, canonical
from mgcds.engine.evaluate import Evaluation
from mgcds.engine.outcome import Finding
from mgcds.language.rule import LEVELS
from mgcds.service.requests import Context
from mgcds.store import Repeats

REMEMBER_AT, FILTER_AT = "order-select", "order-sign"
_BLOCKS = ("configuration-items", "pddi-configuration-items")  # one name in the guide's text, the other in its software
_REMEMBER, _FILTER = "cache-for-order-sign-filtering", "filter-out-repeated-alerts"
STATE, REASON = "suppressed", "repeated"  # how a rule ends whose finding stays away


@dataclass(frozen=True, slots=True)
class Asked:
    """What one request asks for, and in whose name."""

    remember: bool
    filter: bool
    whose: tuple[str, ...]  # issuer, clinician, patient, encounter


def asked(body: dict[str, Any], context: Context, hook: str, issuer: str) -> Asked:
    """What a request asks for. Without a clinician or an encounter nothing is remembered: it could be anybody's."""
    options = {key: value for name in _BLOCKS for key, value in block(block(body.get("extension")).get(name)).items()}
    whose = (issuer, context.userId or "", context.patientId, context.encounterId or "")
    complete = all(whose)
    return Asked(
        complete and hook == REMEMBER_AT and options.get(_REMEMBER) is True,
        complete and hook == FILTER_AT and options.get(_FILTER) is True,
        whose,
    )


def names_of(evaluation: Evaluation, whose: tuple[str, ...], repeats: Repeats) -> dict[str, str]:
    """Rule id to what stands for its finding, for the findings that may stay away.

    A critical finding never does: at order-select it could not yet interrupt.
    """
    return {
        finding.rule.id: repeats.name(*whose, *_facts(finding), *orders)
        for finding in evaluation.findings
        if finding.level != LEVELS[0] and (orders := _orders(finding, evaluation))
    }


def without(evaluation: Evaluation, rules: set[str]) -> Evaluation:
    """The evaluation as it is shown where some findings stay away."""
    outcomes = dict(evaluation.outcomes)
    for rule_id in rules:
        because = "shown when the order was chosen"
        outcomes[rule_id] = replace(outcomes[rule_id], state=STATE, reason=REASON, because=because)
    kept = tuple(finding for finding in evaluation.findings if finding.rule.id not in rules)
    return replace(evaluation, findings=kept, outcomes=outcomes)


def _orders(finding: Finding, evaluation: Evaluation) -> list[str]:
    """The orders at hand that a finding is about, as they were sent."""
    drafts = evaluation.chart.drafts
    named = {because.reference for _, because in finding.because} & set(drafts)
    return sorted(canonical(drafts[reference]) for reference in named)


def _facts(finding: Finding) -> tuple[object, ...]:
    """The rule and what it rests on, without references: an order without id is named by its place among the others."""
    facts = sorted((name, f"{b.sign}{b.value}", b.unit, b.word, b.date) for name, b in finding.because)
    return finding.rule.id, str(finding.rule.model.stewardship.version), finding.level, facts
