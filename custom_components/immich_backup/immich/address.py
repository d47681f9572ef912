"""The address of an Immich server, from what a person typed."""

from yarl import URL

from .errors import AddressError


def normalise_address(text: str) -> str:
    """Return scheme, host, port and base path; drop `/api`, slashes and the rest.

    Raises AddressError with reason `scheme` (not http or https), `credentials`
    (user or password inside) or `address` (no host, or not a URL at all).
    """
    text = text.strip()
    if not text.lower().startswith(("http://", "https://")):
        raise AddressError("scheme", "The address must start with http:// or https://")
    try:
        url = URL(text)
        host, port = url.host, url.explicit_port
    except ValueError as err:
        raise AddressError("address", "This is not a valid address") from err
    if "@" in url.raw_authority:
        raise AddressError(
            "credentials", "The address must not hold a user name or a password"
        )
    if not host or port == 0:
        raise AddressError("address", "This is not a valid address")
    path = url.raw_path.rstrip("/")
    while path.endswith("/api"):
        path = path.removesuffix("/api").rstrip("/")
    return str(url.origin().with_path(path, encoded=True)).rstrip("/")
