"""The address of an Immich server, from what a person typed."""

from ipaddress import IPv6Address
import re

from yarl import URL

from .errors import AddressError

# Names, with the underscore that containers have, and IPv4 addresses. yarl has encoded
# what is not ASCII, and takes blanks and worse.
_HOST = re.compile(r"[a-z0-9._-]+", re.IGNORECASE)


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
        host, port = url.raw_host or "", url.explicit_port
        if not _HOST.fullmatch(host):
            IPv6Address(host)
    except ValueError as err:
        raise AddressError("address", "This is not a valid address") from err
    if "@" in url.raw_authority:
        raise AddressError(
            "credentials", "The address must not hold a user name or a password"
        )
    # Line breaks and tabs, which yarl leaves out, are in no address that was meant.
    if port == 0 or not text.isprintable():
        raise AddressError("address", "This is not a valid address")
    path = url.raw_path.rstrip("/")
    while path.endswith("/api"):
        path = path.removesuffix("/api").rstrip("/")
    return str(url.origin().with_path(path, encoded=True)).rstrip("/")
