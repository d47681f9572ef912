"""What was organised, or would be, and where one file goes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .placement import Placement
from .planner import Placed
from .subject import Subject
from .todo import Todo


@dataclass(slots=True, kw_only=True)
class Organised:
    """What was done, or would be: files by what they get."""

    files: int = 0
    albums: dict[str, int] = field(default_factory=dict)
    tags: dict[str, int] = field(default_factory=dict)
    favourites: int = 0
    visibility: int = 0
    descriptions: int = 0
    dates: int = 0
    places: int = 0
    ratings: int = 0
    live_photos: int = 0
    stacks: int = 0
    problems: dict[str, int] = field(default_factory=dict)

    def count(self, todo: Todo) -> None:
        """Count what is to be done."""
        self.live_photos += len(todo.links)
        self.stacks += len(todo.stacks)
        placed = {asset_id for wanted in todo.places.values() for asset_id in wanted}
        placed.update(key for key, one in todo.telling.items() if one.details.place)
        self.places += len(placed)
        for ref, asset_ids in todo.albums.items():
            self.albums[ref.name] = self.albums.get(ref.name, 0) + len(asset_ids)
        for tags, asset_ids in todo.tags.items():
            for tag in tags:
                self.tags[tag] = self.tags.get(tag, 0) + len(asset_ids)
        for change, asset_ids in todo.changes.items():
            self.favourites += len(asset_ids) if change.favourite else 0
            self.visibility += len(asset_ids) if change.visibility else 0
            self.descriptions += len(asset_ids) if change.description else 0
        for telling in todo.telling.values():
            details = telling.details
            self.favourites += details.favourite is not None
            self.descriptions += details.description is not None
            self.dates += details.taken is not None
            self.ratings += details.rating is not None

    def note(self, placed: Sequence[Placed]) -> None:
        """Count what could not be decided."""
        for _, placement in placed:
            for problem in placement.problems:
                self.note_problem(problem)

    def note_problem(self, text: str, count: int = 1) -> None:
        """Count files for which something could not be done."""
        self.problems[text] = self.problems.get(text, 0) + count


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Where one file goes, and why (``text``).

    ``done`` is False while something of it is still to be done; ``problem`` says why that did not work so far.
    """

    subject: Subject
    placement: Placement
    text: str
    done: bool
    problem: str | None
