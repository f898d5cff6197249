"""Refusals as FHIR OperationOutcomes. Texts are constant: nothing of a request is ever echoed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

RETRY_SECONDS = 5  # after what did not work only for the moment
_CODES = {401: "login", 403: "forbidden", 404: "not-found", 405: "not-supported", 406: "not-supported", 408: "timeout",
          413: "too-long", 414: "too-long", 415: "not-supported", 429: "throttled", 431: "too-long"}  # fmt: skip
_TEXTS = {404: "There is nothing at this address.", 405: "This address does not take this method."}
_MEANINGS = {
    400: "The request is malformed; the outcome names the fields",
    401: "Callers are authenticated here, and this one was not; the outcome does not say why",
    404: "No such service",
    408: "The request came too slowly",
    412: "Required data could not be had, or they are another patient's",
    413: "The request is too large, or takes too long to read",
    415: "The request is not JSON in UTF-8 without content encoding",
    429: "Too many calls in too short a time; `retry-after` says when to call again",
    500: "The service failed; nothing was decided",
    503: "Too many calls are waiting, or the database could not be reached; nothing of what was sent was stored",
}


class Refused(Exception):
    """A request that is not answered with cards."""

    def __init__(
        self,
        status: int,
        code: str,
        text: str,
        headers: Mapping[str, str] | None = None,
        *,
        retry_after: int = 0,
        close: bool = False,
    ) -> None:
        self.status, self.code, self.text = status, code, text
        self.headers = dict(headers or {})
        self.headers |= {"retry-after": str(retry_after)} if retry_after else {}
        self.headers |= {"connection": "close"} if close else {}
        super().__init__(text)


def issue_of(status: int, code: str, text: str) -> dict[str, Any]:
    """An OperationOutcome with one issue."""
    issue = {"severity": "fatal" if status >= 500 else "error", "code": code, "diagnostics": text}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def outcome(status: int, code: str, text: str) -> JSONResponse:
    """A refusal whose body is an OperationOutcome."""
    headers = {"cache-control": "no-store"} | ({"retry-after": str(RETRY_SECONDS)} if status == 503 else {})
    return JSONResponse(issue_of(status, code, text), status, headers=headers)


def failure() -> JSONResponse:
    """What is answered when something of ours broke: never 200 with empty cards."""
    return outcome(500, "exception", "The service failed; nothing was decided.")


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How these refusals stand in the description of the interface."""
    return {status: {"description": _MEANINGS[status]} for status in statuses}


def install(app: FastAPI) -> None:
    """Makes every refusal of the application an OperationOutcome."""

    @app.exception_handler(Refused)
    async def _refused(_: Request, error: Refused) -> JSONResponse:
        answer = outcome(error.status, error.code, error.text)
        answer.headers.update(error.headers)
        return answer

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        status = error.status_code
        headers = {name.lower(): value for name, value in (error.headers or {}).items()}
        if "allow" in headers:
            methods = set(headers["allow"].split(", ")) | {"OPTIONS"}
            headers["allow"] = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
            if request.method == "OPTIONS":
                return Response(status_code=204, headers=headers)
        answer = outcome(status, _CODES.get(status, "processing"), _TEXTS.get(status, "The request cannot be answered."))
        answer.headers.update(headers)
        return answer

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, __: RequestValidationError) -> JSONResponse:
        return outcome(400, "invalid", "The request is not well formed.")
