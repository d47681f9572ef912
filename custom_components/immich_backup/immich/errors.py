"""What can go wrong between us and an Immich server, as types."""


class ImmichError(Exception):
    """Base of everything the client raises; the text is safe to log and to show.

    ``status`` is the HTTP status when the server answered, else None.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        """Keep the message and the HTTP status, if there was one."""
        super().__init__(message)
        self.status = status


class AddressError(ImmichError):
    """The text is not the address of a server; ``reason`` is a stable word for it."""

    def __init__(self, reason: str, message: str) -> None:
        """Keep the stable reason beside the readable message."""
        super().__init__(message)
        self.reason = reason


class UnauthorisedError(ImmichError):
    """The API key is missing, or unknown to the server (401)."""


class PermissionMissingError(ImmichError):
    """The API key is valid but may not do this (403).

    ``permission`` is Immich's name of the missing right, None when it does not say.
    """

    def __init__(self, permission: str | None, message: str) -> None:
        """Keep the name of the missing permission."""
        super().__init__(message, status=403)
        self.permission = permission


class NotFoundError(ImmichError):
    """The object is unknown to the server, or not this user's."""


class TooLargeError(ImmichError):
    """Something on the way (usually a proxy) refuses bodies of this size (413)."""


class QuotaExceededError(ImmichError):
    """The Immich user's quota is used up."""


class UnsupportedError(ImmichError):
    """The server does not take this kind of file, or takes no empty one."""


class ContentSizeError(ImmichError):
    """The content has more or fewer bytes than announced; nothing was stored."""


class RefusedError(ImmichError):
    """The server understood the request and refuses it (any other 4xx)."""


class UnavailableError(ImmichError):
    """The server can't be reached or can't work at the moment; trying later helps.

    ``retry_after`` is the number of seconds the server asked to wait, if it did.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Keep how long the server asked to wait."""
        super().__init__(message, status=status)
        self.retry_after = retry_after


class ConnectionFailedError(UnavailableError):
    """No connection, or it broke before the answer was complete."""


class TlsError(UnavailableError):
    """There is no connection that is safe: the certificate can't be verified."""


class NoTlsError(TlsError):
    """The server does not speak TLS at all, or only in a way that nobody should."""


class MaintenanceError(UnavailableError):
    """The server is in maintenance mode."""


class ServerFailedError(UnavailableError):
    """The server failed on this request (5xx); it may be the request or the server."""


class ProtocolError(ImmichError):
    """What answers is not an Immich server, or not in a way we understand."""


class RedirectedError(ProtocolError):
    """The address answers with a redirect, which is never followed.

    ``location`` is where it points, without query and credentials.
    """

    def __init__(self, location: str, *, status: int) -> None:
        """Keep where the redirect points."""
        super().__init__(f"The server redirects to {location}", status=status)
        self.location = location


class ServerTooOldError(ImmichError):
    """The server is older than the oldest version that we work with."""

    def __init__(self, version: str) -> None:
        """Keep the version found."""
        super().__init__(f"The server runs Immich {version}; 3.0 or later is needed")
        self.version = version
