"""Answers that are not successes, as exceptions."""

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """An answer of the API that says why something was not done.

    Since 3.0.0 the body is only `{"message": ...}`, for validation also `errors`.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        extra: Mapping[str, Any] | None = None,
        negotiated: bool = True,
    ) -> None:
        """Keep the status and the body.

        negotiated is False for answers given before the compression middleware,
        which therefore carry no Vary header (measured on Immich 3.0.3).
        """
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"message": message, **(extra or {})}
        self.negotiated = negotiated


def bad_request(message: str) -> ApiError:
    """Return the answer 400 with this message."""
    return ApiError(400, message)


def no_access(permission: str) -> ApiError:
    """Return the answer for an object that is unknown, foreign or locked."""
    return ApiError(400, f"Not found or no {permission} access")


def not_found(message: str = "Not Found") -> ApiError:
    """Return the answer 404."""
    return ApiError(404, message)


def internal_error(message: str = "Internal server error") -> ApiError:
    """Return the answer 500."""
    return ApiError(500, message)
