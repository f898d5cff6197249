"""Who calls: the issuer in whose name cards are shown and overrides are remembered."""

from __future__ import annotations

from starlette.requests import Request

UNAUTHENTICATED = "unauthenticated"


def issuer_of(request: Request) -> str:  # noqa: ARG001 - authentication will read it from the verified token
    """The issuer of a request. A token that nobody has verified says nothing, so without authentication all are one."""
    return UNAUTHENTICATED
