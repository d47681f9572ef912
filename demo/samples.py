"""The sample folder: photos and videos of a made-up year, the same ones every time."""

from datetime import datetime, timedelta
import json
import os
from pathlib import Path
import shutil

from .camera import FILM, PLAIN, Sample, Told, content
from .family_calendar import Event
from .scenes import AUTUMN, DAWN, DAY, DUSK, NIGHT, WINTER, Scene

_LARGE = (1600, 1200)

# In each quarter of the earth.
LAKE, COAST, CITY = (46.4719, 11.3205), (54.3233, 10.1394), (52.5163, 13.3777)
NEW_YORK, RIO, SYDNEY = (40.7061, -73.9969), (-22.9519, -43.2105), (-33.8568, 151.2153)
KIRITIMATI = (1.8721, -157.4278)

SAMPLES = (
    Sample(
        path="IMG_0001.jpg",
        taken="2025-01-01T00:14:09+01:00",
        scene=Scene(title="A new year", palette=NIGHT, light=(0.8, 0.2), seed=1),
        place=CITY,
    ),
    Sample(
        path="IMG_0017.jpg",
        taken="2025-01-19T11:02:44+01:00",
        scene=Scene(title="First snow", palette=WINTER, light=(0.3, 0.25), seed=2),
        size=_LARGE,
        place=LAKE,
    ),
    Sample(
        path="IMG_0018.jpg",
        taken="2025-01-19T15:47:10+01:00",
        scene=Scene(title="Frozen lake", palette=WINTER, water=True, seed=3),
        place=LAKE,
    ),
    Sample(
        path="Märzspaziergang am See.jpg",
        taken="2025-03-22T16:20:31+01:00",
        scene=Scene(title="A walk in March", palette=DAY, water=True, seed=4),
        size=_LARGE,
        place=LAKE,
    ),
    Sample(
        path="IMG_0102.jpg",
        taken="2025-04-20T06:31:00+02:00",
        scene=Scene(title="Easter morning", palette=DAWN, light=(0.4, 0.45), seed=5),
        place=COAST,
    ),
    Sample(
        path="Frühstück im Garten.jpg",
        taken="2025-05-11T09:05:12+02:00",
        scene=Scene(title="Breakfast outside", palette=DAY, light=(0.2, 0.2), seed=6),
    ),
    Sample(
        path="Ostsee 2025/PXL_20250712_051200.jpg",
        taken="2025-07-12T05:12:00+02:00",
        scene=Scene(
            title="Sunrise at the sea",
            palette=DAWN,
            light=(0.5, 0.5),
            water=True,
            seed=7,
        ),
        size=_LARGE,
        place=COAST,
    ),
    Sample(
        path="Ostsee 2025/PXL_20250712_140308.jpg",
        taken="2025-07-12T14:03:08+02:00",
        scene=Scene(title="Sailing", palette=DAY, water=True, seed=8),
        place=COAST,
    ),
    Sample(
        path="Ostsee 2025/Strandkörbe.jpg",
        taken="2025-07-13T18:40:55+02:00",
        scene=Scene(title="Beach chairs", palette=DUSK, light=(0.6, 0.4), seed=9),
        place=COAST,
    ),
    Sample(
        path="Ostsee 2025/PXL_20250713_211530.jpg",
        taken="2025-07-13T21:15:30+02:00",
        scene=Scene(
            title="The last light",
            palette=DUSK,
            light=(0.3, 0.5),
            water=True,
            seed=10,
        ),
        size=_LARGE,
        place=COAST,
    ),
    Sample(
        path="Ostsee 2025/Leuchtturm bei Nacht.png",
        taken="2025-07-13T23:58:01+02:00",
        scene=Scene(title="Lighthouse by night", palette=NIGHT, water=True, seed=11),
    ),
    Sample(
        path="Ostsee 2025/PXL_20250714_waves.mp4",
        taken="2025-07-14T10:30:00+02:00",
        scene=Scene(title="Waves", palette=DAY, water=True, seed=12),
        size=FILM,
    ),
    Sample(
        path="IMG_0410.jpg",
        taken="2025-08-02T20:44:17+02:00",
        scene=Scene(title="Thunder is near", palette=DUSK, light=(0.8, 0.4), seed=13),
    ),
    Sample(
        path="IMG_0411.webp",
        taken="2025-08-03T08:12:45+02:00",
        scene=Scene(title="After the rain", palette=DAY, light=(0.5, 0.2), seed=14),
    ),
    Sample(
        path="IMG_0498.jpg",
        taken="2025-09-27T17:33:20+02:00",
        scene=Scene(title="Grape harvest", palette=AUTUMN, light=(0.7, 0.35), seed=15),
        size=_LARGE,
        place=LAKE,
    ),
    Sample(
        path="IMG_0499.jpg",
        taken="2025-10-04T12:21:09+02:00",
        scene=Scene(title="Golden October", palette=AUTUMN, water=True, seed=16),
        place=LAKE,
    ),
    Sample(
        path="Familie/Großmutters Geburtstag.jpg",
        taken="2025-10-18T15:00:00+02:00",
        scene=Scene(title="Her 80th birthday", palette=AUTUMN, seed=17),
        place=CITY,
    ),
    Sample(
        path="Familie/Erste Schritte.mov",
        taken="2025-10-19T10:09:08+02:00",
        scene=Scene(title="First steps", palette=AUTUMN, light=(0.1, 0.3), seed=18),
        size=FILM,
    ),
    Sample(
        path="Familie/IMG-20251109-WA0003.jpg",
        taken="2025-11-09T19:22:33+01:00",
        scene=Scene(title="Lanterns", palette=NIGHT, light=(0.2, 0.3), seed=19),
    ),
    Sample(
        path="Screenshot_2025-12-01.png",
        taken="2025-12-01T07:00:05+01:00",
        scene=Scene(title="24 doors to open", palette=WINTER, seed=20),
    ),
    Sample(
        path="IMG_0620.webp",
        taken="2025-12-24T16:45:00+01:00",
        scene=Scene(title="Christmas Eve", palette=NIGHT, light=(0.5, 0.2), seed=21),
    ),
    Sample(
        path="IMG_0631.jpg",
        taken="2025-12-31T16:02:50+01:00",
        scene=Scene(title="The year ends", palette=DUSK, light=(0.5, 0.5), seed=22),
        place=CITY,
    ),
    # A live photo, and what makes it one photo: the identifier in both.
    Sample(
        path="Ostsee 2025/IMG_0701.HEIC",
        taken="2025-07-12T16:20:00+02:00",
        scene=Scene(title="Kites", palette=DAY, light=(0.3, 0.3), water=True, seed=23),
        size=PLAIN,
        place=COAST,
        identifier="5B2C6F1E-90A4-4D0B-8C39-6E1F2D3A4B5C",
    ),
    Sample(
        path="Ostsee 2025/IMG_0701.MOV",
        taken="2025-07-12T16:19:59+02:00",
        scene=Scene(title="Kites", palette=DAY, light=(0.3, 0.3), water=True, seed=23),
        size=FILM,
        place=COAST,
        identifier="5B2C6F1E-90A4-4D0B-8C39-6E1F2D3A4B5C",
    ),
    # A HEIC and the JPEG that was made of it.
    Sample(
        path="Ostsee 2025/IMG_0702.HEIC",
        taken="2025-07-12T17:05:00+02:00",
        scene=Scene(title="Ice cream", palette=DAY, light=(0.8, 0.2), seed=24),
        size=PLAIN,
        place=COAST,
    ),
    Sample(
        path="Ostsee 2025/IMG_0702.JPG",
        taken="2025-07-12T17:05:00+02:00",
        scene=Scene(title="Ice cream", palette=DAY, light=(0.8, 0.2), seed=24),
        size=PLAIN,
        place=COAST,
    ),
    Sample(
        path="Ostsee 2025/PXL_20250713_091500.MP.jpg",
        taken="2025-07-13T09:15:00+02:00",
        scene=Scene(title="Gulls", palette=DAWN, light=(0.6, 0.3), seed=25),
        place=COAST,
        motion=True,
    ),
    *(
        Sample(
            path=f"Ostsee 2025/20250713_152010_00{number}.jpg",
            taken="2025-07-13T15:20:10+02:00",
            scene=Scene(
                title="Jump!",
                palette=DAY,
                light=(0.2 + 0.1 * number, 0.3),
                water=True,
                seed=26,
            ),
            place=COAST,
        )
        for number in (1, 2, 3)
    ),
    # What a camera writes that keeps the raw picture as well.
    Sample(
        path="DSC_0500.DNG",
        taken="2025-10-05T11:40:00+02:00",
        scene=Scene(title="Chestnuts", palette=AUTUMN, light=(0.6, 0.3), seed=27),
        size=PLAIN,
    ),
    Sample(
        path="DSC_0500.JPG",
        taken="2025-10-05T11:40:00+02:00",
        scene=Scene(title="Chestnuts", palette=AUTUMN, light=(0.6, 0.3), seed=27),
    ),
    Sample(
        path="Doorbell/2025-09-05 16.42.10.jpg",
        taken="2025-09-05T16:42:10+02:00",
        scene=Scene(title="The postman", palette=DAY, light=(0.1, 0.3), seed=28),
        place=CITY,
    ),
    Sample(
        path="Doorbell/2025-12-24 18.01.33.jpg",
        taken="2025-12-24T18:01:33+01:00",
        scene=Scene(title="Who is there?", palette=NIGHT, light=(0.2, 0.2), seed=29),
        place=CITY,
    ),
    # The clocks are set back: half past two comes twice, and once nobody says which.
    Sample(
        path="Reisen/IMG_0801.jpg",
        taken="2025-10-26T02:30:00+02:00",
        scene=Scene(title="Half past two", palette=NIGHT, light=(0.3, 0.2), seed=30),
        place=CITY,
    ),
    Sample(
        path="Reisen/IMG_0802.jpg",
        taken="2025-10-26T02:30:00+01:00",
        scene=Scene(title="An hour later", palette=NIGHT, light=(0.6, 0.2), seed=31),
        place=CITY,
    ),
    Sample(
        path="Reisen/IMG_0803.jpg",
        taken="2025-10-26T02:31:00",
        scene=Scene(title="Which one?", palette=NIGHT, light=(0.9, 0.2), seed=32),
    ),
    # A clock that tells no zone, at the end of a month.
    Sample(
        path="Reisen/IMG_0701.jpg",
        taken="2025-08-31T23:59:50",
        scene=Scene(title="Shooting stars", palette=NIGHT, seed=33),
    ),
    Sample(
        path="Reisen/New York.jpg",
        taken="2025-11-02T01:30:00-05:00",
        scene=Scene(title="New York", palette=NIGHT, water=True, seed=34),
        place=NEW_YORK,
    ),
    Sample(
        path="Reisen/Rio.jpg",
        taken="2025-11-08T18:20:00-03:00",
        scene=Scene(title="Rio", palette=DUSK, light=(0.7, 0.4), seed=35),
        place=RIO,
    ),
    Sample(
        path="Reisen/Sydney.jpg",
        taken="2025-11-22T08:10:00+11:00",
        scene=Scene(title="Sydney", palette=DAY, water=True, seed=36),
        place=SYDNEY,
    ),
    # A new year there, while it is still the morning before at home.
    Sample(
        path="Reisen/Kiritimati.jpg",
        taken="2026-01-01T00:05:00+14:00",
        scene=Scene(title="First of all", palette=NIGHT, water=True, seed=37),
        place=KIRITIMATI,
    ),
    Sample(
        path="Familie/Eingescannt.jpg",
        taken="2025-02-14T12:00:00+01:00",
        scene=Scene(title="An old slide", palette=WINTER, seed=38),
        told=Told.XMP,
    ),
    # Unpacked a year later: only the description beside it knows when and where.
    Sample(
        path="Takeout/Foto von Tante Änne.jpg",
        taken="2025-06-01T14:30:00+02:00",
        scene=Scene(title="From Aunt Anne", palette=DAY, light=(0.4, 0.2), seed=39),
        told=Told.BESIDE,
        changed="2026-06-20T21:15:00+02:00",
    ),
)

# The same bytes once more under another name: Immich keeps one asset.
COPIES = {
    "Familie/Kopie von Großmutters Geburtstag.jpg": "Familie/Großmutters Geburtstag.jpg"
}

# What was in the family's calendar.
EVENTS = (Event(summary="A weekend at the sea", start="2025-07-12", end="2025-07-15"),)

# What a backup leaves alone: files of no media type, and one that is still written.
NOT_MEDIA = {
    "Packliste.txt": "Kamera\nLadegerät\nSonnencreme\n",
    "Takeout/Foto von Tante Änne.jpg.supplemental-metadata.json": json.dumps(
        {
            "title": "Foto von Tante Änne.jpg",
            "photoTakenTime": {"timestamp": "1748781000"},
            "geoData": {"latitude": 46.4719, "longitude": 11.3205, "altitude": 0.0},
        },
        ensure_ascii=False,
    ),
}
UNFINISHED = {"IMG_0632.jpg.part": "half a pho"}


def _write(path: Path, data: bytes, changed: datetime) -> None:
    """Write a file as if it had last been changed then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (changed.timestamp(), changed.timestamp()))


def make(folder: Path) -> None:
    """Fill a new folder with the samples; one that is there stays as it is.

    Blocking, some seconds. The folder appears with all that is in it, or not at all.
    """
    if folder.exists():
        return
    unfinished = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    written = {sample.path: sample.written for sample in SAMPLES}
    for sample in SAMPLES:
        _write(unfinished / sample.path, content(sample), written[sample.path])
    for copy, original in COPIES.items():
        data = (unfinished / original).read_bytes()
        _write(unfinished / copy, data, written[original] + timedelta(days=1))
    for path, text in (NOT_MEDIA | UNFINISHED).items():
        _write(unfinished / path, text.encode(), max(written.values()))
    unfinished.rename(folder)
