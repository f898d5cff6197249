"""Refusals as FHIR OperationOutcomes. Texts are constant: nothing of a request is ever echoed."""

from __future__ import annotations

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

log = structlog.get_logger(__name__)
_CODES = {
    400: "invalid",
    404: "not-found",
    405: "not-supported",
    412: "required",
    413: "too-long",
    415: "not-supported",
}
_TEXTS = {
    404: "There is nothing at this address.",
    405: "This address does not take this method.",
    422: "The request is not well formed.",
}


class Refused(Exception):
    """A request that is not answered with cards."""

    def __init__(self, status: int, code: str, text: str) -> None:
        self.status, self.code, self.text = status, code, text
        super().__init__(text)


def outcome(status: int, code: str, text: str) -> JSONResponse:
    """An OperationOutcome with one issue."""
    issue = {"severity": "fatal" if status >= 500 else "error", "code": code, "diagnostics": text}
    return JSONResponse({"resourceType": "OperationOutcome", "issue": [issue]}, status)


def install(app: FastAPI) -> None:
    """Makes every error of the application an OperationOutcome."""

    @app.exception_handler(Refused)
    async def _refused(_: Request, error: Refused) -> JSONResponse:
        return outcome(error.status, error.code, error.text)

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        status = error.status_code
        answer = outcome(status, _CODES.get(status, "processing"), _TEXTS.get(status, "The request cannot be answered."))
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, __: RequestValidationError) -> JSONResponse:
        return outcome(400, "invalid", _TEXTS[422])

    @app.exception_handler(Exception)
    async def _failed(_: Request, error: Exception) -> JSONResponse:
        log.error("request failed", kind=type(error).__name__)
        return outcome(500, "exception", "The service failed; nothing was decided.")
