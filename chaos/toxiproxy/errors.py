"""What Toxiproxy refuses, with its words and status codes. The real server's text is part of its interface: clients match on it."""

from __future__ import annotations


class ApiError(Exception):
    """A refusal: the message of the JSON body and the HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class AddressError(OSError):
    """An address that cannot be parsed, resolved or listened on, in the words of Go's net package."""


def bad_body(reason: str) -> ApiError:
    return ApiError(f"bad request body: {reason}", 400)


def missing_field(field: str) -> ApiError:
    return ApiError(f"missing required field: {field}", 400)


def os_failure(error: AddressError) -> ApiError:
    """The real server has no status for what the operating system says, and answers 500."""
    return ApiError(str(error), 500)


def invalid_stream() -> ApiError:
    return ApiError("stream was invalid, can be either upstream or downstream", 400)


def invalid_toxic_type() -> ApiError:
    return ApiError("invalid toxic type", 400)


def proxy_not_found() -> ApiError:
    return ApiError("proxy not found", 404)


def toxic_not_found() -> ApiError:
    return ApiError("toxic not found", 404)


def proxy_exists() -> ApiError:
    return ApiError("proxy already exists", 409)


def toxic_exists() -> ApiError:
    return ApiError("toxic already exists", 409)
