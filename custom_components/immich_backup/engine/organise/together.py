"""What happens with pictures that belong together: stacked, or one of them only."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ..media.pairs import Format, GroupKind


class Handling(StrEnum):
    """What happens with pictures that belong together."""

    STACK = "stack"
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class Together:
    """Pictures that belong together are stacked, or only one of them is wanted.

    ``first`` is the format that is shown, or wanted instead of ``other``. Both are None
    for bursts, whose cover it is.
    """

    handling: Handling
    first: Format | None = None
    other: Format | None = None


# What can be chosen for each kind: the words that are stored. The first of each says
# that its files stay as they are.
CHOICES: Mapping[GroupKind, Mapping[str, Together | None]] = {
    GroupKind.RAW_AND_JPEG: {
        "both": None,
        "stack_jpeg": Together(Handling.STACK, Format.JPEG, Format.RAW),
        "stack_raw": Together(Handling.STACK, Format.RAW, Format.JPEG),
        "only_jpeg": Together(Handling.ONLY, Format.JPEG, Format.RAW),
        "only_raw": Together(Handling.ONLY, Format.RAW, Format.JPEG),
    },
    GroupKind.HEIC_AND_JPEG: {
        "both": None,
        "stack_heic": Together(Handling.STACK, Format.HEIC, Format.JPEG),
        "stack_jpeg": Together(Handling.STACK, Format.JPEG, Format.HEIC),
        "only_heic": Together(Handling.ONLY, Format.HEIC, Format.JPEG),
        "only_jpeg": Together(Handling.ONLY, Format.JPEG, Format.HEIC),
    },
    GroupKind.BURST: {
        "all": None,
        "stack": Together(Handling.STACK),
        "only_cover": Together(Handling.ONLY),
    },
}
