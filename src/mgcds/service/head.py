"""The head of a request: a bounded one, and what a conditional request asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from mgcds.service.errors import outcome

MOST_HEAD = 32_768  # bytes of address and headers; a token with a long list of scopes has 4,000
_TAG = re.compile(r'(?:W/)?("[^"]*")')


class HeadLimit:
    """Refuses a head that is too large with 431, or with 414 where the address alone is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            address = len(scope.get("raw_path") or b"") + len(scope["query_string"])
            headers = sum(len(name) + len(value) for name, value in scope["headers"])
            if address + headers > MOST_HEAD:
                status = 414 if address > MOST_HEAD else 431
                refusal = outcome(status, "too-long", f"Address and headers are longer than {MOST_HEAD} bytes.")
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def is_known(tag: str, told: Iterable[str]) -> bool:
    """Whether If-None-Match names a tag: one of a list, a weak one, or any. `told`: the header, as often as it was sent."""
    line = ",".join(told).strip()
    return line == "*" or tag in _TAG.findall(line)
