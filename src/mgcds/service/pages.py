"""The pages behind `source.url`: all rules, and each rule in plain words. Made when first asked for, and kept."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from mgcds.language.library import Library
from mgcds.language.lint_facts import told
from mgcds.service.errors import Refused, documented
from mgcds.service.site_words import overview as overview_of_site
from mgcds.service.source_attributes import SourceAttributes, source_attributes
from mgcds.service.words import HOOKS, describe

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
_POLICY = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
_HEADERS = {"content-security-policy": _POLICY, "cache-control": "max-age=60"}


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def add_pages(app: FastAPI, library: Library, root: str) -> None:
    """Adds /rules, /rules/{id}, /rules/{id}/source-attributes.json, /context and the style sheet."""
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")

    def page(name: str, **values: Any) -> str:
        return _environment().get_template(name).render(root=root, library=library, **values)

    @cache
    def overview() -> str:
        in_use = library.rules_in_use()
        groups = [
            (str(key), str(group.title), sorted((r for r in in_use if r.group == key), key=lambda r: (r.priority, r.id)))
            for key, group in library.policy.groups.items()
        ]
        shown = [group for group in groups if group[2]]
        return page("rules.html", groups=shown, count=len(in_use), hooks=HOOKS, site=overview_of_site(library))

    @cache
    def page_of(rule_id: str) -> str:
        return page("rule.html", **describe(library.rules[rule_id], library))

    @cache
    def attributes_of(rule_id: str) -> str:
        return source_attributes(library.rules[rule_id], library).model_dump_json(exclude_none=True)

    @cache
    def context() -> str:
        assert library.facts is not None
        return page("context.html", sections=told(library), count=len(library.facts.facts))

    if library.facts is not None:

        @app.get("/context", response_class=HTMLResponse, summary="The facts behind the rules")
        async def facts() -> HTMLResponse:
            return HTMLResponse(context(), headers=_HEADERS)

    @app.get("/rules", response_class=HTMLResponse, summary="All rules")
    async def rules() -> HTMLResponse:
        return HTMLResponse(overview(), headers=_HEADERS)

    @app.get("/rules/{rule_id}", response_class=HTMLResponse, summary="One rule in plain words", responses=documented(404))
    async def rule(rule_id: str, request: Request) -> HTMLResponse:
        if rule_id in library.rules:
            return HTMLResponse(page_of(rule_id), headers=_HEADERS)
        if "html" not in request.headers.get("accept", ""):
            raise Refused(404, "not-found", "There is no such rule.")
        return HTMLResponse(page("missing.html"), 404, headers=_HEADERS)

    @app.get(
        "/rules/{rule_id}/source-attributes.json",
        summary="The thirteen source attributes of one rule",
        response_model=SourceAttributes,
        response_model_exclude_none=True,
        responses=documented(404),
    )
    async def attributes(rule_id: str) -> Response:
        if rule_id not in library.rules:
            raise Refused(404, "not-found", "There is no such rule.")
        return Response(attributes_of(rule_id), media_type="application/json", headers={"cache-control": "max-age=60"})

    @app.get("/static/style.css", include_in_schema=False)
    async def stylesheet() -> Response:
        return Response(style, media_type="text/css", headers=_HEADERS)
