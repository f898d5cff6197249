"""The pages in a real browser, from the real server on a free loopback port."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from mgcds.language.library import Library
from mgcds.service.app import create_app
from mgcds.settings import Settings

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


@pytest.fixture(scope="module")
def address(library: Library) -> Iterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(create_app(library, Settings(port=port)), log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        assert server.started
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(params=["light", "dark"])
def page(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1000, "height": 900}, color_scheme=request.param)
    opened = context.new_page()
    opened.complaints = []
    opened.on("console", lambda message: opened.complaints.append(message.text))
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    yield opened
    assert opened.complaints == []
    context.close()


def overflow(page: Any) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_from_the_overview_to_a_rule_and_back(page: Any, address: str) -> None:
    page.goto(f"{address}/rules")
    assert page.get_by_role("heading", level=1).inner_text() == "All rules"
    link = page.locator(".rules h3 a").first
    title = link.inner_text()
    link.click()
    assert page.get_by_role("heading", level=1).inner_text() == title
    for heading in ("When it speaks", "When it stays silent", "What it looks at", "Evidence", "What the card says"):
        assert page.get_by_role("heading", name=heading, exact=True).is_visible()
    assert page.get_by_text("not a medical device").is_visible()
    page.get_by_role("link", name="All rules").click()
    assert page.url == f"{address}/rules"


def test_the_keyboard_reaches_the_content_first(page: Any, address: str) -> None:
    page.goto(f"{address}/rules")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    assert skip.evaluate("link => link === document.activeElement")
    assert skip.bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("width", [320, 500, 1000])
def test_nothing_scrolls_sideways(page: Any, address: str, library: Library, width: int) -> None:
    """320 px is also what a window of 1280 px shows at 400 %, and 500 one of 1000 at 200 %."""
    page.set_viewport_size({"width": width, "height": 800})
    for path in ("/rules", *(f"/rules/{rule_id}" for rule_id in sorted(library.rules))):
        page.goto(address + path)
        assert overflow(page) == 0, path


def test_larger_text_still_fits(page: Any, address: str) -> None:
    page.set_viewport_size({"width": 640, "height": 800})
    page.goto(f"{address}/rules")
    page.locator(".rules h3 a").last.click()
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert overflow(page) == 0


def test_details_open_without_a_script(page: Any, address: str) -> None:
    page.goto(f"{address}/rules")
    page.locator(".rules h3 a").first.click()
    details = page.locator("details").first
    details.locator("summary").click()
    assert details.evaluate("it => it.open")
