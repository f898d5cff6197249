"""Cross-origin calls: EHRs that call from a browser, each origin named in the settings."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from mgcds.service.errors import outcome

_METHODS = ("GET", "POST")
_HEADERS = ("authorization", "content-type")
_SHOWN = ("etag", "retry-after", "x-request-id")
_MINUTES = 10


class Cors(CORSMiddleware):
    """Never any origin and never credentials: a token comes in a header that the client sets itself."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=_HEADERS,
            allow_credentials=False,
            expose_headers=_SHOWN,
            max_age=60 * _MINUTES,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """The library's answer; where it refuses, an outcome in its place."""
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:
            return answer
        refused = outcome(403, "forbidden", "This origin, method or header is not allowed.")
        refused.headers["vary"] = "Origin"
        return refused
