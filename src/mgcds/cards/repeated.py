"""The card that says what is not shown again, so that its absence is not read as safety."""

from __future__ import annotations

from typing import Any

from mgcds.cards.compose import OWN_TOPICS, REPEATED, card_extension
from mgcds.cards.printing import markdown
from mgcds.engine.evaluate import Evaluation


def repeated_rules(evaluation: Evaluation) -> tuple[str, ...]:
    """Ids of the rules that stay away because they were shown when the order was chosen."""
    return tuple(rule_id for rule_id, outcome in evaluation.outcomes.items() if outcome.reason == REPEATED)


def repeated_card(evaluation: Evaluation, uuid: str, url: str, system: str) -> dict[str, Any]:
    """An info card that names what was shown before."""
    rules = repeated_rules(evaluation)
    titles = [str(evaluation.library.rules[rule_id].model.title) for rule_id in rules]
    source: dict[str, Any] = {"label": "mgcds"}
    if url:
        source["url"] = f"{url}/rules"
    many = len(rules) != 1
    return {
        "uuid": uuid,
        "summary": f"{len(rules)} {'notes' if many else 'note'} on these orders {'were' if many else 'was'} shown before and "
        f"{'are' if many else 'is'} not repeated; nothing has changed since.",
        "detail": "Shown to you when the order was chosen:\n" + "\n".join(f"- {markdown(title)}" for title in titles),
        "indicator": "info",
        "source": source | {"topic": {"system": system, "code": REPEATED, "display": OWN_TOPICS[REPEATED]}},
        "extension": {"org.mgcds.card": card_extension([REPEATED, rules])},
    }
