"""The first steps in a home: its only user, or logging in as that user."""

import secrets

from .api import HomeApi, Json
from .errors import DemoError
from .state import HomeState, Login

_NAME = "Demo"
# Without letters and digits that look alike.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


async def log_in(api: HomeApi, state: HomeState) -> None:
    """Log in as the user of the home, who is created in a new home.

    Raises DemoError when the home knows another user only.
    """
    # A home that everything was said to no longer answers.
    steps = await api.find("/api/onboarding")
    if steps is not None and not _done(steps)["user"]:
        await _create_user(api, state)
    elif state.login is None:
        raise DemoError("This home belongs to somebody else; choose another --home")
    else:
        await _log_in(api, state.login)


async def finish(api: HomeApi) -> None:
    """Answer the questions that a new home asks once it has started."""
    steps = await api.find("/api/onboarding")
    if steps is None:
        return
    done = _done(steps)
    for step in ("core_config", "analytics"):
        if not done[step]:
            await api.post(f"/api/onboarding/{step}")
    if not done["integration"]:
        address = {"client_id": api.client_id, "redirect_uri": api.client_id}
        await api.post("/api/onboarding/integration", address)


def _done(steps: list[Json]) -> dict[str, bool]:
    """Return which steps are done."""
    return {step["step"]: step["done"] for step in steps}


async def _create_user(api: HomeApi, state: HomeState) -> None:
    """Create the user and remember the password."""
    password = "".join(secrets.choice(_ALPHABET) for _ in range(10))
    login = Login(username="demo", password=password)
    # Remembered first: a password that nobody knows would lock the home.
    state.login = login
    state.save()
    answer = await api.post(
        "/api/onboarding/users",
        {
            "client_id": api.client_id,
            "name": _NAME,
            "username": login.username,
            "password": login.password,
            "language": "en",
        },
    )
    await api.take_token(answer["auth_code"])


async def _log_in(api: HomeApi, login: Login) -> None:
    """Log in with name and password, as a person does."""
    flow = await api.post(
        "/auth/login_flow",
        {
            "client_id": api.client_id,
            "handler": ["homeassistant", None],
            "redirect_uri": api.client_id,
        },
    )
    result = await api.post(
        f"/auth/login_flow/{flow['flow_id']}",
        {
            "client_id": api.client_id,
            "username": login.username,
            "password": login.password,
        },
    )
    if result["type"] != "create_entry":
        raise DemoError(
            f"The password of {login.username} was changed; remove the home and start"
            " again"
        )
    await api.take_token(result["result"])
