"""Refusals as FHIR OperationOutcomes. Texts are constant: nothing of a request is ever echoed."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

RETRY_SECONDS = 5  # after what did not work only for the moment
_CODES = {404: "not-found", 405: "not-supported"}
_TEXTS = {404: "There is nothing at this address.", 405: "This address does not take this method."}
_MEANINGS = {
    400: "The request is malformed; the outcome names the fields",
    404: "No such service",
    412: "Required data could not be had, or they are another patient's",
    413: "The request is too large",
    415: "The request is not JSON in UTF-8 without content encoding",
    500: "The service failed; nothing was decided",
    503: "What was sent could not be stored; nothing of it was",
}


class Refused(Exception):
    """A request that is not answered with cards."""

    def __init__(self, status: int, code: str, text: str) -> None:
        self.status, self.code, self.text = status, code, text
        super().__init__(text)


def outcome(status: int, code: str, text: str) -> JSONResponse:
    """An OperationOutcome with one issue."""
    issue = {"severity": "fatal" if status >= 500 else "error", "code": code, "diagnostics": text}
    headers = {"cache-control": "no-store"} | ({"retry-after": str(RETRY_SECONDS)} if status == 503 else {})
    return JSONResponse({"resourceType": "OperationOutcome", "issue": [issue]}, status, headers=headers)


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
        return outcome(error.status, error.code, error.text)

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
