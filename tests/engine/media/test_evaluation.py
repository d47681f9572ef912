"""Rules about what stands in files, on files."""

import os
from pathlib import Path

import pytest

from custom_components.immich_backup.engine import RuleSet, parse_rule
from custom_components.immich_backup.engine.access import look_at
from custom_components.immich_backup.engine.evaluate import media_of
from custom_components.immich_backup.engine.media_types import DEFAULT_EXTENSIONS
from custom_components.immich_backup.engine.rules import Decision
from tests.support import media

EXIF = media.tiff(
    {0x010F: "Apple", 0x0110: "iPhone 15"},
    {0x9003: "2024:05:01 10:11:12"},
    media.place(52.5, 13.4),
)
FILES = {
    "IMG_1.HEIC": media.heic(EXIF, size=(4032, 3024)),
    "IMG_2.JPG": media.jpeg(),
    "IMG_3.MOV": media.Video(created=3_797_395_872, seconds=90).data(),
    "VID-20230501-WA0001.mp4": media.Video(seconds=5).data(),
    "Screenshots/1.png": media.jpeg(),
    "broken.jpg": b"\xff\xd8\xff\xe1",
}


def decide(folder: Path, name: str, **rule: object) -> Decision:
    """Return what a rule that wants some files makes of one."""
    rules = RuleSet(
        kinds=frozenset(),
        rules=(parse_rule({"action": "back_up", **rule}, 1),),
        extensions=DEFAULT_EXTENSIONS,
    )
    root, path = os.fsencode(folder), os.fsencode(name)
    found = media_of(path, look_at(root, path), rules, root=root, existing=False)
    return rules.decide(found, 0)


@pytest.mark.parametrize(
    ("rule", "wanted", "unknown"),
    [
        (
            {"captured_from": "2024-05-01", "captured_to": "2024-05-01"},
            {"IMG_1.HEIC", "IMG_3.MOV"},
            {"IMG_2.JPG", "Screenshots/1.png", "broken.jpg"},
        ),
        (
            {"captured_to": "2023-12-31"},
            {"VID-20230501-WA0001.mp4"},
            {"IMG_2.JPG", "Screenshots/1.png", "broken.jpg"},
        ),
        (
            {"min_pixels": 1920},
            {"IMG_1.HEIC", "IMG_3.MOV", "VID-20230501-WA0001.mp4"},
            {"broken.jpg"},
        ),
        (
            {"min_seconds": 60},
            {"IMG_3.MOV"},
            {"IMG_1.HEIC", "IMG_2.JPG", "Screenshots/1.png", "broken.jpg"},
        ),
        ({"cameras": ["iphone"]}, {"IMG_1.HEIC"}, set(FILES) - {"IMG_1.HEIC"}),
        ({"screenshot": "yes"}, {"Screenshots/1.png"}, {"broken.jpg"}),
        (
            {"screenshot": "no"},
            set(FILES) - {"Screenshots/1.png", "broken.jpg"},
            {"broken.jpg"},
        ),
        ({"location": "yes"}, {"IMG_1.HEIC"}, {"broken.jpg"}),
        (
            {"location": "no"},
            set(FILES) - {"IMG_1.HEIC", "broken.jpg"},
            {"broken.jpg"},
        ),
    ],
)
def test_rules(
    camera: Path, rule: dict[str, object], wanted: set[str], unknown: set[str]
) -> None:
    """Each file is judged by what it says; what says nothing is told as unknown."""
    for name, data in FILES.items():
        path = camera / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    decisions = {name: decide(camera, name, **rule) for name in FILES}
    assert {name for name, made in decisions.items() if made.wanted} == wanted
    assert {name for name, made in decisions.items() if made.unknown} == unknown


def test_file_that_is_replaced(camera: Path) -> None:
    """What can't be read as it was seen is unknown, whatever is asked."""
    path = camera / "IMG_1.jpg"
    path.write_bytes(media.jpeg())
    root, name = os.fsencode(camera), b"IMG_1.jpg"
    seen = look_at(root, name)
    path.unlink()
    for answer in ("yes", "no"):
        rule = parse_rule({"action": "back_up", "location": answer}, 1)
        rules = RuleSet(rules=(rule,), extensions=DEFAULT_EXTENSIONS)
        found = media_of(name, seen, rules, root=root, existing=False)
        assert rules.decide(found, 0).unknown == ("location",)


def test_gif_is_no_video(camera: Path) -> None:
    """A GIF moves for some time, which no rule about videos looks at."""
    (camera / "cat.gif").write_bytes(media.gif((9000,)))
    decided = decide(camera, "cat.gif", min_seconds=60)
    assert (decided.wanted, decided.unknown) == (False, ("duration",))
