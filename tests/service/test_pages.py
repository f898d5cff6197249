"""The pages behind a card's source: every rule, readable and checkable."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient

from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.settings import Settings
from tests.conftest import RULES
from tests.service.conftest import Client

IDS = sorted(path.stem for path in RULES.glob("*/*.yaml") if path.read_text(encoding="utf-8").startswith("rule:"))
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Outline(HTMLParser):
    """Tags that close, headings, ids, links and what must not be there."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.levels: list[int] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.forbidden: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if tag == "a":
            self.links.append(given["href"] or "")
        if given.get("id"):
            self.ids.append(given["id"] or "")
        if tag in ("script", "iframe", "img", "form", "style") or any(
            name.startswith("on") or name == "style" for name in given
        ):
            self.forbidden.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@pytest.mark.parametrize("rule_id", IDS)
def test_a_rule_page_says_what_the_rule_says(client: Client, library: Library, rule_id: str) -> None:
    response = client.http.get(f"/rules/{rule_id}")
    assert response.status_code == 200
    rule, text = library.rules[rule_id], text_of(response.text)
    assert str(rule.model.title) in text
    assert rule_id in text
    assert str(rule.model.why) in text
    for entry in rule.model.evidence:
        for key in entry.source:
            assert library.sources[str(key)].citation in text
            assert (library.sources[str(key)].link in unescape(response.text)) if library.sources[str(key)].link else True
    for level, _ in rule.levels:
        assert f'class="tag {level}"' in response.text
    for code in (*library.policy.override_reasons, *rule.model.card.override):
        assert library.reasons[str(code)].display in text
    assert ("Draft. A second clinician has not yet signed this rule off." in text) == rule.model.is_draft
    for words in (
        "advisory only",
        "not a medical device",
        library.hash,
        str(rule.model.stewardship.review_by),
        "never counted as a no",
    ):
        assert words in text
    for literal in re.findall(
        r"(?:below|at_least|above|at_most): (\d[\d.]* [\w/]+)", (RULES / rule.file).read_text(encoding="utf-8")
    ):
        number, unit = literal.split(" ", 1)
        assert f"{float(number):g} {unit}" in text, literal


@pytest.mark.parametrize("rule_id", IDS)
def test_a_rule_page_is_whole_and_plain(client: Client, rule_id: str) -> None:
    response = client.http.get(f"/rules/{rule_id}")
    outline = Outline(response.text)
    assert outline.open == []
    assert outline.levels[0] == 1
    assert outline.levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(outline.levels, outline.levels[1:], strict=False))
    assert outline.forbidden == []
    assert len(outline.ids) == len(set(outline.ids))
    assert '<html lang="en">' in response.text
    assert "{{" not in response.text
    assert "None" not in text_of(response.text)
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"


def test_the_overview_links_to_every_rule_and_every_link_leads_somewhere(client: Client, library: Library) -> None:
    page = client.http.get("/rules").text
    outline = Outline(page)
    assert {f"/rules/{rule_id}" for rule_id in library.rules} <= set(outline.links)
    assert text_of(page).count("draft") >= sum(rule.model.is_draft for rule in library.rules.values())
    for rule_id in library.rules:
        for link in Outline(client.http.get(f"/rules/{rule_id}").text).links:
            if link.startswith("/"):
                assert client.http.get(link.partition("#")[0]).status_code == 200, link
            else:
                assert link.startswith(("https://", "http://", "#")), link


def test_cards_point_to_a_page_that_is_there(client: Client) -> None:
    _, answer = client.call(client.fixture("02-severely-low-mmol"))
    path = answer["cards"][0]["source"]["url"].removeprefix("https://cds.example.org")
    assert client.http.get(path).status_code == 200


def test_an_unknown_rule_has_a_page_of_its_own(client: Client) -> None:
    response = client.http.get("/rules/no-such-rule", headers={"accept": "text/html,*/*"})
    assert response.status_code == 404
    assert "No such rule" in response.text
    program = client.http.get("/rules/no-such-rule")
    assert (program.status_code, program.json()["resourceType"]) == (404, "OperationOutcome")


def test_text_of_the_library_is_escaped_and_only_web_addresses_become_links(library: Library) -> None:
    hostile = '<script>alert("x")</script>'
    rule = next(iter(library.rules.values()))
    model = rule.model.model_copy(update={"title": hostile, "why": hostile})
    key = next(str(key) for entry in model.evidence for key in entry.source)
    sources = dict(library.sources) | {key: replace(library.sources[key], citation=hostile, link="javascript:alert(1)")}
    changed = replace(library, rules=dict(library.rules) | {rule.id: replace(rule, model=model)}, sources=sources)
    http = TestClient(create_app(changed, Settings()))
    for path in ("/rules", f"/rules/{rule.id}"):
        page = http.get(path).text
        assert "<script" not in page
        assert "&lt;script&gt;" in page
        assert "javascript:" not in page


def test_pages_work_below_a_root_path(library: Library) -> None:
    http = TestClient(create_app(library, Settings(root_path="/cds")), root_path="/cds")
    page = http.get("/cds/rules")
    assert page.status_code == 200
    assert 'href="/cds/static/style.css"' in page.text
    assert all(link.startswith(("/cds/", "#")) for link in Outline(page.text).links)


def test_colours_have_enough_contrast_in_light_and_dark(client: Client) -> None:
    style = client.http.get("/static/style.css").text
    for block in re.findall(r":root\s*\{(.*?)\}", style, re.DOTALL):
        colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", block))
        for paper in ("paper", "tint"):
            for ink in ("ink", "soft", "link", "critical", "warning", "info"):
                assert contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
