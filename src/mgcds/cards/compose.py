"""Findings to cards: one card a group, the first finding leads, and every card says why it is shown."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from mgcds.cards.detail import detail_of, other_finding, without_said
from mgcds.cards.printing import harmless, render, shorter
from mgcds.cards.suggestions import suggestions
from mgcds.engine.answer import Because
from mgcds.engine.evaluate import Evaluation
from mgcds.engine.outcome import Finding
from mgcds.language.rule import LEVELS
from mgcds.language.words import capital
from mgcds.units import plain

MOST_SUMMARY = 139  # CDS Hooks 2.0: fewer than 140 characters
TOPIC, REASON = "urn:mgcds:topic", "urn:mgcds:override-reason"
FURTHER, INCOMPLETE, REPEATED = "further-notes", "incomplete", "repeated"
# Topics of cards that no group of the policy names, with their titles. An EHR may have to map them by hand.
OWN_TOPICS = {FURTHER: "Further notes", INCOMPLETE: "Check incomplete", REPEATED: "Shown before"}


def summary_of(finding: Finding, evaluation: Evaluation) -> str:
    """The one sentence of a finding, at most 139 characters; where names are long they give way, not the action."""
    rule, answers, library = finding.rule, evaluation.answers, evaluation.library
    for style in shorter():
        text = " ".join(render(rule.summaries[finding.level], rule.names, answers, library, style).split())
        if len(text) <= MOST_SUMMARY:
            return capital(text)
    return capital(text[: MOST_SUMMARY - 1].rstrip() + "…")


def bundle(findings: tuple[Finding, ...], at_most: int) -> list[tuple[str, tuple[Finding, ...]]]:
    """(topic, findings) in the order of the cards: one a group; beyond `at_most` the rest share the last place.

    Critical cards always keep a place of their own.
    """
    groups: dict[str, list[Finding]] = {}
    for finding in sorted(findings, key=lambda finding: finding.rank):
        groups.setdefault(finding.rule.group, []).append(finding)
    cards = sorted(
        ((group, tuple(members)) for group, members in groups.items()),
        key=lambda card: (card[1][0].rank[:2], card[0]),
    )
    if len(cards) <= at_most:
        return cards
    critical = sum(1 for _, members in cards if members[0].level == LEVELS[0])
    kept = max(critical, at_most - 1)
    rest = tuple(sorted((finding for _, members in cards[kept:] for finding in members), key=lambda one: one.rank))
    return [*cards[:kept], (FURTHER, rest)] if rest else cards[:kept]


def card(topic: str, findings: tuple[Finding, ...], evaluation: Evaluation, uuid: UUID, public_url: str) -> dict[str, Any]:
    """One card as CDS Hooks 2.0.1 wants it; keys without a value are left out."""
    first = findings[0]
    library = evaluation.library
    lines = [detail_of(first, evaluation)]
    for finding in findings[1:]:
        told = other_finding(finding, summary_of(finding, evaluation), evaluation)
        lines.append(without_said(told, "\n".join(lines), library.policy.sentences.values()))
    made: dict[str, Any] = {
        "uuid": str(uuid),
        "summary": summary_of(first, evaluation),
        "detail": "\n\n".join(lines),
        "indicator": first.level,
        "source": _source(topic, findings, evaluation, public_url),
    }
    actions = suggestions(findings, evaluation, uuid)
    if actions:
        made["suggestions"] = actions
        made["selectionBehavior"] = "any"
    codes = dict.fromkeys(
        map(str, (*library.policy.override_reasons, *(r for f in findings for r in f.rule.model.card.override)))
    )
    made["overrideReasons"] = [{"code": code, "system": REASON, "display": library.reasons[code].display} for code in codes]
    if public_url:
        made["links"] = [
            {"label": f"About this rule: {finding.rule.model.title}", "url": f"{public_url}/rules/{finding.rule.id}",
             "type": "absolute"}
            for finding in findings
        ]  # fmt: skip
    made["extension"] = {
        "org.mgcds.card": card_extension(_facts(findings)),
        "org.mgcds.findings": [finding_extension(finding) for finding in findings],
    }
    return made


def _source(topic: str, findings: tuple[Finding, ...], evaluation: Evaluation, public_url: str) -> dict[str, Any]:
    groups = evaluation.library.policy.groups
    title = str(groups[topic].title) if topic in groups else OWN_TOPICS[topic]
    draft = " (draft)" if any(f.rule.model.is_draft for f in findings) else ""
    made: dict[str, Any] = {"label": f"mgcds {title}{draft}"}
    if public_url:
        made["url"] = f"{public_url}/rules/{findings[0].rule.id}"
    return made | {"topic": {"system": TOPIC, "code": topic, "display": title}}


def finding_extension(finding: Finding) -> dict[str, Any]:
    """One entry of `org.mgcds.findings`, word for word as the contract has it."""
    made: dict[str, Any] = {
        "rule": finding.rule.id,
        "version": finding.rule.model.stewardship.version,
        "indicator": finding.level,
        "priority": finding.rule.priority,
        "presentation": "interruptive" if finding.interruptive else "inline",
        "because": [because_extension(name, because) for name, because in finding.because],
    }
    if finding.missing:
        made["missing"] = list(finding.missing)
    return made


def because_extension(name: str, because: Because) -> dict[str, Any]:
    """One `because`: values are JSON numbers, dates YYYY-MM-DD; keys without a value are left out.

    A limit is a word, "<15": as a number it would be read as measured.
    """
    made: dict[str, Any] = {"find": name}
    limit = ""
    if because.value is not None and because.sign:
        limit = f"{because.sign}{plain(because.value)}"
    elif because.value is not None:
        value = float(because.value)
        made["value"] = int(value) if value.is_integer() else value
    if because.unit:
        made["unit"] = because.unit
    if word := limit or harmless(because.word):
        made["word"] = word
    if len(because.date) == len("YYYY-MM-DD"):  # a year or a month is no date there
        made["date"] = because.date
    if because.reference:
        made["reference"] = because.reference
    return made


def _facts(findings: tuple[Finding, ...]) -> list[Any]:
    return [
        (finding.rule.id, finding.rule.model.stewardship.version, finding.level,
         sorted((name, f"{b.sign}{b.value}", b.unit, b.word, b.date) for name, b in finding.because))
        for finding in findings
    ]  # fmt: skip


def card_extension(facts: Any) -> dict[str, str]:
    """`org.mgcds.card`, which every card has: the key of its facts, the same for the same facts."""
    return {"key": hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]}


def card_uuid(service_id: str, hook_instance: str, group: str) -> UUID:
    """The same for a repeat of one call, fresh for each hookInstance."""
    return uuid5(NAMESPACE_URL, f"urn:mgcds:card:{service_id}:{hook_instance}:{group}")
