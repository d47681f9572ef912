"""Who is told in the home: a phone, a speaker and a TV; and who comes home with the phone."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
import time
from typing import Any, Final

from . import flows
from .api import HomeApi, HomeSocket, Json
from .delivery import Delivery
from .errors import DemoError
from .home import PLACE
from .phone import DEVICE_ID, Phone, Push
from .roku import SERIAL, Played, RokuTv
from .state import HomeState

# What the notification is set up to tell of.
EVENT: Final = "completed"
# The entities by their domains, integrations and unique ids, and the phone's action.
_SPEAKER: Final = ("media_player", "demo_receivers", "speaker")
_VOICE: Final = ("tts", "demo_receivers", "voice")
_TV: Final = ("media_player", "roku", SERIAL)
_TRACKER: Final = ("device_tracker", "mobile_app", DEVICE_ID)
_PHONE: Final = "mobile_app_demo_phone"
# Home Assistant looks for a Roku at one port only, so each TV needs an address of its own.
# The first one is left to others as long as there are more.
_TV_HOSTS: Final = (*(f"127.0.0.{number}" for number in range(2, 10)), "127.0.0.1")
# A place in another part of the town.
_AWAY: Final = (52.4574, 13.2901)
# Seconds until an entity is there, and until a message has reached everyone: making the
# film for the TV takes the longest.
_PATIENCE: Final = 30.0
_DELIVERY: Final = 60.0
_INTERVAL: Final = 0.2
_NOTHING: Final = {
    "notify": "nothing came",
    "speaker": "nothing came",
    "tv": "nothing came; a TV that is in use is left alone",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """What is chosen in the form of a notification; ``tv`` None: there is none."""

    phone: str
    speaker: str
    tv: str | None

    @property
    def chosen(self) -> dict[str, str]:
        """Return the kind of each of them."""
        kinds = {self.phone: "notify", self.speaker: "speaker"}
        return kinds if self.tv is None else {**kinds, self.tv: "tv"}

    @property
    def answers(self) -> dict[str, Any]:
        """Return them as the form takes them."""
        return {
            "notify_actions": [self.phone],
            "speakers": [self.speaker],
            "tvs": [self.tv] if self.tv is not None else [],
        }


async def switch_on_tv(stack: AsyncExitStack, state: HomeState) -> RokuTv | None:
    """Return a TV at an address that is free; None if there is none."""
    wanted = (state.tv_host,) if state.tv_host is not None else ()
    for host in (*wanted, *_TV_HOSTS):
        with suppress(OSError):
            return await stack.enter_async_context(RokuTv(name="TV", host=host))
    return None


class Household:
    """The receivers and the person of a home, set up and read back."""

    def __init__(
        self,
        api: HomeApi,
        socket: HomeSocket,
        state: HomeState,
        *,
        phone: Phone,
        tv: RokuTv | None,
    ) -> None:
        """Take a home that somebody is logged in to, and what is outside of it."""
        self._api = api
        self._socket = socket
        self._state = state
        self._phone = phone
        self._tv = tv
        self.person = self.voice = ""
        self.targets = Targets(phone="", speaker="", tv=None)

    async def set_up(self) -> None:
        """Let the home have the receivers; raises DemoError."""
        if await self._registered(_SPEAKER) is None:
            await flows.add_entry(self._api, "demo_receivers", {})
        if self._tv is not None:
            await self._set_up_tv(self._tv)
        self._state.phone_webhook = await self._phone.register(
            self._api, self._state.phone_webhook
        )
        self._state.save()
        await self._until(self._phone_is_known, "There is no action for the phone")
        self.targets = Targets(
            phone=f"notify.{_PHONE}",
            speaker=await self._entity(_SPEAKER),
            tv=None if self._tv is None else await self._entity(_TV),
        )
        self.voice = await self._entity(_VOICE)
        self.person = await self._person_with(await self._entity(_TRACKER))

    def follow(self, socket: HomeSocket) -> None:
        """Go on with the home after it started again."""
        self._socket = socket

    async def leave(self) -> None:
        """Let the person leave, phone in hand. Raises DemoError."""
        await self._phone.move(*_AWAY)
        await self._until(self._person_is("not_home"), "The phone did not leave")

    async def arrive(self) -> None:
        """Let the person come home. Raises DemoError."""
        await self._phone.move(*PLACE)
        await self._until(self._person_is("home"), "The phone did not come home")

    async def person_name(self) -> str:
        """Return what the person is called."""
        name: str = (await self._states())[self.person]["attributes"]["friendly_name"]
        return name

    async def deliveries(self, since: float = 0.0) -> list[Delivery]:
        """Return what the receivers recorded since then (seconds since the epoch)."""
        targets = self.targets
        found = [_on_phone(targets.phone, push) for push in self._phone.pushes]
        speaker = (await self._states()).get(targets.speaker)
        heard = speaker["attributes"].get("heard", ()) if speaker is not None else ()
        found += [_on_speaker(targets.speaker, one) for one in heard]
        if self._tv is not None and targets.tv is not None:
            # What another home, which knew the TV by this address, shows is not ours.
            found += [
                _on_tv(targets.tv, one)
                for one in self._tv.shown
                if one.url.startswith(self._api.url)
            ]
        return [one for one in found if one.at >= since]

    async def await_deliveries(self, since: float) -> AsyncGenerator[Delivery]:
        """Yield what the receivers record from then on, until each got something.

        Those that get nothing in time come last, with an empty message.
        """
        told: set[Delivery] = set()
        missing = self.targets.chosen
        end = time.monotonic() + _DELIVERY
        while missing and time.monotonic() < end:
            for one in await self.deliveries(since):
                if one not in told:
                    told.add(one)
                    missing.pop(one.target, None)
                    yield one
            await asyncio.sleep(_INTERVAL)
        for target, kind in missing.items():
            yield Delivery(
                target=target,
                kind=kind,
                event=EVENT,
                message="",
                ok=False,
                at=time.time(),
                detail=_NOTHING[kind],
            )

    async def _set_up_tv(self, tv: RokuTv) -> None:
        """Let the home know where the TV is."""
        answers = {"host": tv.host}
        if (known := await self._registered(_TV)) is None:
            await flows.add_entry(self._api, "roku", answers)
        elif self._state.tv_host != tv.host:
            entry_id = known["config_entry_id"]
            await flows.change_entry(self._api, "roku", entry_id, answers)
        self._state.tv_host = tv.host

    async def _phone_is_known(self) -> bool:
        """Return whether there is an action that tells the phone."""
        actions = await self._socket.command("get_services")
        return _PHONE in actions.get("notify", ())

    async def _registered(self, wanted: tuple[str, str, str]) -> Json | None:
        """Return what is registered of an entity; None if it is not."""
        domain, platform, unique_id = wanted
        for entity in await self._socket.command("config/entity_registry/list"):
            entity_id: str = entity["entity_id"]
            if (entity["platform"], entity["unique_id"]) == (platform, unique_id) and (
                entity_id.startswith(f"{domain}.")
            ):
                found: Json = entity
                return found
        return None

    async def _entity(self, wanted: tuple[str, str, str]) -> str:
        """Return the id of an entity, once it can be used."""

        async def find() -> str | None:
            if (entity := await self._registered(wanted)) is None:
                return None
            entity_id: str = entity["entity_id"]
            state = (await self._states()).get(entity_id, {}).get("state")
            return None if state in (None, "unavailable") else entity_id

        domain, platform, _ = wanted
        return await self._until(find, f"{platform} has no {domain}")

    async def _person_with(self, tracker: str) -> str:
        """Return the person who carries the phone: Home Assistant found that out."""

        async def find() -> str | None:
            for entity_id, state in (await self._states()).items():
                # The zone in which a phone is names it as well.
                if entity_id.startswith("person.") and tracker in state[
                    "attributes"
                ].get("device_trackers", ()):
                    return entity_id
            return None

        return await self._until(find, "Nobody carries the phone")

    def _person_is(self, where: str) -> Callable[[], Awaitable[bool]]:
        """Return what tells whether the person is there."""

        async def find() -> bool:
            state: str = (await self._states())[self.person]["state"]
            return state == where

        return find

    async def _states(self) -> dict[str, Json]:
        """Return the states of all entities."""
        states = await self._socket.command("get_states")
        return {state["entity_id"]: state for state in states}

    async def _until[T](
        self, find: Callable[[], Awaitable[T | None]], complaint: str
    ) -> T:
        """Return what is found, once it is; raises DemoError if that takes too long."""
        try:
            async with asyncio.timeout(_PATIENCE):
                while not (found := await find()):
                    await asyncio.sleep(_INTERVAL)
        except TimeoutError:
            raise DemoError(complaint) from None
        return found


def _on_phone(target: str, push: Push) -> Delivery:
    """Return what came to the phone."""
    image = "no picture" if push.image is None else f"a picture came: {push.image}"
    return Delivery(
        target=target,
        kind="notify",
        event=EVENT,
        message=push.text,
        ok=push.ok,
        at=push.at,
        detail=f"“{push.title}”, {image}" if push.title else image,
    )


def _on_speaker(target: str, heard: Json) -> Delivery:
    """Return what the speaker heard."""
    seconds, volume = heard.get("seconds"), heard["volume"]
    detail = "no sound came"
    if seconds is not None:
        detail = f"{heard['content_type']}, {seconds:.1f} s"
        detail += f", at {volume} % volume" if volume is not None else ""
        detail += ", as an announcement" if heard["announce"] else ""
    return Delivery(
        target=target,
        kind="speaker",
        event=EVENT,
        message=heard["said"] or "",
        ok=bool(heard["ok"] and heard["said"]),
        at=heard["at"],
        detail=detail,
    )


def _on_tv(target: str, played: Played) -> Delivery:
    """Return what the TV was given."""
    return Delivery(
        target=target,
        kind="tv",
        event=EVENT,
        message=played.name,
        ok=bool(played.came.ok and played.name),
        at=played.at,
        detail=f"fetched without a login: {played.came}",
    )
