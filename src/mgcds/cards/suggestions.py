"""What a clinician can do with one click: FHIR actions made of order files and of the drafts at hand."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from mgcds.cards.changes import withdrawn, without_empties
from mgcds.cards.printing import harmless
from mgcds.chart.facts import Use
from mgcds.chart.fhir import block
from mgcds.chart.timing import is_daily_dose
from mgcds.engine.evaluate import Evaluation
from mgcds.engine.outcome import Finding
from mgcds.language.order import PRIORITIES, Order
from mgcds.language.rule import Suggestion


def suggestions(findings: tuple[Finding, ...], evaluation: Evaluation, card: UUID) -> list[dict[str, Any]]:
    """The suggestions of one card, each once however many findings ask for it; of one test, the soonest order."""
    made: dict[str, dict[str, Any]] = {}
    soonest = _soonest(findings, evaluation)
    for finding in findings:
        for suggestion in finding.rule.model.card.suggest:
            chosen = soonest.get(str(suggestion.order), suggestion)
            for key, label, action in _actions(chosen, finding, evaluation):
                if key not in made:
                    made[key] = {"label": label, "uuid": str(uuid5(card, key)), "actions": [action]}
    return list(made.values())


def _soonest(findings: tuple[Finding, ...], evaluation: Evaluation) -> dict[str, Suggestion]:
    """For every order asked for, the one to make: of several for one test the most urgent, then the earliest."""
    wanted = [s for finding in findings for s in finding.rule.model.card.suggest if s.order]
    orders = evaluation.library.orders
    first: dict[tuple[str, ...], Suggestion] = {}
    for suggestion in sorted(wanted, key=lambda s: _wait(orders[str(s.order)])):
        first.setdefault(_test(orders[str(suggestion.order)]), suggestion)
    return {str(s.order): first[_test(orders[str(s.order)])] for s in wanted}


def _test(order: Order) -> tuple[str, ...]:
    return tuple(f"{code.system}|{code.code}" for code in order.codes) or (str(order.order),)


def _wait(order: Order) -> tuple[int, int, str]:
    return PRIORITIES.index(order.priority), int(order.in_days or 0), str(order.order)


def _actions(suggestion: Suggestion, finding: Finding, evaluation: Evaluation) -> list[tuple[str, str, dict[str, Any]]]:
    if suggestion.order:
        order = evaluation.library.orders[str(suggestion.order)]
        action = {"type": "create", "description": str(order.label), "resource": _service_request(order, evaluation)}
        return [(f"order {order.order}", str(order.label), action)]
    if suggestion.stop:
        answer = evaluation.answers[finding.rule.names[str(suggestion.stop)]]
        return [
            stop
            for use in answer.uses
            if use.drafted and "#" not in use.reference and (stop := _stop(use, evaluation)) is not None
        ]
    answer = evaluation.answers[finding.rule.names[str(suggestion.move)]]
    return _move(answer.uses, answer.parts, evaluation)


def _service_request(order: Order, evaluation: Evaluation) -> dict[str, Any]:
    """A draft ServiceRequest (FHIR R4) for the patient."""
    code: dict[str, Any] = {"text": str(order.text)}
    if order.codes:
        code["coding"] = [{"system": str(c.system), "code": str(c.code), "display": str(c.display)} for c in order.codes]
    due = evaluation.chart.today + timedelta(days=int(order.in_days)) if order.in_days else evaluation.chart.today
    return {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "order",
        "priority": order.priority,
        "category": [{"text": f"{order.category} procedure" if order.category == "laboratory" else order.category}],
        "code": code,
        "subject": {"reference": evaluation.chart.person.reference},
        "occurrenceDateTime": due.isoformat(),
    }


def _stop(use: Use, evaluation: Evaluation) -> tuple[str, str, dict[str, Any]] | None:
    """An update, because a deletion wants another order in its place (docs/decisions/0013-withdrawing-an-order.md)."""
    order = withdrawn(evaluation.chart.drafts.get(use.reference, {}))
    if order is None:
        return None
    label = f"Cancel the order: {harmless(use.medicine.name)}"
    return f"stop {use.reference}", label, {"type": "update", "description": label, "resource": order}


def _move(uses: tuple[Use, ...], parts: Mapping[str, str], evaluation: Evaluation) -> list[tuple[str, str, dict[str, Any]]]:
    """The draft product with its doses at the computed safe time; nothing where there is no draft or no such time."""
    if len(uses) != 2 or not parts.get("safe_time"):
        return []
    product = uses[1]
    draft = evaluation.chart.drafts.get(product.reference)
    if not product.drafted or draft is None or "#" in product.reference or len(product.times) != 1:
        return []
    moved = without_empties(copy.deepcopy(dict(draft)))
    if moved.get("resourceType") != "MedicationRequest":
        return []  # an order of FHIR DSTU2 has no place for times of day
    dosages = moved.get("dosageInstruction")
    if not isinstance(dosages, list) or len(dosages) != 1 or not isinstance(dosages[0], dict):
        return []
    timing = block(dosages[0].get("timing"))
    if not is_daily_dose(timing) or "event" in timing:
        return []  # which of several doses to move is the clinician's choice; of an unwritten number nothing is known
    # A code may say "in the evening"; without one and without a frequency, FHIR takes the times of day for daily ones.
    kept = {key: value for key, value in block(timing.get("repeat")).items() if key not in ("when", "offset")}
    rest = {key: value for key, value in timing.items() if key not in ("code", "repeat")}
    dosages[0]["timing"] = rest | {"repeat": kept | {"timeOfDay": [f"{parts['safe_time']}:00"]}}
    dosages[0].pop("text", None)  # it would still name the old time
    label = f"Move {harmless(product.medicine.name)} to {parts['safe_time']}"
    return [(f"move {product.reference}", label, {"type": "update", "description": label, "resource": moved})]
