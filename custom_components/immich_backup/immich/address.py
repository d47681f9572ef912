"""The address of an Immich server, from what a person typed."""

from yarl import URL

from .errors import AddressError


def normalise_address(text: str) -> str:
    """Return scheme, host, port and base path; drop `/api`, slashes and the rest.

    Raises AddressError with reason `scheme` (not http or https), `credentials`
    (user or password inside) or `address` (no host, or not a URL at all).
    """
    text = text.strip()
    if "://" not in text:
        raise AddressError("scheme", "The address must start with http:// or https://")
    try:
        url = URL(text)
        port = url.explicit_port
    except ValueError as err:
        raise AddressError("address", "This is not a valid address") from err
    if url.scheme not in ("http", "https"):
        raise AddressError("scheme", "The address must start with http:// or https://")
    if not url.host or port == 0:
        raise AddressError("address", "This is not a valid address")
    if url.user is not None or url.password is not None:
        raise AddressError(
            "credentials", "The address must not hold a user name or a password"
        )
    path = url.path.rstrip("/")
    path = path.removesuffix("/api").rstrip("/")
    return str(url.origin().with_path(path)).rstrip("/")
