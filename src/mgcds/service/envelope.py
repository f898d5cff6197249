"""What surrounds every exchange: its id, one log line, HEAD, and failures that leak nothing."""

from __future__ import annotations

import time
from uuid import uuid4

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mgcds.service.errors import failure

log = structlog.get_logger(__name__)
_PROBES = ("/healthz", "/readyz")  # asked every few seconds
_ALWAYS = {b"x-content-type-options": b"nosniff", b"referrer-policy": b"no-referrer"}


class Envelope:
    """The outermost layer. A failure ends here: let through, the server would log it with the values in it."""

    def __init__(self, app: ASGIApp, root_path: str = "") -> None:
        self._app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, request_id, status = time.perf_counter(), uuid4().hex, 0
        is_head = scope["method"] == "HEAD"

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = {b"x-request-id": request_id.encode(), **_ALWAYS}
                kept = [(name, value) for name, value in message["headers"] if name.lower() not in own]
                message = {**message, "headers": [*kept, *own.items()]}
            elif is_head:
                message = {**message, "body": b""}
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(self._tidied(scope), receive, sent)
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an outcome and the log its type
                log.error("failed", kind=type(error).__name__)
                if not status:
                    await failure()(scope, receive, sent)
            write = log.debug if scope["path"] in _PROBES else log.info
            write("answered", method=_known(scope["method"]), status=status, ms=_since(started))

    def _tidied(self, scope: Scope) -> Scope:
        """HEAD asks as GET does; a slash at the end changes nothing, and no redirect is built from a caller's header."""
        path = scope["path"].rstrip("/") or "/"
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        return {**scope, "path": path, "method": method, "root_path": self._root_path or scope.get("root_path", "")}


def _known(method: str) -> str:
    return method if method in ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE") else "other"


def _since(started: float) -> float:
    return round(1000 * (time.perf_counter() - started), 1)
