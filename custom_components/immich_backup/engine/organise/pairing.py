"""Files that belong together: which assets are linked, and which are stacked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
import os

from ..ledger.pairing import Member
from ..media.pairs import GroupKind, groups
from .arrangement import StackKind

_STACKS = {
    GroupKind.RAW_AND_JPEG: StackKind.RAW,
    GroupKind.HEIC_AND_JPEG: StackKind.HEIC,
    GroupKind.BURST: StackKind.BURST,
}


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
    directories: Iterable[tuple[Sequence[Member], frozenset[StackKind]]],
) -> Pairing:
    """Return what belongs together in directories; blocking, for threads.

    Each comes with the kinds that are stacked in it.
    """
    pairing = Pairing()
    for members, kinds in directories:
        by_name = {os.fsdecode(member.name): member for member in members}
        found = groups({name: member.facts for name, member in by_name.items()})
        for group in found:
            assets = list(dict.fromkeys(by_name[name].asset_id for name in group.names))
            if len(assets) < 2:
                # Copies of one content are one asset.
                continue
            if group.kind is GroupKind.LIVE_PHOTO:
                pairing.links[assets[0]] = assets[1]
            elif _STACKS.get(group.kind) in kinds:
                if (
                    group.kind is GroupKind.RAW_AND_JPEG
                    and StackKind.RAW_FIRST in kinds
                ):
                    # The JPEG comes first otherwise, and the raw picture last.
                    assets = [assets[-1], *assets[:-1]]
                pairing.stacks.append(tuple(assets))
    return pairing
