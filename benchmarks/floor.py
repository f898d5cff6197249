"""The floor: what a Python service costs that reads a request and says the same to everybody."""

from __future__ import annotations

from typing import Any

import orjson

ANSWER = orjson.dumps({"cards": [{"summary": "Constant", "indicator": "info", "source": {"label": "floor"}}]})
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Raw ASGI: the whole body is parsed, nothing is looked at."""
    if scope["type"] != "http":
        return
    chunks = []
    more = True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    if scope["method"] == "POST":
        orjson.loads(b"".join(chunks))
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})
