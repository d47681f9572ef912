"""Whether what was entered is an account: address, server, key and what the key may do."""

import asyncio
from collections.abc import Mapping
import re
from typing import Any

from homeassistant.const import CONF_API_KEY, CONF_URL
from homeassistant.core import HomeAssistant
from yarl import URL

from ..account import client_of
from ..const import CONF_HEADERS, PERMISSIONS
from ..immich import User, complete_address, normalise_address
from ..immich.errors import (
    AddressError,
    ConnectionFailedError,
    ImmichError,
    MaintenanceError,
    NoTlsError,
    ProtocolError,
    RedirectedError,
    ServerTooOldError,
    TlsError,
    UnauthorisedError,
    UnavailableError,
)

# Seconds that a person waits for an answer before the form comes back.
_PATIENCE = 30.0
# What is asked first, and needs no key.
_FIRST_PATH = "/api/server/version"
# Errors that only Immich makes,
_IMMICH = (MaintenanceError, ServerTooOldError)
# and those that are the same at any path of a server.
_WHATEVER_THE_PATH = (ConnectionFailedError, TlsError, *_IMMICH)
_HEADER = re.compile(r"(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(?P<value>[ -~]+)")


class AccountError(Exception):
    """What was entered can't be used: ``reason`` is the key of the text for ``field``.

    ``address`` is a better address, where one is known.
    """

    def __init__(
        self, field: str, reason: str, *, address: str | None = None, **details: str
    ) -> None:
        """Keep the field, the reason and the placeholders of its text."""
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
        self.address = address
        self.details = details


def headers_of(text: str, field: str) -> dict[str, str]:
    """Return headers from lines of `Name: value`.

    Raises AccountError for the field; it tells the number of the line, as what is in
    it is secret.
    """
    headers = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if (match := _HEADER.fullmatch(line.strip())) is None:
            raise AccountError(field, "not_a_header", line=str(number))
        headers[match["name"]] = match["value"]
    return headers


def account_title(user: User, address: str) -> str:
    """Return what an account is called: `Ada (photos.example.com)`."""
    return f"{user.name or user.email} ({URL(address).host})"


async def find_server(hass: HomeAssistant, data: Mapping[str, Any]) -> str:
    """Return the address at which Immich answers, by what was typed as the address.

    Nobody gets the key for that. Raises AccountError, also where Immich answers only
    without encryption and nobody said that this is what is meant.
    """
    try:
        addresses = complete_address(data[CONF_URL])
    except AddressError as err:
        raise AccountError(CONF_URL, err.reason) from err
    error: ImmichError | None = None
    for address in addresses:
        plain = error is not None and URL(address).scheme == "http"
        if plain and not isinstance(error, ConnectionFailedError | NoTlsError):
            break
        probe = {**data, CONF_URL: address, CONF_API_KEY: None}
        if plain:
            # Extra headers are as secret as the key.
            probe.pop(CONF_HEADERS, None)
        try:
            found = await _recognise(hass, probe, _PATIENCE / len(addresses))
        except ImmichError as err:
            if error is None or _tells_more(err, error):
                error = err
        else:
            if plain:
                raise AccountError(
                    CONF_URL, "not_encrypted", address=found, location=found
                )
            return found
    assert error is not None
    raise _account_error(error, data[CONF_URL]) from error


async def _recognise(
    hass: HomeAssistant, data: Mapping[str, Any], patience: float
) -> str:
    """Return the address at which Immich answers: the one given, or without its path.

    What a browser shows has the path of a page. Raises the errors of the client.
    """
    address: str = data[CONF_URL]
    error: ImmichError | None = None
    try:
        async with asyncio.timeout(patience):
            for tried in dict.fromkeys((address, str(URL(address).origin()))):
                try:
                    await client_of(hass, {**data, CONF_URL: tried}).require_supported()
                except ImmichError as err:
                    if error is None or isinstance(err, _IMMICH):
                        error = err
                    if isinstance(err, _WHATEVER_THE_PATH):
                        break
                else:
                    return tried
    except TimeoutError as err:
        raise ConnectionFailedError("The server does not answer") from err
    assert error is not None
    raise error


def _tells_more(error: ImmichError, other: ImmichError) -> bool:
    """Return whether what went wrong at one address says more than at another."""

    def rank(error: ImmichError) -> int:
        match error:
            case MaintenanceError() | ServerTooOldError():
                return 3
            case ConnectionFailedError() | NoTlsError():
                return 0
            case TlsError():
                return 2
        return 1

    return rank(error) > rank(other)


async def check_key(hass: HomeAssistant, data: Mapping[str, Any]) -> User:
    """Return whose key it is that an entry's data holds; raises AccountError.

    The address must be one at which Immich was found.
    """
    try:
        async with asyncio.timeout(_PATIENCE):
            client = client_of(hass, data)
            key = await client.api_key()
            if missing := key.missing(PERMISSIONS):
                raise AccountError(
                    CONF_API_KEY,
                    "permissions_missing",
                    missing=", ".join(sorted(missing)),
                )
            return await client.me()
    except ImmichError as err:
        raise _account_error(err, data[CONF_URL]) from err
    except TimeoutError as err:
        raise AccountError(
            CONF_URL, "cannot_connect", detail="The server does not answer"
        ) from err


def _account_error(error: ImmichError, address: str) -> AccountError:
    """Return what an error of the client means for the form."""
    match error:
        case RedirectedError(location=location):
            better = _moved_to(location)
            if better is None or better == address:
                return AccountError(CONF_URL, "redirected", location=location)
            return AccountError(CONF_URL, "moved", address=better, location=better)
        case ProtocolError():
            return AccountError(CONF_URL, "not_immich", detail=str(error))
        case ServerTooOldError(version=version):
            return AccountError(CONF_URL, "server_too_old", version=version)
        case UnauthorisedError():
            return AccountError(CONF_API_KEY, "key_refused")
        case NoTlsError():
            return AccountError(CONF_URL, "no_https")
        case TlsError():
            return AccountError(CONF_URL, "tls_failed", detail=str(error))
        case MaintenanceError():
            return AccountError(CONF_URL, "maintenance")
        case UnavailableError():
            return AccountError(CONF_URL, "cannot_connect", detail=str(error))
    return AccountError(CONF_URL, "refused", detail=str(error))


def _moved_to(location: str) -> str | None:
    """Return the address of the server that a redirect leads to.

    None if it leads to something else, such as a page to log in.
    """
    location = location.rstrip("/")
    if not location.endswith(_FIRST_PATH):
        return None
    try:
        return normalise_address(location.removesuffix(_FIRST_PATH))
    except AddressError:
        return None
