"""What surrounds every exchange: its id, one log line, metrics, a span, HEAD, and failures that leak nothing."""

from __future__ import annotations

import re
import time
from collections import Counter
from uuid import uuid4

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mgcds.service import tracing
from mgcds.service.audit import Audit
from mgcds.service.condition import Condition
from mgcds.service.errors import failure
from mgcds.service.exchange import Exchange, exchanging
from mgcds.service.metrics import Metrics
from mgcds.service.requests import CONTEXTS

log = structlog.get_logger(__name__)
_PLACES = {"/cds-services": "discovery", "/healthz": "probe", "/readyz": "probe", "/metrics": "metrics"}
_AUDITED = ("call", "feedback")
_OFTEN = ("probe", "metrics")  # asked every few seconds: not logged
_SERVICES = {f"mgcds-{hook}" for hook in CONTEXTS}
# An id that a proxy made, so that its logs and ours can be laid side by side: digits as they or UUIDs have. Letters beyond
# those of hexadecimal numbers could be somebody's name.
_REQUEST_ID = re.compile(rb"[0-9A-Fa-f][0-9A-Fa-f._-]{7,63}")
_ALWAYS = {b"x-content-type-options": b"nosniff", b"referrer-policy": b"no-referrer"}


class Envelope:
    """The outermost layer. A failure ends here: let through, the server would log it with the values in it."""

    def __init__(
        self,
        app: ASGIApp,
        root_path: str = "",
        metrics: Metrics | None = None,
        condition: Condition | None = None,
        audit: Audit | None = None,
    ) -> None:
        self._app = app
        self._root_path = root_path
        self._metrics = metrics or Metrics()
        self._condition = condition or Condition()
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if _REQUEST_ID.fullmatch(given) else uuid4().hex
        is_head = scope["method"] == "HEAD"
        scope = self._tidied(scope)
        exchange = _exchange(scope["path"])

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = {b"x-request-id": request_id.encode(), **_ALWAYS}
                if self._condition.stopping:  # a proxy that keeps the connection would run into its end
                    own[b"connection"] = b"close"
                kept = [(name, value) for name, value in message["headers"] if name.lower() not in own]
                message = {**message, "headers": [*kept, *own.items()]}
            elif is_head:
                message = {**message, "body": b""}
            await send(message)

        parent = headers.get(b"traceparent", b"").decode("latin-1")
        with (
            structlog.contextvars.bound_contextvars(request_id=request_id),
            exchanging(exchange),
            tracing.root(parent, {"mgcds.request_id": request_id}) as end_span,
        ):
            try:
                await self._app(scope, receive, sent)
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an outcome and the log its type
                log.error("failed", kind=type(error).__name__)
                if not status:
                    await failure()(scope, receive, sent)
            seconds, method = time.perf_counter() - started, _known("HEAD" if is_head else scope["method"])
            self._metrics.answered(exchange, status, seconds)
            line = _line(exchange)
            write = log.debug if exchange.endpoint in _OFTEN else log.info
            write("answered", method=method, status=status, ms=round(1000 * seconds, 1), **line)
            end_span(f"{method} {exchange.endpoint}", _attributes(exchange, method, status))
            if self._audit is not None and exchange.endpoint in _AUDITED:
                await self._audit.note(exchange, request_id=request_id, status=status)

    def _tidied(self, scope: Scope) -> Scope:
        """HEAD asks as GET does; a slash at the end changes nothing, and no redirect is built from a caller's header."""
        path = scope["path"].rstrip("/") or "/"
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        return {**scope, "path": path, "method": method, "root_path": self._root_path or scope.get("root_path", "")}


def _known(method: str) -> str:
    return method if method in ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE") else "other"


def _exchange(path: str) -> Exchange:
    """The sheet for a request at a path: which of our addresses it is, in our words."""
    if path in _PLACES:
        return Exchange(_PLACES[path])
    first, *rest = path.removeprefix("/").split("/")  # OPTIONS may ask about "*", which has no slash
    if first == "cds-services" and rest and rest[0] in _SERVICES:
        if len(rest) == 1:
            return Exchange("call", rest[0])
        if rest[1:] == ["feedback"]:
            return Exchange("feedback", rest[0])
    return Exchange("pages" if first in ("rules", "context", "static") else "other")


def _line(exchange: Exchange) -> dict[str, object]:
    """What the log says of an exchange beyond its status."""
    line: dict[str, object] = {"endpoint": exchange.endpoint}
    if exchange.service:
        line["service"] = exchange.service
    if exchange.stripped:
        line["stripped"] = True
    if exchange.answer is not None:
        line |= {"cards": len(exchange.answer["cards"]), "states": dict(sorted(Counter(exchange.states().values()).items()))}
    if exchange.outcomes:
        line |= {"events": len(exchange.outcomes), "unknown": exchange.unknown}
    return line


def _attributes(exchange: Exchange, method: str, status: int) -> dict[str, str | int]:
    """What a span tells of an exchange."""
    made: dict[str, str | int] = {"http.request.method": method, "http.response.status_code": status}
    if exchange.service:
        made["mgcds.service"] = exchange.service
    if exchange.answer is not None:
        made["mgcds.cards"] = len(exchange.answer["cards"])
        made["mgcds.library"] = exchange.answer["extension"]["org.mgcds.evaluation"]["library"]
    return made
