"""What every folder does by default, for files that were uploaded singly."""

from collections.abc import Collection
from concurrent.futures import Executor
from dataclasses import dataclass, field
import logging

from ...immich.errors import ImmichError
from ..clock import Clock
from ..context import Context
from ..ledger import Ledger, LedgerError, arranging, outbox
from ..ledger.folders import OUTBOX
from ..link import HaltedError, LinkDownError, ServerLink
from ..model import Folder, Source
from ..rules import RuleSet
from .arrangement import Arrangement, DateCorrection
from .doer import Doer
from .planner import Planner
from .todo import todo_of
from .tripbook import TripBook

_LOGGER = logging.getLogger(__name__)

# Their paths begin here.
ROOT = b"/"
# More are not asked for at once.
_LIMIT = 20_000
_FOLDER = Folder(
    id=OUTBOX,
    name="",
    path="/",
    rules=RuleSet(),
    arrangement=Arrangement(live_photos=True, sidecars=True, dates=DateCorrection.NAME),
)


@dataclass(frozen=True, slots=True)
class _Uploads:
    """The folder (the ledger's number) that they are filed under."""

    number: int
    folder: Folder = _FOLDER
    source: Source = Source(ROOT, None)


@dataclass(slots=True)
class PutRight:
    """What is still wrong with files (the ledger's ids), as sentences.

    ``videos`` are the assets that a still stands for.
    """

    problems: dict[int, str] = field(default_factory=dict)
    videos: frozenset[str] = frozenset()


class Singles:
    """Puts live photos together, and tells the server what lies beside files."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        link: ServerLink,
        pool: Executor,
        clock: Clock,
        context: Context,
    ) -> None:
        """Take what it works with."""
        self._ledger = ledger
        self._link = link
        self._pool = pool
        self._clock = clock
        self._context = context
        self._doer = Doer(ledger=ledger, link=link, clock=clock)

    async def put_right(self) -> PutRight:
        """Do all of it for what is proven and still queued; it may be repeated.

        What fails is not tried again. Raises LinkDownError, HaltedError, LedgerError.
        """
        number = await self._ledger.run(outbox.number)
        files = await self._ledger.ask(arranging.page, number, 0, _LIMIT)
        result = PutRight()
        if not files:
            return result
        planner = Planner(
            ledger=self._ledger,
            pool=self._pool,
            clock=self._clock,
            context=self._context,
            folders={OUTBOX: _Uploads(number)},
        )
        city = self._link.client.city
        trips = TripBook(self._ledger, self._context, self._clock, city)
        try:
            plan = await planner.plan(files, trips, record=True)
            result.videos = plan.pairing.videos
            asset_ids = [file.asset_id for file in files]
            done = await self._ledger.ask(arranging.applied, asset_ids)
            todo = todo_of(plan, done, {})

            def postpone(assets: Collection[str], error: ImmichError) -> None:
                for file in todo.files(assets):
                    result.problems.setdefault(file, str(error))

            await self._doer.do(todo, postpone)
        except LinkDownError, HaltedError, LedgerError:
            raise
        except Exception:
            # They are safe; whoever asked shall know it.
            _LOGGER.exception("Unexpected error after an upload")
            for file in files:
                result.problems[file.id] = "Unexpected error, see the log"
        return result
