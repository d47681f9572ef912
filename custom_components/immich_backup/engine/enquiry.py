"""What rules ask the home about files: each question once for all files of a batch."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import tzinfo
import logging

from .clock import Clock
from .context import Context
from .rules import Answer, HomeCriterion, Media

_LOGGER = logging.getLogger(__name__)

# Seconds until the home is asked again what it could not say: after each try as long as
# it has not been able to so far, within these bounds.
_SOONEST = 15 * 60.0
_LATEST = 6 * 3600.0
# Seconds for which files wait for such an answer; then they are decided without it, for
# what is never backed up is lost in the end.
PATIENCE = 24 * 3600.0
# Seconds until the home is asked again what it said: calendars are filled in late, and
# zones move. The older a file, the later, but within these bounds.
_AGAIN_SOONEST = 15 * 60.0
_AGAIN_LATEST = 24 * 3600.0


class Enquiry:
    """Puts the questions of rules to the home; remembers which it can't answer."""

    def __init__(self, context: Context, clock: Clock) -> None:
        """Ask this home."""
        self._context = context
        self._clock = clock
        # Since when (monotonic) the home can't answer.
        self._silent: dict[HomeCriterion, float] = {}

    @property
    def time_zone(self) -> tzinfo:
        """Return the home's time zone."""
        return self._context.time_zone

    async def answer(self, media: Iterable[Media]) -> None:
        """Answer all open questions of these files."""
        asked: dict[HomeCriterion, list[Media]] = {}
        for one in media:
            for question in one.questions:
                asked.setdefault(question, []).append(one)
            one.questions.clear()
        for question, files in asked.items():
            try:
                answers = await question.find_out(files, self._context)
            except Exception:
                # A bug in one question keeps no file from being backed up.
                _LOGGER.exception("Unexpected error while asking the home")
                answers = [Answer(None, problem="Unexpected error, see the log")] * len(
                    files
                )
            self._note(question, answers)
            for one, answer in zip(files, answers, strict=True):
                one.answers[question] = self._dated(question, one, answer)

    def _note(self, question: HomeCriterion, answers: Iterable[Answer]) -> None:
        """Note whether the home can answer a question."""
        if any(answer.later for answer in answers):
            self._silent.setdefault(question, self._clock.monotonic())
        else:
            self._silent.pop(question, None)

    def _dated(self, question: HomeCriterion, media: Media, answer: Answer) -> Answer:
        """Return an answer with the time at which the home is asked again."""
        now = self._clock.time()
        if not answer.later:
            age = now - max(media.modified, 0.0)
            again = min(max(age, _AGAIN_SOONEST), _AGAIN_LATEST)
            return replace(answer, until=now + again)
        silent = self._clock.monotonic() - self._silent[question]
        return replace(
            answer,
            until=now + min(max(silent, _SOONEST), _LATEST),
            later=silent < PATIENCE,
        )
