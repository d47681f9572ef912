"""Files that belong together: which assets are linked, and which are stacked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
import os

from ..ledger.pairing import Member
from ..media.pairs import GroupKind, format_of, groups
from .together import Together


@dataclass(slots=True)
class Pairing:
    """Assets (their ids) that belong together.

    ``links`` are the videos of live photos by their stills, ``stacks`` assets of which
    the first is shown.
    """

    links: dict[str, str] = field(default_factory=dict)
    stacks: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def videos(self) -> frozenset[str]:
        """Return the videos of live photos: their stills stand for them."""
        return frozenset(self.links.values())


def pair(
    directories: Iterable[tuple[Sequence[Member], Mapping[GroupKind, Together]]],
) -> Pairing:
    """Return what belongs together in directories; blocking, for threads.

    Each comes with the kinds that are stacked in it, and how.
    """
    pairing = Pairing()
    for members, stacked in directories:
        by_name = {os.fsdecode(member.name): member for member in members}
        found = groups({name: member.facts for name, member in by_name.items()})
        for group in found:
            names: Sequence[str] = group.names
            if (stack := stacked.get(group.kind)) is not None and stack.first:
                # The rest stays in its order.
                names = sorted(names, key=lambda name: format_of(name) != stack.first)
            assets = list(dict.fromkeys(by_name[name].asset_id for name in names))
            if len(assets) < 2:
                # Copies of one content are one asset.
                continue
            if group.kind is GroupKind.LIVE_PHOTO:
                pairing.links[assets[0]] = assets[1]
            elif stack is not None:
                pairing.stacks.append(tuple(assets))
    return pairing
