"""The pages behind `source.url`: all rules, and each rule in plain words, readable by a pharmacist."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader

from mgcds.language.library import Library, LinkedRule
from mgcds.language.rule import LEVELS
from mgcds.language.text import Placeholder, Template
from mgcds.language.words import limits_of, sentence, title_of

TEMPLATES = Path(__file__).parent / "templates"
_STATES = {
    "seen": "The text was read",
    "not yet checked": "Not yet checked against its source",
    "weak copy": "Seen only in a weak copy",
    "ours": "Our own choice",
}
_HEADERS = {"content-security-policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'",
            "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cache-control": "max-age=60"}  # fmt: skip
_ATTRIBUTES = {"on": "date", "names": "names", "count": "number"}


def add_pages(app: FastAPI, library: Library, root: str) -> None:
    """Adds /rules, /rules/{id} and the style sheet; each page is made once."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")

    def page(name: str, **values: Any) -> str:
        return environment.get_template(name).render(root=root, library=library, **values)

    groups = [
        (
            str(group.title),
            sorted((r for r in library.rules.values() if r.group == key), key=lambda r: (r.priority, r.id)),
        )
        for key, group in library.policy.groups.items()
    ]
    overview = page("rules.html", groups=[(title, rules) for title, rules in groups if rules], count=len(library.rules))
    pages = {rule.id: page("rule.html", **describe(rule, library)) for rule in library.rules.values()}
    missing = page("missing.html")

    @app.get("/rules", response_class=HTMLResponse, summary="All rules")
    async def rules() -> HTMLResponse:
        return HTMLResponse(overview, headers=_HEADERS)

    @app.get("/rules/{rule_id}", response_class=HTMLResponse, summary="One rule in plain words")
    async def rule(rule_id: str) -> HTMLResponse:
        found = pages.get(rule_id)
        return HTMLResponse(found or missing, 200 if found else 404, headers=_HEADERS)

    @app.get("/static/style.css", include_in_schema=False)
    async def stylesheet() -> Response:
        return Response(style, media_type="text/css", headers=_HEADERS)


def describe(rule: LinkedRule, library: Library) -> dict[str, Any]:
    """Everything that a rule's page says, as words."""
    model, policy = rule.model, library.policy
    return {
        "rule": rule,
        "model": model,
        "group": policy.groups[rule.group].title,
        "when": [_capital(sentence(condition, library)) for condition in rule.when],
        "unless": [_capital(sentence(condition, library)) + "." for condition in rule.unless],
        "levels": [(level, _capital(sentence(line, library)) if line else "") for level, line in rule.levels],
        "words": _words(rule, library),
        "triggers": list(dict.fromkeys(title_of(library.questions[key], library) for key in rule.triggers)),
        "order_hooks": [hook for hook in model.hooks if hook in policy.order_hooks],
        "policy": _policy(rule, library),
        "numbers": _numbers(rule, library),
        "evidence": _evidence(rule, library),
        "seeds": [str(seed) for entry in model.evidence for seed in entry.seed],
        "summaries": [(level, shown(rule.summaries[level], rule, library)) for level in LEVELS if level in rule.summaries],
        "detail": shown(rule.detail, rule, library) if rule.detail else "",
        "consider": [shown(line, rule, library) for line in rule.consider],
        "suggestions": _suggestions(rule, library),
        "reasons": [library.reasons[code].display for code in rule_reasons(rule, library)],
        "interaction": [
            (name.capitalize(), ", ".join(value) if isinstance(value, tuple) else value) for name, value in model.interaction
        ] if model.interaction else [],
    }  # fmt: skip


def rule_reasons(rule: LinkedRule, library: Library) -> list[str]:
    """Codes of the override reasons of a rule, the shared ones first."""
    return list(dict.fromkeys(map(str, (*library.policy.override_reasons, *rule.model.card.override))))


def shown(template: Template, rule: LinkedRule, library: Library) -> str:
    """A card text with every placeholder named in brackets."""

    def name(part: Placeholder) -> str:
        title = title_of(library.questions[rule.names[part.question]], library)
        extra = part.attribute.replace("_", " ")
        return f"[{title}: {_ATTRIBUTES.get(part.attribute, extra)}]" if part.attribute else f"[{title}]"

    return " ".join("".join(part if isinstance(part, str) else name(part) for part in template.parts).split())


def _capital(text: str) -> str:
    text = text[1:-1] if text.startswith("(") and text.endswith(")") and text.count("(") == 1 else text
    return text if text[:2] in ("eG", "pH") else text[:1].upper() + text[1:]


def _words(rule: LinkedRule, library: Library) -> list[tuple[str, list[str]]]:
    """Definitions that the rule leans on, line by line."""
    made = []
    for key in library.order:
        asked = library.questions[key]
        if key in rule.needs and asked.lines:
            lines = [f"{word}: {sentence(line, library) if line is not None else 'otherwise'}" for word, line in asked.lines]
            made.append((title_of(asked, library).capitalize(), lines))
    return made


def _policy(rule: LinkedRule, library: Library) -> list[str]:
    made = []
    for row in library.policy.supersede:
        if rule.id in map(str, row.losers):
            made.append(f"The rule {row.winner} speaks instead.")
    levels = {f"indicator {level}" for level, _ in rule.levels}
    for drop in library.suppress:
        if rule.id in drop.keep:
            continue
        whole = {rule.id, f"group {rule.group}"} & set(drop.drop)
        part = sorted(name.removeprefix("indicator ") for name in levels & set(drop.drop))
        if whole:
            made.append(f"{drop.because.capitalize()}.")
        elif part:
            made.append(f"{drop.because.capitalize()}: not shown as {' or '.join(part)}.")
    return made


def _numbers(rule: LinkedRule, library: Library) -> list[tuple[str, str]]:
    """Each number the rule compares with, and what stands behind it."""
    behind = {str(name): entry for entry in rule.model.evidence for name in entry.backs}
    made: list[tuple[str, str]] = []
    own = "; ".join(dict.fromkeys(_source(str(key), library) for entry in behind.values() for key in entry.source))
    for text in limits_of(rule, library):
        made.append((_capital(text), own or "See the shared definitions below"))
    for key in sorted(rule.needs):
        asked = library.questions[key]
        sources = "; ".join(_source(str(name), library) for name in asked.question.source)
        if sources:
            made.append((f"Shared definition: {title_of(asked, library)}", sources))
        for name in (getattr(asked.question, "table", None), getattr(asked.question, "intervals", None)):
            table = library.tables.get(str(name)) or library.intervals.get(str(name))
            if table is not None and asked.question.verb in ("table", "spacing"):
                cited = dict.fromkeys(_source(str(source), library) for row in table.rows for source in row.source)
                made.append((f"Table: {table.title}", "; ".join(cited)))
    return list(dict.fromkeys(made))


def _source(key: str, library: Library) -> str:
    source = library.sources[key]
    return f"{source.citation} ({_STATES[source.state].lower()})"


def _evidence(rule: LinkedRule, library: Library) -> list[dict[str, str]]:
    return [
        {"citation": source.citation, "strength": entry.strength or "", "state": _STATES[source.state], "link": source.link,
         "says": entry.says or ""}
        for entry in rule.model.evidence
        for source in (library.sources[str(key)] for key in entry.source)
    ] + [
        {"citation": f"{key}: {library.sources[str(key)].citation}", "strength": "", "state": "Where sources disagree",
         "link": "", "says": ""}
        for entry in rule.model.evidence for key in entry.conflict if str(key) in library.sources
    ]  # fmt: skip


def _suggestions(rule: LinkedRule, library: Library) -> list[str]:
    made = []
    for suggestion in rule.model.card.suggest:
        if suggestion.order:
            made.append(str(library.orders[str(suggestion.order)].label))
        elif suggestion.stop:
            made.append("Cancel the draft order (only where it is being ordered)")
        else:
            made.append("Move the draft dose to a computed safe time (only where it is being ordered)")
    return made
