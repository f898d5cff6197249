"""An evaluation as the whole answer of a CDS Hooks call, with its extensions."""

from __future__ import annotations

from typing import Any

from mgcds.cards.compose import INCOMPLETE, OWN_TOPICS, REPEATED, TOPIC, bundle, card, card_extension, card_uuid
from mgcds.cards.repeated import repeated_card, repeated_rules
from mgcds.engine.asking import Asking
from mgcds.engine.evaluate import Evaluation
from mgcds.engine.outcome import Outcome
from mgcds.language.site import ACTIVE

_MOST_TITLES = 5  # of rules that could not be decided


def respond(
    evaluation: Evaluation, *, service_id: str, hook_instance: str, public_url: str, incomplete_card: bool = True
) -> dict[str, Any]:
    """Cards in their order, and the evaluation extension. `public_url` without a slash at its end; may be empty."""
    library = evaluation.library
    url = public_url.rstrip("/")
    cards = [
        card(topic, findings, evaluation, card_uuid(service_id, hook_instance, topic), url)
        for topic, findings in bundle(evaluation.findings, library.policy.cards.at_most)
    ]
    lacking, broken = lacking_kinds(evaluation), broken_rules(evaluation)
    if incomplete_card and (lacking or broken):
        cards.append(_incomplete(lacking, broken, str(card_uuid(service_id, hook_instance, INCOMPLETE)), url))
    if repeated_rules(evaluation):
        cards.append(repeated_card(evaluation, str(card_uuid(service_id, hook_instance, REPEATED)), url, TOPIC))
    return {"cards": cards, "extension": {"org.mgcds.evaluation": evaluation_extension(evaluation)}}


def findings_on(card: dict[str, Any]) -> list[dict[str, Any]]:
    """The findings that a card carries; none on one that tells of the check itself."""
    found: list[dict[str, Any]] = card.get("extension", {}).get("org.mgcds.findings", [])
    return found


def evaluation_extension(evaluation: Evaluation) -> dict[str, Any]:
    """The end state of every rule of the hook, and what could not be used."""
    made: dict[str, Any] = {
        "library": evaluation.library.hash,
        "today": evaluation.chart.today.isoformat(),
        "hook": evaluation.chart.hook,
        "rules": {rule_id: _state(outcome) for rule_id, outcome in evaluation.outcomes.items()},
    }
    notes = sorted({(note.code, note.reference, find) for note, find in evaluation.notes})
    if notes:
        made["notes"] = [
            {key: value for key, value in zip(("code", "reference", "find"), note, strict=True) if value} for note in notes
        ]
    return made


def _state(outcome: Outcome) -> dict[str, str]:
    made = {"state": outcome.state}
    if outcome.reason:
        made["reason"] = outcome.reason
    if outcome.by:
        made["by"] = outcome.by
    return made


def lacking_kinds(evaluation: Evaluation) -> tuple[str, ...]:
    """Kinds of data of `incomplete_without` that were not supplied, where a rule that would be shown needed them.

    Others stand in the evaluation extension alone: few clients send every kind, and a card on each call is not read.
    """
    rules = evaluation.library.rules
    shown = [outcome for rule_id, outcome in evaluation.outcomes.items() if rules[rule_id].state == ACTIVE]
    needed = {name for outcome in shown if outcome.state == "not-evaluable" for name in outcome.missing}
    if not needed:
        return ()
    library, supplied = evaluation.library, evaluation.chart.supplied
    asking = Asking(evaluation.chart, library)
    kinds = {kind for key in needed for kind in asking.kinds_of(library.questions[key])}
    return tuple(sorted((kinds - supplied) & set(map(str, library.policy.cards.incomplete_without))))


def broken_rules(evaluation: Evaluation) -> tuple[str, ...]:
    """Titles of the rules that would be shown and could not be decided for a fault of ours."""
    rules = evaluation.library.rules
    return tuple(
        str(rules[rule_id].model.title)
        for rule_id, outcome in evaluation.outcomes.items()
        if outcome.state == "error" and rules[rule_id].state == ACTIVE
    )


def _incomplete(lacking: tuple[str, ...], broken: tuple[str, ...], uuid: str, url: str) -> dict[str, Any]:
    what = ", ".join(kind.replace("_", " ") for kind in lacking)
    summary = f"Nutrient check incomplete{f' ({what})' if what else ''}: absence of an alert is not reassurance."
    detail = [f"These data could not be had, so some rules could not be decided: {what}."] if lacking else []
    if broken:
        more = len(broken) - _MOST_TITLES
        titles = "; ".join(broken[:_MOST_TITLES]) + (f"; and {more} more" if more > 0 else "")
        detail.append(f"These rules could not be decided, for a fault of the service: {titles}.")
    source: dict[str, Any] = {"label": "mgcds"}
    if url:
        source["url"] = f"{url}/rules"
    return {
        "uuid": uuid,
        "summary": summary if len(summary) <= 139 else "Nutrient check incomplete: absence of an alert is not reassurance.",
        "detail": "\n\n".join(detail),
        "indicator": "info",
        "source": source | {"topic": {"system": TOPIC, "code": INCOMPLETE, "display": OWN_TOPICS[INCOMPLETE]}},
        "extension": {"org.mgcds.card": card_extension([INCOMPLETE, lacking, broken])},
    }
