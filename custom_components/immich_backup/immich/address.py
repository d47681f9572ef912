"""The address of an Immich server, from what a person typed."""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
import re

from yarl import URL

from .errors import AddressError

# Names, with the underscore that containers have, and IPv4 addresses. yarl has encoded
# what is not ASCII, and takes blanks and worse.
_HOST = re.compile(r"[a-z0-9._-]+", re.IGNORECASE)
_SCHEMES = ("http", "https")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
# Endings of names that are known at home only.
_HOME = (".local", ".lan", ".home", ".home.arpa", ".internal", ".localdomain")


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


def complete_address(text: str) -> Sequence[str]:
    """Return the normalised addresses that a person may have meant, the likeliest first.

    Without a scheme that is http before https for a server at home, and https before
    http for any other. Raises AddressError as ``normalise_address`` does.
    """
    text = text.strip()
    if _SCHEME.match(text):
        return [normalise_address(text)]
    plain, encrypted = (normalise_address(f"{scheme}://{text}") for scheme in _SCHEMES)
    return [plain, encrypted] if _at_home(plain) else [encrypted, plain]


def _at_home(address: str) -> bool:
    """Return whether an address is one of a network at home, by its name alone."""
    host = URL(address).host or ""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_HOME)
