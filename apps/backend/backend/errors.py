"""Errors as clients see them: RFC 9457 problem details, never a traceback."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import FastAPI, Request

RETRY_AFTER_SECONDS = 2


class DependencyUnavailableError(Exception):
    """Something that the backend needs does not answer; `dependency` is its name, `reason` one line."""

    def __init__(self, dependency: str, reason: str) -> None:
        super().__init__(f"{dependency} is unavailable: {reason}")
        self.dependency = dependency
        self.reason = reason


class InvalidFieldError(Exception):
    """A field that has the right form but names nothing that exists."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


def problem(
    status: int,
    detail: str,
    *,
    request_id: str,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return the answer for an error; `errors` tells ``field`` and ``message`` of each invalid field."""
    body: dict[str, object] = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    if errors:
        body["errors"] = list(errors)
    return JSONResponse(
        {**body, "requestId": request_id},
        status_code=status,
        media_type="application/problem+json",
        headers=dict(headers or {}),
    )


def request_id_of(request: Request) -> str:
    """Return the id under which this request is logged."""
    return str(request.scope.get("request_id", ""))


def install_error_handlers(app: FastAPI) -> None:
    """Make the app answer every expected kind of error with a problem."""
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(InvalidFieldError, _on_invalid_field)
    app.add_exception_handler(DependencyUnavailableError, _on_unavailable)
    app.add_exception_handler(HTTPException, _on_http_error)


def _on_invalid_request(request: Request, error: Exception) -> JSONResponse:
    found = error.errors() if isinstance(error, RequestValidationError) else ()
    errors = [{"field": _field(entry["loc"]), "message": entry["msg"]} for entry in found]
    listed = "; ".join(f"{entry['field']}: {entry['message']}" for entry in errors)
    return problem(422, f"The request is not valid: {listed}.", request_id=request_id_of(request), errors=errors)


def _field(location: Sequence[str | int]) -> str:
    """Return a field's name as the client wrote it, without the part of the request that it is in."""
    names = [str(part) for part in location if part not in {"body", "query", "path", "header"}]
    return ".".join(names) or str(location[0])


def _on_invalid_field(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, InvalidFieldError):
        raise TypeError(type(error))
    errors = [{"field": error.field, "message": error.message}]
    return problem(422, f"The request is not valid: {error}.", request_id=request_id_of(request), errors=errors)


def _on_unavailable(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, DependencyUnavailableError):
        raise TypeError(type(error))
    request.scope["failure"] = str(error)  # for the log; addresses are none of the client's business
    return problem(
        503,
        f"{error.dependency} does not answer at the moment; try again in a few seconds.",
        request_id=request_id_of(request),
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise TypeError(type(error))
    return problem(error.status_code, str(error.detail), request_id=request_id_of(request), headers=error.headers)
