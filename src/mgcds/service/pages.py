"""The pages behind `source.url`: all rules, and each rule in plain words. Made once, when the service starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mgcds.language.library import Library
from mgcds.language.lint_facts import told
from mgcds.service.errors import Refused, documented
from mgcds.service.site_words import overview as overview_of_site
from mgcds.service.source_attributes import SourceAttributes, source_attributes
from mgcds.service.words import HOOKS, describe

TEMPLATES = Path(__file__).parent / "templates"
_POLICY = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
_HEADERS = {"content-security-policy": _POLICY, "cache-control": "max-age=60"}


def add_pages(app: FastAPI, library: Library, root: str) -> None:
    """Adds /rules, /rules/{id}, /rules/{id}/source-attributes.json, /context and the style sheet."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")

    def page(name: str, **values: Any) -> str:
        return environment.get_template(name).render(root=root, library=library, **values)

    in_use = library.rules_in_use()
    groups = [
        (str(key), str(group.title), sorted((r for r in in_use if r.group == key), key=lambda r: (r.priority, r.id)))
        for key, group in library.policy.groups.items()
    ]
    overview = page("rules.html", groups=[group for group in groups if group[2]], count=len(in_use), hooks=HOOKS,
                    site=overview_of_site(library))  # fmt: skip
    pages = {rule.id: page("rule.html", **describe(rule, library)) for rule in library.rules.values()}
    missing = page("missing.html")
    attributes_of = {
        rule.id: source_attributes(rule, library).model_dump_json(exclude_none=True) for rule in library.rules.values()
    }

    if library.facts is not None:
        context = page("context.html", sections=told(library), count=len(library.facts.facts))

        @app.get("/context", response_class=HTMLResponse, summary="The facts behind the rules")
        async def facts() -> HTMLResponse:
            return HTMLResponse(context, headers=_HEADERS)

    @app.get("/rules", response_class=HTMLResponse, summary="All rules")
    async def rules() -> HTMLResponse:
        return HTMLResponse(overview, headers=_HEADERS)

    @app.get("/rules/{rule_id}", response_class=HTMLResponse, summary="One rule in plain words", responses=documented(404))
    async def rule(rule_id: str, request: Request) -> HTMLResponse:
        found = pages.get(rule_id)
        if found is None and "html" not in request.headers.get("accept", ""):
            raise Refused(404, "not-found", "There is no such rule.")
        return HTMLResponse(found or missing, 200 if found else 404, headers=_HEADERS)

    @app.get(
        "/rules/{rule_id}/source-attributes.json",
        summary="The thirteen source attributes of one rule",
        response_model=SourceAttributes,
        response_model_exclude_none=True,
        responses=documented(404),
    )
    async def attributes(rule_id: str) -> Response:
        found = attributes_of.get(rule_id)
        if found is None:
            raise Refused(404, "not-found", "There is no such rule.")
        return Response(found, media_type="application/json", headers={"cache-control": "max-age=60"})

    @app.get("/static/style.css", include_in_schema=False)
    async def stylesheet() -> Response:
        return Response(style, media_type="text/css", headers=_HEADERS)
