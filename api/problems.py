"""Every error as one JSON shape, `application/problem+json` (RFC 9457).

Owns how our errors, the framework's and unforeseen ones become that shape. Nothing that a client sent is
echoed, and no trace leaves: what went wrong inside is in the log under the id that the answer gives.
"""

import logging
import secrets
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from errors import InvalidInput, SageError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_HTTP = {
    400: (
        "body-unreadable",
        "The body cannot be read",
        "Send a JSON object of the fields that the route takes.",
    ),
    404: ("not-found", "There is no such address", "See the routes in /openapi.json."),
    405: ("method-not-allowed", "That address takes another method", "See the routes in /openapi.json."),
}
# What pydantic says of the commonest mistakes is about its types; people need to know what to send.
_PLAIN = {
    "missing": "is missing",
    "string_type": "must be text",
    "string_unicode": "must be valid Unicode text",
    "json_invalid": "must be valid JSON",
    "model_attributes_type": "must be a JSON object, sent with Content-Type: application/json",
    "dict_type": "must be a JSON object, sent with Content-Type: application/json",
}


def respond(error: SageError, headers: dict[str, str] | None = None) -> JSONResponse:
    """`error` as an answer, with Retry-After where a retry helps."""
    extra = {"Retry-After": "2"} if error.retryable else {}
    if error.status == 401:
        extra["WWW-Authenticate"] = "Bearer"
    return JSONResponse(error.to_problem(), error.status, {**extra, **(headers or {})}, MEDIA_TYPE)


def unforeseen(error: Exception) -> JSONResponse:
    """A 500 that tells nothing but where in the log to look."""
    incident = secrets.token_hex(4)
    log.error("request failed", exc_info=error, extra={"incident": incident})
    return respond(
        SageError(
            "Something went wrong in the web service.", hint=f"It is in the log as incident {incident}."
        )
    )


def install(app: FastAPI) -> None:
    """Have `app` answer every foreseen error in our shape. The unforeseen are caught by `api.shell`."""

    async def ours(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, SageError)
        if error.status >= 500:
            log.warning("request not served", extra={"code": error.code, "cause": repr(error.__cause__)})
        return respond(error)

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return respond(InvalidInput("The request cannot be used as it is.", _fields(error.errors())))

    async def http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        status = error.status_code
        code, title, hint = _HTTP.get(status, (f"http-{status}", "The request was refused", ""))
        problem = SageError(f"{title}.", code=code, status=status, hint=hint).to_problem()
        return JSONResponse({**problem, "title": title}, status, dict(error.headers or {}), MEDIA_TYPE)

    app.add_exception_handler(SageError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def _fields(details: Any) -> dict[str, str]:
    fields: dict[str, str] = {}
    for detail in details:
        place = [str(part) for part in detail["loc"] if part not in ("body", "path", "query")]
        # Of a JSON syntax error the place is an offset, which names no field.
        field = "body" if detail["type"] == "json_invalid" or not place else ".".join(place)
        fields.setdefault(field, _PLAIN.get(detail["type"], _lowered(detail["msg"])))
    return fields


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
