"""The account's flows: adding it, a new key, changing it, and what goes wrong there."""

import asyncio
from collections.abc import AsyncIterator, Callable
import json
from pathlib import Path
from typing import Any

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlowResult,
    FlowType,
)
from homeassistant.const import CONF_API_KEY, CONF_PATH, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import config_validation as cv, issue_registry as ir
import probatio
import pytest
import pytest_socket

from custom_components.immich_backup.config_flow import CONF_TAKE_OVER, SECTION_ADVANCED
from custom_components.immich_backup.const import CONF_HEADERS, DOMAIN, PERMISSIONS
from custom_components.immich_backup.flows import account
from custom_components.immich_backup.immich import ImmichClient, address
from custom_components.immich_backup.issues import Issue
from simulator import Action, Fault, Simulator

from .immich.server import Exchange, Handler, RawServer, answers, http
from .immich.test_tls import server_context
from .support.flows import assert_readable, english, folder_form
from .support.home import API_KEY, ENTRY_ID, Home, folder_data, until

TITLE = "Admin (127.0.0.1)"
TEXTS = english()["config"]


def entered(url: str, key: str | None = API_KEY, **advanced: Any) -> dict[str, Any]:
    """Return what a person enters; without a key the field stays empty."""
    return {
        CONF_URL: url,
        **({} if key is None else {CONF_API_KEY: key}),
        SECTION_ADVANCED: {CONF_VERIFY_SSL: True, **advanced},
    }


async def begin(hass: HomeAssistant) -> ConfigFlowResult:
    """Return the first form of a new account."""
    form = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    assert_readable(form, TEXTS)
    return form


async def reconfigure(hass: HomeAssistant, entry: ConfigEntry) -> ConfigFlowResult:
    """Return the form that changes an account."""
    form = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_RECONFIGURE, "entry_id": entry.entry_id}
    )
    assert_readable(form, TEXTS)
    return form


async def submit(
    hass: HomeAssistant, form: ConfigFlowResult, values: dict[str, Any]
) -> ConfigFlowResult:
    """Return what comes after a form was submitted."""
    result = await hass.config_entries.flow.async_configure(form["flow_id"], values)
    await hass.async_block_till_done()
    assert_readable(result, TEXTS)
    return result


def shown(form: ConfigFlowResult) -> dict[str, Any]:
    """Return the fields of a form as the browser gets them, by name."""
    assert form["type"] is FlowResultType.FORM
    fields: Any = probatio.to_field_list(
        form["data_schema"], custom_serializer=cv.custom_serializer
    )
    assert API_KEY not in json.dumps(fields)
    return {field["name"]: field for field in fields}


def assert_created(home: Home, result: ConfigFlowResult) -> ConfigEntry:
    """Check that the account was added and loaded, and return it."""
    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    assert entry.state is ConfigEntryState.LOADED
    assert entry.title == TITLE
    assert entry.unique_id == home.immich.admin().id
    home.entry = entry
    return entry


def assert_nothing_created(hass: HomeAssistant, result: ConfigFlowResult) -> None:
    """Check that a form is shown again and no account was added."""
    assert result["type"] is FlowResultType.FORM
    assert hass.config_entries.async_entries(DOMAIN) == []


@pytest.fixture
async def other_immich() -> AsyncIterator[Simulator]:
    """Return another server, with a user of its own, that takes the same key."""
    async with Simulator(api_key=API_KEY) as simulator:
        yield simulator


async def test_add(home: Home) -> None:
    """An account is added, and its first folder right after it."""
    hass = home.hass
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")

    form = await begin(hass)
    assert form["step_id"] == "user"
    assert form["errors"] == {}
    fields = shown(form)
    assert set(fields) == {CONF_URL, CONF_API_KEY, SECTION_ADVANCED}
    assert fields[CONF_API_KEY]["required"]
    assert fields[SECTION_ADVANCED]["expanded"] is False
    placeholders = form["description_placeholders"]
    assert placeholders is not None
    assert set(placeholders["permissions"].splitlines()) == PERMISSIONS
    assert placeholders["key_kept"] == placeholders["headers_kept"] == ""

    result = await submit(hass, form, entered(f" {home.immich.url}/api/ "))
    entry = assert_created(home, result)
    assert entry.data == {
        CONF_URL: home.immich.url,
        CONF_API_KEY: API_KEY,
        CONF_VERIFY_SSL: True,
    }

    flow_type, flow_id = result["next_flow"]
    assert flow_type is FlowType.CONFIG_SUBENTRIES_FLOW
    flows = hass.config_entries.subentries
    form = await flows.async_configure(flow_id)
    assert form["description_placeholders"]["welcome"].startswith(
        f"{TITLE} is connected. Now choose a folder"
    )
    await flows.async_configure(flow_id, folder_form(folder))
    await flows.async_configure(flow_id, {"next_step_id": "save"})
    await hass.async_block_till_done()
    (subentry,) = entry.subentries.values()
    assert subentry.data[CONF_PATH] == str(folder)
    await home.until_stored(1)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://photos.example.com", "scheme"),
        ("http://ada:secret@photos.example.com", "credentials"),
        ("ada:secret@photos.example.com", "credentials"),
        ("photos example com", "address"),
        ("http://", "address"),
        ("http://photos example com", "address"),
    ],
)
async def test_unusable_address(home: Home, url: str, reason: str) -> None:
    """An address that is none is refused, stays in the form, and the key is kept."""
    form = await submit(home.hass, await begin(home.hass), entered(url))
    assert_nothing_created(home.hass, form)
    assert form["errors"] == {CONF_URL: reason}
    fields = shown(form)
    assert fields[CONF_URL]["description"] == {"suggested_value": url}
    assert not fields[CONF_API_KEY]["required"]

    result = await submit(home.hass, form, entered(home.immich.url, key=None))
    assert assert_created(home, result).data[CONF_API_KEY] == API_KEY


def respond(**options: Any) -> Callable[[Simulator], None]:
    """Return what makes a server answer everything with one thing."""
    return lambda immich: _add(immich, Fault(action=Action.RESPOND, **options))


def hang(immich: Simulator) -> None:
    """Let the server say nothing."""
    _add(immich, Fault(action=Action.HANG))


def maintain(immich: Simulator) -> None:
    """Put the server into maintenance mode."""
    immich.faults.maintenance = True


def outdate(immich: Simulator) -> None:
    """Let the server be of the time before 3.0."""
    immich.faults.version = "2.9.1"


def immich_of(user_id: str) -> Handler:
    """Return what answers as far as an account asks, at any path."""
    user = {"id": user_id, "name": "Admin", "permissions": ["all"], "email": "a@b"}
    version = {"major": 3, "minor": 0, "patch": 3}
    return answers(version=http(200, version), me=http(200, user), other=http(502))


def _add(immich: Simulator, fault: Fault) -> None:
    immich.faults.add(fault)


@pytest.mark.parametrize(
    ("misbehave", "reason", "details"),
    [
        (respond(canned="html-page"), "not_immich", {}),
        (respond(canned="redirect"), "redirected", {"location": "{url}/"}),
        (
            respond(status=301, headers={"Location": "/api/server/version"}),
            "redirected",
            {"location": "{url}/api/server/version"},
        ),
        (
            respond(status=301, headers={"Location": "ftp://x/api/server/version"}),
            "redirected",
            {"location": "ftp://x/api/server/version"},
        ),
        (respond(canned="bad-gateway"), "cannot_connect", {}),
        (hang, "cannot_connect", {"detail": "The server does not answer"}),
        (maintain, "maintenance", {}),
        (outdate, "server_too_old", {"version": "2.9.1"}),
        (
            respond(
                status=400,
                headers={"Content-Type": "application/json"},
                body='{"message":"Not today"}',
            ),
            "refused",
            {"detail": "Not today"},
        ),
    ],
)
async def test_server_errors(
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    misbehave: Callable[[Simulator], None],
    reason: str,
    details: dict[str, str],
) -> None:
    """What is wrong with the server is told; when it is cured, one click goes on."""
    monkeypatch.setattr(account, "_PATIENCE", 1.0)
    misbehave(home.immich)
    form = await submit(home.hass, await begin(home.hass), entered(home.immich.url))
    assert_nothing_created(home.hass, form)
    assert form["errors"] == {CONF_URL: reason}
    placeholders = form["description_placeholders"]
    assert placeholders is not None
    for key, value in details.items():
        assert placeholders[key] == value.format(url=home.immich.url)
    fields = shown(form)
    assert fields[CONF_URL]["description"]["suggested_value"] == home.immich.url

    home.immich.faults.clear()
    result = await submit(home.hass, form, entered(home.immich.url, key=None))
    assert_created(home, result)


@pytest.mark.parametrize(
    "misbehave",
    [
        respond(canned="html-page"),
        respond(canned="redirect"),
        respond(canned="bad-gateway"),
        outdate,
    ],
)
async def test_key_is_for_immich(
    home: Home, misbehave: Callable[[Simulator], None]
) -> None:
    """What is not certainly Immich does not get the key."""
    misbehave(home.immich)
    await submit(home.hass, await begin(home.hass), entered(home.immich.url))
    assert len(home.immich.requests) >= 1
    for request in home.immich.requests:
        assert API_KEY not in str(request)


async def test_unreachable(home: Home) -> None:
    """A server that is not there is told, and taken once it is."""
    await home.immich.stop()
    form = await submit(home.hass, await begin(home.hass), entered(home.immich.url))
    assert_nothing_created(home.hass, form)
    assert form["errors"] == {CONF_URL: "cannot_connect"}

    await home.immich.start()
    result = await submit(home.hass, form, entered(home.immich.url, key=None))
    assert_created(home, result)


PHOTOS = "/photos", "/user-settings?isOpen=api-keys", "/api/photos/", "/a/b#c"


@pytest.mark.parametrize("path", PHOTOS)
@pytest.mark.parametrize("scheme", ["http://", ""])
async def test_page_of_immich(home: Home, scheme: str, path: str) -> None:
    """The address of a page leads to the server; what a browser shows can be entered."""
    place = home.immich.url.removeprefix("http://")
    typed = f" {scheme}{place}{path} "
    result = await submit(home.hass, await begin(home.hass), entered(typed))
    assert assert_created(home, result).data[CONF_URL] == home.immich.url


async def test_path_of_immich(home: Home) -> None:
    """A server that answers below a path is not asked above it."""
    user = home.immich.admin()

    async def handle(exchange: Exchange) -> None:
        seen.append(exchange.target)
        await below(exchange)

    seen: list[str] = []
    below = immich_of(user.id)
    async with RawServer(handle) as server:
        url = f"{server.address}/immich"
        result = await submit(home.hass, await begin(home.hass), entered(url))
        entry = assert_created(home, result)
        assert entry.data[CONF_URL] == url
        assert all(target.startswith("/immich/api/") for target in seen)
        await home.hass.config_entries.async_unload(entry.entry_id)


async def test_page_of_something_else(home: Home) -> None:
    """Where no Immich is, the address that was typed is what the error is about."""
    respond(canned="html-page")(home.immich)
    typed = f"{home.immich.url}/photos"
    form = await submit(home.hass, await begin(home.hass), entered(typed))
    assert form["errors"] == {CONF_URL: "not_immich"}
    assert shown(form)[CONF_URL]["description"]["suggested_value"] == typed
    paths = [request.path for request in home.immich.requests]
    assert paths == ["/photos/api/server/version", "/api/server/version"]


async def test_page_of_an_old_server(home: Home) -> None:
    """What Immich itself says counts more than what its pages are."""
    outdate(home.immich)
    typed = f"{home.immich.url}/photos"
    form = await submit(home.hass, await begin(home.hass), entered(typed))
    assert form["errors"] == {CONF_URL: "server_too_old"}


@pytest.fixture
def abroad(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this computer count as one on the internet."""
    monkeypatch.setattr(address, "_at_home", lambda _: False)


@pytest.mark.usefixtures("abroad")
async def test_without_encryption(home: Home) -> None:
    """Elsewhere than at home nothing secret goes over http unless a person agrees."""
    place = home.immich.url.removeprefix("http://")
    values = entered(f"{place}/photos", **{CONF_HEADERS: "X-Proxy: secret"})
    form = await submit(home.hass, await begin(home.hass), values)
    assert_nothing_created(home.hass, form)
    assert form["errors"] == {CONF_URL: "not_encrypted"}
    placeholders = form["description_placeholders"]
    assert placeholders is not None
    assert placeholders["location"] == home.immich.url
    assert placeholders["key_kept"].startswith("The key that you entered is kept")
    for request in home.immich.requests:
        assert API_KEY not in str(request)
        assert "X-Proxy" not in request.headers
    suggested = shown(form)[CONF_URL]["description"]["suggested_value"]
    assert suggested == home.immich.url
    result = await submit(home.hass, form, entered(suggested, key=None))
    assert assert_created(home, result).data[CONF_URL] == home.immich.url


@pytest.mark.usefixtures("abroad")
async def test_encrypted_first(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where https is spoken, http is not even tried."""
    asyncio.get_running_loop().set_debug(False)
    asked: list[str] = []

    def client_of(hass: HomeAssistant, data: dict[str, Any]) -> ImmichClient:
        asked.append(data[CONF_URL])
        return original(hass, data)

    original = account.client_of
    monkeypatch.setattr(account, "client_of", client_of)
    async with RawServer(
        answers(other=http(502)), tls=server_context(tmp_path)
    ) as server:
        place = server.address.removeprefix("https://")
        form = await submit(home.hass, await begin(home.hass), entered(place))
        assert form["errors"] == {CONF_URL: "tls_failed"}
        values = entered(place, key=None, **{CONF_VERIFY_SSL: False})
        form = await submit(home.hass, form, values)
        assert form["errors"] == {CONF_URL: "cannot_connect"}
        assert asked == [server.address] * 2


async def test_https_at_home(home: Home, tmp_path: Path) -> None:
    """At home https is found too; a certificate that is wrong says more than silence."""
    asyncio.get_running_loop().set_debug(False)
    immich = immich_of(home.immich.admin().id)
    async with RawServer(immich, tls=server_context(tmp_path)) as server:
        place = server.address.removeprefix("https://")
        form = await submit(home.hass, await begin(home.hass), entered(place))
        assert form["errors"] == {CONF_URL: "tls_failed"}
        values = entered(place, key=None, **{CONF_VERIFY_SSL: False})
        entry = assert_created(home, await submit(home.hass, form, values))
        assert entry.data[CONF_URL] == server.address
        await home.hass.config_entries.async_unload(entry.entry_id)


async def test_https_where_http_is_spoken(home: Home) -> None:
    """It is told that http is spoken, not that a certificate is wrong."""
    url = home.immich.url.replace("http:", "https:")
    form = await submit(home.hass, await begin(home.hass), entered(url))
    assert form["errors"] == {CONF_URL: "no_https"}
    assert shown(form)[SECTION_ADVANCED]["expanded"] is False


async def test_nobody_there(home: Home) -> None:
    """Where nothing answers, host and port are told, as they were understood."""
    form = await submit(home.hass, await begin(home.hass), entered("127.0.0.1:1"))
    assert form["errors"] == {CONF_URL: "cannot_connect"}
    placeholders = form["description_placeholders"]
    assert placeholders is not None
    assert placeholders["detail"] == (
        "Can't connect to the server: nothing answers at 127.0.0.1, port 1"
    )


async def test_moved(home: Home, other_immich: Simulator) -> None:
    """A redirect is not followed; where it leads is entered, for a person to confirm."""
    location = f"{home.immich.url}/api/server/version?token=secret"
    respond(status=308, headers={"Location": location})(other_immich)
    form = await submit(home.hass, await begin(home.hass), entered(other_immich.url))
    assert_nothing_created(home.hass, form)
    assert form["errors"] == {CONF_URL: "moved"}
    placeholders = form["description_placeholders"]
    assert placeholders is not None
    assert placeholders["location"] == home.immich.url
    assert len(home.immich.requests) == 0
    suggested = shown(form)[CONF_URL]["description"]["suggested_value"]
    assert suggested == home.immich.url

    result = await submit(home.hass, form, entered(suggested, key=None))
    assert assert_created(home, result).data[CONF_URL] == home.immich.url


async def test_certificate(home: Home, tmp_path: Path) -> None:
    """A certificate that can't be verified is told, and can be excused."""
    immich = immich_of(home.immich.admin().id)
    # Where asyncio debugs, the broken handshake counts as an error of the test.
    asyncio.get_running_loop().set_debug(False)
    async with RawServer(immich, tls=server_context(tmp_path)) as server:
        form = await submit(home.hass, await begin(home.hass), entered(server.address))
        assert_nothing_created(home.hass, form)
        assert form["errors"] == {CONF_URL: "tls_failed"}
        assert shown(form)[SECTION_ADVANCED]["expanded"] is True

        values = entered(server.address, key=None, **{CONF_VERIFY_SSL: False})
        result = await submit(home.hass, form, values)
        entry = assert_created(home, result)
        assert entry.data[CONF_VERIFY_SSL] is False
        await home.hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("key", ["wrong", "kaputt\N{EURO SIGN}", "", "  "])
async def test_wrong_key(home: Home, key: str) -> None:
    """A key that the server does not know has to be entered again."""
    form = await submit(
        home.hass, await begin(home.hass), entered(home.immich.url, key=key)
    )
    assert_nothing_created(home.hass, form)
    assert form["errors"] == {CONF_API_KEY: "key_refused"}
    assert shown(form)[CONF_API_KEY]["required"]

    result = await submit(home.hass, form, entered(home.immich.url))
    assert_created(home, result)


async def test_missing_permissions(home: Home) -> None:
    """A key with too few rights is refused, and the missing ones are named."""
    user = home.immich.admin()
    key = await home.immich.add_api_key(user, ["asset.upload", "tag.create"])
    form = await submit(
        home.hass, await begin(home.hass), entered(home.immich.url, key=key)
    )
    assert_nothing_created(home.hass, form)
    assert form["errors"] == {CONF_API_KEY: "permissions_missing"}
    placeholders = form["description_placeholders"]
    assert placeholders is not None
    assert placeholders["missing"] == (
        "album.create, album.delete, album.read, album.update, albumAsset.create,"
        " asset.read, asset.update, stack.create, tag.asset, user.read"
    )

    key = await home.immich.add_api_key(user, sorted(PERMISSIONS))
    result = await submit(home.hass, form, entered(home.immich.url, key=key))
    assert assert_created(home, result).data[CONF_API_KEY] == key


async def test_configured_already(home: Home) -> None:
    """A second account of the same Immich user is refused; another user is taken."""
    await home.set_up()
    form = await submit(home.hass, await begin(home.hass), entered(home.immich.url))
    assert form["errors"] == {CONF_API_KEY: "already_configured"}
    placeholders = form["description_placeholders"]
    assert placeholders is not None
    assert placeholders["other"] == home.entry.title

    ada = await home.immich.add_user("ada@example.com", "Ada")
    key = await home.immich.add_api_key(ada, ["all"])
    result = await submit(home.hass, form, entered(home.immich.url, key=key))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Ada (127.0.0.1)"
    assert len(home.hass.config_entries.async_entries(DOMAIN)) == 2


async def test_two_windows(home: Home) -> None:
    """Of two flows for one account the second ends when the first succeeds."""
    first, second = await begin(home.hass), await begin(home.hass)
    assert_created(home, await submit(home.hass, first, entered(home.immich.url)))
    form = await submit(home.hass, second, entered(home.immich.url))
    assert form["errors"] == {CONF_API_KEY: "already_configured"}


async def test_headers(home: Home) -> None:
    """Extra headers are sent, kept when left empty, and removed on demand."""
    hass = home.hass
    bad = "X-Proxy: abc\n\nno header"
    form = await submit(
        hass, await begin(hass), entered(home.immich.url, **{CONF_HEADERS: bad})
    )
    assert_nothing_created(hass, form)
    assert form["errors"] == {SECTION_ADVANCED: "not_a_header"}
    placeholders = form["description_placeholders"]
    assert placeholders is not None
    assert placeholders["line"] == "3"
    # There is none yet that could be kept.
    assert placeholders["headers_kept"] == ""
    assert shown(form)[SECTION_ADVANCED]["expanded"] is True

    good = "X-Proxy:  abc \n\n X-Other: d: e"
    values = entered(home.immich.url, key=None, **{CONF_HEADERS: good})
    entry = assert_created(home, await submit(hass, form, values))
    headers = {"X-Proxy": "abc", "X-Other": "d: e"}
    assert entry.data[CONF_HEADERS] == headers
    for request in home.immich.requests:
        assert headers.items() <= dict(request.headers).items()

    form = await reconfigure(hass, entry)
    placeholders = form["description_placeholders"]
    assert placeholders is not None
    assert placeholders["headers_kept"] == (
        "Set now: X-Proxy, X-Other. Leave this empty to keep them; a single `-` removes"
        " them."
    )
    assert "abc" not in json.dumps(shown(form))
    await submit(hass, form, entered(home.immich.url, key=None))
    assert entry.data[CONF_HEADERS] == headers

    form = await reconfigure(hass, entry)
    values = entered(home.immich.url, key=None, **{CONF_HEADERS: " - "})
    await submit(hass, form, values)
    assert CONF_HEADERS not in entry.data


async def start_reauth(home: Home) -> ConfigFlowResult:
    """Return the form that asks for another key."""
    (flow,) = home.hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    form = await home.hass.config_entries.flow.async_configure(flow["flow_id"])
    assert_readable(form, TEXTS)
    return form


async def test_reauth_after_failed_set_up(home: Home) -> None:
    """A new key loads an account whose set-up had failed."""
    entry = home.new_entry(**{CONF_API_KEY: "wrong"})
    await home.hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR

    form = await start_reauth(home)
    assert form["step_id"] == "reauth_confirm"
    assert set(shown(form)) == {CONF_API_KEY}
    placeholders = form["description_placeholders"]
    assert placeholders is not None
    assert placeholders["account"] == entry.title
    assert placeholders["url"] == home.immich.url

    form = await submit(home.hass, form, {CONF_API_KEY: "wrong again"})
    assert form["errors"] == {CONF_API_KEY: "key_refused"}
    await home.immich.stop()
    form = await submit(home.hass, form, {CONF_API_KEY: API_KEY})
    assert form["errors"] == {"base": "cannot_connect"}
    await home.immich.start()
    result = await submit(home.hass, form, {})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reauth_successful"
    assert entry.data[CONF_API_KEY] == API_KEY
    await until(lambda: entry.state is ConfigEntryState.LOADED)
    assert home.hass.config_entries.flow.async_progress_by_handler(DOMAIN) == []


@pytest.mark.parametrize("new_key", [True, False])
async def test_reauth_while_loaded(home: Home, new_key: bool) -> None:
    """A new key is used at once, and so is the old one if it was right all along."""
    folder = home.folder()
    entry = await home.set_up(folder_data(folder))
    await home.until_state("binary_sensor", "connected", "on")
    fault = Fault(
        action=Action.RESPOND,
        status=401,
        headers={"Content-Type": "application/json"},
        body='{"message":"Invalid API key"}',
        header=("x-api-key", API_KEY),
    )
    home.immich.faults.add(fault)
    (folder / "one.jpg").write_bytes(b"one")
    flows = home.hass.config_entries.flow
    await until(lambda: flows.async_progress_by_handler(DOMAIN))
    key = API_KEY
    if new_key:
        key = await home.immich.add_api_key(home.immich.admin(), ["all"])
    else:
        home.immich.faults.remove(fault)
    form = await start_reauth(home)
    result = await submit(home.hass, form, {CONF_API_KEY: key})
    assert result["reason"] == "reauth_successful"
    assert entry.data[CONF_API_KEY] == key
    await home.until_stored(1)


async def test_reauth_moved(home: Home, other_immich: Simulator) -> None:
    """A server that moved is found while a new key is asked for."""
    entry = home.new_entry(**{CONF_API_KEY: "wrong", CONF_URL: other_immich.url})
    await home.hass.config_entries.async_setup(entry.entry_id)
    location = f"{home.immich.url}/api/server/version"
    respond(status=308, headers={"Location": location})(other_immich)
    form = await start_reauth(home)
    form = await submit(home.hass, form, {CONF_API_KEY: API_KEY})
    assert form["errors"] == {"base": "moved"}
    result = await submit(home.hass, form, {})
    assert result["reason"] == "reauth_successful"
    assert entry.data[CONF_URL] == home.immich.url
    await until(lambda: entry.state is ConfigEntryState.LOADED)


async def test_other_account(home: Home) -> None:
    """The key of another user is refused; the right one is taken."""
    entry = home.new_entry(**{CONF_API_KEY: "wrong"})
    await home.hass.config_entries.async_setup(entry.entry_id)
    ada = await home.immich.add_user("ada@example.com", "Ada")
    key = await home.immich.add_api_key(ada, ["all"])
    form = await start_reauth(home)
    form = await submit(home.hass, form, {CONF_API_KEY: key})
    assert form["errors"] == {"base": "other_account"}
    placeholders = form["description_placeholders"]
    assert placeholders is not None
    assert placeholders["user"] == "Ada"
    assert placeholders["account"] == entry.title
    assert shown(form)[CONF_TAKE_OVER]["default"] is False
    assert entry.data[CONF_API_KEY] == "wrong"

    result = await submit(
        home.hass, form, {CONF_API_KEY: API_KEY, CONF_TAKE_OVER: False}
    )
    assert result["reason"] == "reauth_successful"
    assert entry.unique_id == home.immich.admin().id


async def test_take_over(home: Home) -> None:
    """After a move to another user the folders stay; a repair asks before uploading."""
    folder = home.folder()
    (folder / "one.jpg").write_bytes(b"one")
    entry = await home.set_up(folder_data(folder))
    await home.until_stored(1)
    ada = await home.immich.add_user("ada@example.com", "Ada")
    key = await home.immich.add_api_key(ada, ["all"])
    form = await reconfigure(home.hass, entry)
    form = await submit(home.hass, form, entered(home.immich.url, key=key))
    assert form["errors"] == {"base": "other_account"}
    values = {**entered(home.immich.url, key=None), CONF_TAKE_OVER: True}
    result = await submit(home.hass, form, values)
    assert result["reason"] == "reconfigure_successful"
    assert entry.unique_id == ada.id
    assert entry.title == "Ada (127.0.0.1)"
    assert entry.data[CONF_API_KEY] == key
    assert len(entry.subentries) == 1
    issues = ir.async_get(home.hass)
    issue_id = f"{Issue.OTHER_USER}_{ENTRY_ID}"
    await until(lambda: issues.async_get_issue(DOMAIN, issue_id))
    assert len(home.immich.assets()) == 1


async def test_account_of_another_entry(home: Home) -> None:
    """An account can't take over the user of another one."""
    entry = await home.set_up()
    ada = await home.immich.add_user("ada@example.com", "Ada")
    key = await home.immich.add_api_key(ada, ["all"])
    values = entered(home.immich.url, key=key)
    result = await submit(home.hass, await begin(home.hass), values)
    assert result["type"] is FlowResultType.CREATE_ENTRY

    form = await reconfigure(home.hass, entry)
    values = entered(home.immich.url, key=key)
    form = await submit(home.hass, form, values)
    assert form["errors"] == {CONF_API_KEY: "key_of_other"}
    placeholders = form["description_placeholders"]
    assert placeholders is not None
    # The form is still about the account that is changed.
    assert placeholders["account"] == entry.title
    assert placeholders["other"] == "Ada (127.0.0.1)"
    result = await submit(home.hass, form, entered(home.immich.url))
    assert result["reason"] == "reconfigure_successful"


@pytest.mark.parametrize(
    ("title", "new_title"),
    [(TITLE, "Admin (127.0.0.2)"), ("Photos of Ada", "Photos of Ada")],
)
async def test_reconfigure(
    home: Home, set_ups: list[str], title: str, new_title: str
) -> None:
    """A changed address is checked, and the account starts again with it, once."""
    pytest_socket.socket_allow_hosts(["127.0.0.1", "127.0.0.2"])
    old_url = home.immich.url
    entry = await home.set_up()
    home.hass.config_entries.async_update_entry(entry, title=title)
    form = await reconfigure(home.hass, entry)
    assert form["step_id"] == "reconfigure"
    fields = shown(form)
    assert fields[CONF_URL]["description"]["suggested_value"] == old_url
    assert not fields[CONF_API_KEY]["required"]

    form = await submit(home.hass, form, entered("ftp://127.0.0.2", key=None))
    assert form["errors"] == {CONF_URL: "scheme"}
    assert entry.data[CONF_URL] == old_url
    await home.immich.stop()
    home.immich._host = "127.0.0.2"
    await home.immich.start()
    url = home.immich.url
    result = await submit(home.hass, form, entered(url, key=None))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    assert entry.data == {
        CONF_URL: url,
        CONF_API_KEY: API_KEY,
        CONF_VERIFY_SSL: True,
    }
    assert entry.title == new_title
    assert entry.state is ConfigEntryState.LOADED
    assert set_ups == [ENTRY_ID, ENTRY_ID]


async def test_reconfigure_refused_key(home: Home) -> None:
    """A key that the server no longer knows has to be entered anew."""
    entry = home.new_entry(**{CONF_API_KEY: "wrong"})
    await home.hass.config_entries.async_setup(entry.entry_id)
    form = await reconfigure(home.hass, entry)
    form = await submit(home.hass, form, entered(home.immich.url, key=None))
    assert form["errors"] == {CONF_API_KEY: "key_refused"}
    assert shown(form)[CONF_API_KEY]["required"]
    result = await submit(home.hass, form, entered(home.immich.url))
    assert result["reason"] == "reconfigure_successful"
    await until(lambda: entry.state is ConfigEntryState.LOADED)


async def test_secrets_stay_secret(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither key nor headers get into a log or an error, whatever happens."""
    form = await begin(home.hass)
    for misbehave in (respond(canned="invalid-json"), respond(canned="internal-error")):
        home.immich.faults.clear()
        misbehave(home.immich)
        values = entered(home.immich.url, **{CONF_HEADERS: "X-Proxy: very-secret"})
        form = await submit(home.hass, form, values)
        assert_nothing_created(home.hass, form)
        assert API_KEY not in str(form["description_placeholders"])
        assert "very-secret" not in str(form["description_placeholders"])
    schema = form["data_schema"]
    assert schema is not None
    with pytest.raises(probatio.Invalid) as error:
        schema({**values, CONF_API_KEY: [API_KEY]})
    assert API_KEY not in str(error.value)
    assert API_KEY not in caplog.text
    assert "very-secret" not in caplog.text
