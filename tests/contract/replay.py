"""Replays the contract against any Immich server and tells where its answers differ.

    python -m tests.contract.replay --url http://server:2283

The server should be a fresh one that may be thrown away: the contract signs up, creates
a second user, uploads some 120 files and switches maintenance mode on and off. A server
that has an admin already needs --admin-email and --admin-password.
"""

from argparse import ArgumentParser
import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
import json
from pathlib import Path
import secrets
import sys
from time import monotonic
from typing import Any
from zipfile import BadZipFile, ZipFile

from .bodies import Contents, build
from .compare import differences
from .derive import TABLE, derive
from .table import REFERENCE, Case, Expectation, Table, find
from .wire import Answer, Message, NoAnswerError, Server, exchange

LIMIT = 20.0
"""How long one answer may take, in seconds."""
SILENCE = 1.0
"""How long an answer that must not come is waited for, in seconds."""
IDLE_LIMIT = 8.0
"""How long a server may keep an idle connection; Immich closes it after 5 seconds."""
PAUSE = 0.1
SHOWN = 160
WAIT_BUDGET = 60.0
"""How long all cases together may wait in vain for asynchronous processing, in seconds."""

SIGN_UP = "admin-sign-up"
SIGN_UP_CASES = {"server-config-before-signup", SIGN_UP, f"{SIGN_UP}-again"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a case went; `skipped` says why it was not replayed."""

    case: Case
    differences: tuple[str, ...] = ()
    skipped: str | None = None


class UnresolvedError(Exception):
    """A reference leads to an answer that never came."""


@dataclass(slots=True, kw_only=True)
class Replayer:
    """Sends the cases of a table in order and compares the answers.

    `accounts` are the values of references such as `{{admin.email}}`, `wait_budget` is
    how many seconds all cases together may wait in vain for asynchronous processing.
    """

    table: Table
    server: Server
    accounts: Mapping[str, str]
    strict: bool = False
    wait_budget: float = WAIT_BUDGET
    contents: Contents = field(init=False)
    answers: dict[str, Answer] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    """The JSON values of the answers."""

    def __post_init__(self) -> None:
        """Prepare the samples."""
        self.contents = Contents(self.table.samples)

    async def run(self) -> AsyncIterator[Outcome]:
        """Replay all cases and yield how each of them went."""
        signed_up = await self._is_initialized()
        for case in self.table.cases:
            if signed_up and case.name in SIGN_UP_CASES:
                yield Outcome(case=case, skipped="the server has an admin already")
                if case.name == SIGN_UP:
                    self.values[SIGN_UP] = await self._log_in()
            else:
                yield await self._replay(case)

    async def _is_initialized(self) -> bool:
        message = Message(method="GET", target="/api/server/config")
        answer = await exchange(self.server, message, LIMIT)
        config = _json(answer)
        return isinstance(config, dict) and bool(config.get("isInitialized"))

    async def _log_in(self) -> Any:
        """Return the user that the given admin account belongs to."""
        login = {key: self.accounts[f"admin.{key}"] for key in ("email", "password")}
        message = Message(
            method="POST",
            target="/api/auth/login",
            headers=(("Content-Type", "application/json"),),
            body=json.dumps(login).encode(),
        )
        answer = _json(await exchange(self.server, message, LIMIT))
        if not isinstance(answer, dict) or "userId" not in answer:
            raise UnresolvedError(f"the admin cannot log in: {answer}")
        return {"id": answer["userId"]}

    async def _replay(self, case: Case) -> Outcome:
        """Ask until the answer is right or the time is up."""
        try:
            message = self._message(case)
        except UnresolvedError as err:
            found = [f"cannot be asked: {err}"]
        else:
            started = monotonic()
            deadline = started + min(case.wait, max(self.wait_budget, 0.0))
            while (found := await self._ask(case, message)) and monotonic() < deadline:
                await asyncio.sleep(PAUSE)
            if found:
                self.wait_budget -= monotonic() - started
        if found and case.optional:
            return Outcome(case=case, skipped=f"optional: {found[0]}")
        return Outcome(case=case, differences=tuple(found))

    async def _ask(self, case: Case, message: Message) -> list[str]:
        """Send a case once and return how its answer differs."""
        count = case.request.send.get("parallel", 1)
        limit = SILENCE if case.expect.status is None else LIMIT
        if message.keep_open:
            limit = IDLE_LIMIT
        try:
            answers = await asyncio.gather(
                *(exchange(self.server, message, limit) for _ in range(count))
            )
        except NoAnswerError as err:
            return [] if case.expect.status is None else [f"no answer: {err}"]
        except OSError as err:
            return [f"no connection: {err!r}"]
        self.answers[case.name] = answers[0]
        self.values[case.name] = _json(answers[0])
        return [*self._compared(case.expect, answers)]

    def _message(self, case: Case) -> Message:
        request, send = case.request, case.request.send
        headers = dict(self.resolve(dict(request.headers)))
        if request.key is not None:
            name, secret = self._credentials(request.key)
            headers[name] = secret
        body = b""
        if request.body is not None:
            body, kind = build(request.body, self.resolve, self.contents)
            headers.setdefault("Content-Type", kind)
        whole = len(body)
        body = body[: send.get("first", whole)]
        body = body[: len(body) - send.get("drop", 0)]
        return Message(
            method=request.method,
            target=self.resolve(request.path),
            headers=tuple(headers.items()),
            body=body,
            chunked=send.get("chunked", False),
            declared=len(body) if send.get("declare") == "sent" else whole,
            half_close=send.get("half_close", False),
            keep_open=send.get("keep_open", False),
        )

    def _credentials(self, key: str) -> tuple[str, str]:
        secret = self.resolve(self.table.keys[key])
        if key in self.table.bearer:
            return "Authorization", f"Bearer {secret}"
        return "x-api-key", secret

    def resolve(self, value: Any) -> Any:
        """Return a value of the table with what its references stand for.

        A string that is nothing but one reference becomes its value, of any type.
        Raises UnresolvedError if an answer it refers to is missing.
        """
        match value:
            case dict():
                return {key: self.resolve(item) for key, item in value.items()}
            case list():
                return [self.resolve(item) for item in value]
            case str():
                if whole := REFERENCE.fullmatch(value):
                    return self._referred(whole[1])
                return REFERENCE.sub(lambda found: str(self._referred(found[1])), value)
            case _:
                return value

    def _referred(self, reference: str) -> Any:
        if reference in self.accounts:
            return self.accounts[reference]
        name, separator, place = reference.rpartition("#")
        try:
            if not separator:
                spelling, _, subject = reference.partition(":")
                if spelling == "key":
                    return self.resolve(self.table.keys[subject])
                return self.contents.checksum(spelling, subject)
            if place.startswith("header:"):
                header = self.answers[name].header(place.removeprefix("header:"))
                return _present(header, reference)
            if place == "cookie":
                return self.answers[name].cookies[0].partition(";")[0]
            return find(self.values[name], place)
        except LookupError as err:
            raise UnresolvedError(f"{reference} is unknown") from err

    def _compared(self, expect: Expectation, answers: list[Answer]) -> Iterator[str]:
        statuses = sorted(answer.status for answer in answers)
        wanted = sorted(expect.statuses) if expect.statuses else [expect.status]
        if statuses != wanted:
            shown = answers[0].body[:SHOWN].decode(errors="replace")
            yield f"status {_listed(statuses)}, expected {_listed(wanted)}: {shown}"
            return
        if len({json.dumps(_json(a).get("id")) for a in answers if _is_object(a)}) > 1:
            yield "the answers speak of different ids"
        for answer in answers:
            yield from self._compared_one(expect, answer)

    def _compared_one(self, expect: Expectation, answer: Answer) -> Iterator[str]:
        headers = dict(expect.headers)
        if expect.body is not None and "json" in expect.body:
            headers.setdefault("Content-Type", "application/json")
        for name, wanted in headers.items():
            got = answer.header(name)
            if name == "Content-Type" and got is not None:
                got = got.partition(";")[0]
            if got != wanted:
                yield f"header {name}: {got!r}, expected {wanted!r}"
        for name in ("early", "continued"):
            wanted_flag = getattr(expect, name)
            if wanted_flag is not None and getattr(answer, name) != wanted_flag:
                yield f"{name}: {getattr(answer, name)}, expected {wanted_flag}"
        if expect.body is not None:
            try:
                yield from self._compared_body(expect, expect.body, answer)
            except UnresolvedError as err:
                yield f"cannot be compared: {err}"
        if expect.size is not None:
            text = json.dumps(_json(answer), separators=(",", ":"), ensure_ascii=False)
            if (size := len(text.encode())) != expect.size:
                yield f"{size} bytes of JSON, expected {expect.size}"

    def _compared_body(
        self, expect: Expectation, body: Mapping[str, Any], answer: Answer
    ) -> Iterator[str]:
        match body:
            case {"json": notation}:
                value = _json(answer)
                if value is None:
                    yield f"no JSON but {answer.body[:80]!r}"
                strict = self.strict and not expect.partial
                yield from differences(self.resolve(notation), value, strict=strict)
            case {"content": name}:
                data = self.contents[name]
                first, last = body.get("range", (0, len(data) - 1))
                if answer.body != data[first : last + 1]:
                    yield f"{len(answer.body)} bytes that are not those of {name}"
            case {"zip": names}:
                if _zipped(answer.body) != sorted(self.contents[n] for n in names):
                    yield f"not a zip of exactly {names}"
            case {"empty": True}:
                if answer.body:
                    yield f"expected no body, got {answer.body[:80]!r}"
            case {"bytes": True}:
                if not answer.body:
                    yield "expected a body"


def _present(header: str | None, reference: str) -> str:
    if header is None:
        raise UnresolvedError(f"{reference} is missing")
    return header


def _json(answer: Answer) -> Any:
    try:
        return json.loads(answer.decoded())
    except ValueError, OSError, EOFError:
        return None


def _is_object(answer: Answer) -> bool:
    return isinstance(_json(answer), dict)


def _zipped(data: bytes) -> list[bytes]:
    try:
        with ZipFile(BytesIO(data)) as archive:
            return sorted(archive.read(name) for name in archive.namelist())
    except BadZipFile:
        return []


def _listed(statuses: Sequence[int | None]) -> str:
    return " ".join(map(str, statuses))


def accounts(email: str | None, password: str | None) -> dict[str, str]:
    """Return the accounts of a replay; without a given admin it signs up its own."""
    is_given = email is not None and password is not None
    # The second user of a server that is not fresh must not have been there before.
    second = f"user2-{secrets.token_hex(4)}" if is_given else "user2"
    return {
        "admin.email": email or "admin@example.com",
        "admin.password": password or "contract-admin",
        "user2.email": f"{second}@example.com",
        "user2.password": "contract-user2",
    }


def load(recordings: Path | None, table: Path) -> Table:
    """Return the table: derived from recordings if there are any, or read."""
    return Table.load(table) if recordings is None else derive(recordings)


async def replay(replayer: Replayer) -> int:
    """Replay everything, print what differs, and return how many cases do."""
    different = replayed = 0
    async for outcome in replayer.run():
        name = f"{outcome.case.group}/{outcome.case.name}"
        replayed += outcome.skipped is None
        if outcome.skipped is not None:
            sys.stdout.write(f"skipped  {name}: {outcome.skipped}\n")
        if outcome.differences:
            different += 1
            sys.stdout.write(f"differs  {name}\n")
            for line in outcome.differences:
                sys.stdout.write(f"         {line}\n")
    sys.stdout.write(f"{replayed} cases replayed, {different} differ\n")
    return different


def main() -> int:
    """Run the command and return its exit code."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True)
    parser.add_argument("--admin-email")
    parser.add_argument("--admin-password")
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--wait", type=float, default=WAIT_BUDGET)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--table", type=Path, default=TABLE)
    source.add_argument("--recordings", type=Path)
    arguments = parser.parse_args()
    replayer = Replayer(
        table=load(arguments.recordings, arguments.table),
        server=Server.from_url(arguments.url),
        accounts=accounts(arguments.admin_email, arguments.admin_password),
        strict=arguments.strict,
        wait_budget=arguments.wait,
    )
    try:
        return 1 if asyncio.run(replay(replayer)) else 0
    except (OSError, NoAnswerError, UnresolvedError) as err:
        sys.stderr.write(f"cannot replay against {arguments.url}: {err}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
