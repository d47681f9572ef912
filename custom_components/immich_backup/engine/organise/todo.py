"""What is left to be done on the server for a batch of files."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
import hashlib

from ...immich import AlbumRole, Visibility
from ..context import Place
from ..ledger.arranging import AlbumRow, sidecar_word, told_begin
from ..media.facts import MediaFacts
from .correction import Correction, Details
from .placement import AlbumRef, Placement
from .planner import Plan

# What the words begin with by which places are remembered.
PLACE = "place:"
# In place of one: a person gave the asset a place, or the place was taken away again.
PLACE_KEPT = f"{PLACE}kept"
PLACE_UNDONE = f"{PLACE}undone"


@dataclass(frozen=True, slots=True)
class Change:
    """What is set on assets beside albums and tags; None is left alone."""

    favourite: bool | None = None
    visibility: Visibility | None = None
    description: str | None = None

    def __bool__(self) -> bool:
        """Return whether anything is set."""
        return self != Change()

    @property
    def words(self) -> Sequence[str]:
        """Return the words by which it is remembered that this was done."""
        words = []
        if self.favourite is not None:
            words.append("favourite")
        if self.visibility is not None:
            words.append(f"visibility:{self.visibility}")
        if self.description is not None:
            words.append(_description_word(self.description))
        return words


@dataclass(frozen=True, slots=True)
class Telling:
    """What an asset is told of what is known of it; and what it need not be told.

    ``known`` is that, as words. Those names of the details that are ``unsure`` may have
    been changed there by a person; ``own`` is what the file itself says.
    """

    details: Details
    known: Collection[str]
    unsure: frozenset[str]
    own: MediaFacts


@dataclass(slots=True)
class Todo:
    """Assets (their ids) by the album that they go to, the tags and what else they get.

    ``shares`` are the users with whom an album is shared if it is made, ``places``
    those that the home knows. ``links`` and ``stacks`` are as in Pairing, ``users`` the
    files that each asset stands for.
    """

    albums: dict[AlbumRef, dict[str, None]] = field(default_factory=dict)
    shares: dict[AlbumRef, dict[str, AlbumRole]] = field(default_factory=dict)
    tags: dict[tuple[str, ...], dict[str, None]] = field(default_factory=dict)
    changes: dict[Change, dict[str, None]] = field(default_factory=dict)
    places: dict[Place, dict[str, None]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    stacks: list[tuple[str, ...]] = field(default_factory=list)
    telling: dict[str, Telling] = field(default_factory=dict)
    users: dict[str, list[int]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Return whether anything is left to be done."""
        return bool(
            self.albums
            or self.tags
            or self.changes
            or self.places
            or self.links
            or self.stacks
            or any(telling.details for telling in self.telling.values())
        )

    def files(self, asset_ids: Iterable[str]) -> list[int]:
        """Return the files (the ledger's ids) of some assets."""
        return [file for asset_id in asset_ids for file in self.users.get(asset_id, ())]


def todo_of(
    plan: Plan,
    done: Mapping[str, Collection[str]],
    albums: Mapping[str, AlbumRow],
) -> Todo:
    """Return what is left to be done for files, whose ``done`` words are known.

    Favourite, visibility, description and place are left alone on what was on the server
    before, and may have been set there by a person.
    """
    todo = Todo()
    for still, video in plan.pairing.links.items():
        if link_word(video) not in done.get(still, ()):
            todo.links[still] = video
    for stack in plan.pairing.stacks:
        word = stack_word(stack[0])
        if any(word not in done.get(asset_id, ()) for asset_id in stack):
            todo.stacks.append(stack)
    for file, placement in plan.placed:
        asset_id = file.asset_id
        words = done.get(asset_id, ())
        todo.users.setdefault(asset_id, []).append(file.id)
        if (ref := placement.album) is not None:
            row = albums.get(ref.key)
            if row is None or album_word(row.id) not in words:
                todo.albums.setdefault(ref, {})[asset_id] = None
                todo.shares.setdefault(ref, {}).update(placement.share)
        tags = tuple(tag for tag in placement.tags if tag_word(tag) not in words)
        if tags:
            todo.tags.setdefault(tags, {})[asset_id] = None
        correction = placement.correction
        # Of several files of one asset the first one counts.
        if correction is not None and asset_id not in todo.telling:
            correction = correction.without(_said(placement) if file.ours else ())
            todo.telling[asset_id] = _telling(correction, words, ours=file.ours)
        if file.ours and (change := _change(placement, words)):
            todo.changes.setdefault(change, {})[asset_id] = None
        if file.ours and placement.place is not None and not _has_place(words):
            todo.places.setdefault(placement.place, {})[asset_id] = None
    return todo


def _said(placement: Placement) -> Collection[str]:
    """Return the names of details that the folder's owner decides for all files."""
    return [name for name in ("description", "favourite") if getattr(placement, name)]


def _telling(correction: Correction, words: Collection[str], *, ours: bool) -> Telling:
    """Return what an asset is told that it was not told before."""
    found = correction.by_itself
    if correction.sidecar and sidecar_word(correction.sidecar) in words:
        found |= correction.in_sidecar
    told: set[str] = set()
    known: list[str] = []
    unsure: set[str] = set()
    for name, word in correction.details.words().items():
        if word in words:
            continue
        begin = told_begin(word)
        is_first = not any(before.startswith(begin) for before in words)
        if is_first and name in found:
            known.append(word)
        else:
            told.add(name)
            if is_first and not ours:
                unsure.add(name)
    return Telling(
        correction.details.only(told), known, frozenset(unsure), correction.own
    )


def album_word(album_id: str) -> str:
    """Return the word by which it is remembered that an asset was put into an album."""
    return f"album:{album_id}"


def tag_word(tag: str) -> str:
    """Return the word by which it is remembered that an asset got a tag."""
    return f"tag:{tag}"


def link_word(video: str) -> str:
    """Return the word by which it is remembered that a still got its video."""
    return f"live:{video}"


def stack_word(cover: str) -> str:
    """Return the word by which it is remembered that an asset was stacked."""
    return f"stack:{cover}"


def place_word(place: Place) -> str:
    """Return the word by which it is remembered that an asset was given a place."""
    return f"{PLACE}{place[0]},{place[1]}"


def place_of(word: str) -> Place | None:
    """Return the place that a word remembers; None if it remembers another thing."""
    try:
        latitude, longitude = word.removeprefix(PLACE).split(",")
        return float(latitude), float(longitude)
    except ValueError:
        return None


def _has_place(words: Collection[str]) -> bool:
    """Return whether an asset was given a place once, or had one."""
    return any(word.startswith(PLACE) for word in words)


def _change(placement: Placement, words: Collection[str]) -> Change:
    """Return what is to be set on an asset and was not set before."""
    visibility, description = placement.visibility, placement.description
    if f"visibility:{visibility}" in words:
        visibility = None
    if description is not None and _description_word(description) in words:
        description = None
    favourite = placement.favourite and "favourite" not in words
    return Change(favourite or None, visibility, description)


def _description_word(text: str) -> str:
    """Return the word by which it is remembered that an asset got a description."""
    return f"description:{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"
