"""The timeline in months, the map, and people."""

import json
import re
import sqlite3
from typing import Any

from .asset_dto import marker_dto
from .errors import ApiError, bad_request, no_access
from .places import place_at
from .routing import Call, Routes
from .times import SECOND, civil, iso_millis, wall_clock
from .uploads import VISIBILITIES
from .validation import (
    Check,
    fields,
    iso_datetime,
    number,
    one_of,
    optional,
    string,
    string_boolean,
    uuid,
)

routes = Routes()

_FLAG = optional(string_boolean())
_FILTERS: dict[str, Check] = {
    "albumId": optional(uuid()),
    "isFavorite": _FLAG,
    "isTrashed": _FLAG,
    "order": optional(one_of(("asc", "desc"))),
    "personId": optional(uuid()),
    "tagId": optional(uuid()),
    "userId": optional(uuid()),
    "visibility": optional(one_of(VISIBILITIES)),
    "withCoordinates": _FLAG,
    "withPartners": _FLAG,
    "withStacked": _FLAG,
}


# Which assets a timeline shows; what was not asked for is null.
_SHOWN = """
    (deleted_at IS NOT NULL) = :trashed
    AND (visibility = :visibility
        OR (:visibility IS NULL AND visibility IN ('archive', 'timeline')))
    AND (:favorite IS NULL OR is_favorite = :favorite)
    AND (CASE WHEN :album IS NULL THEN owner_id = :user
        ELSE id IN (SELECT asset_id FROM album_assets WHERE album_id = :album) END)
    AND (:tag IS NULL OR id IN (SELECT asset_id FROM tag_assets WHERE tag_id = :tag))
    AND :person IS NULL
    AND (NOT :stacked OR stack_id IS NULL
        OR id IN (SELECT primary_asset_id FROM stacks))
"""


def _parameters(call: Call, query: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a timeline that this user may see."""
    if query.get("visibility") == "locked":
        raise ApiError(401, "Elevated permission is required")
    if "albumId" in query:
        member = call.backend.store.one(
            "SELECT 1 FROM album_users WHERE album_id = ? AND user_id = ?",
            query["albumId"],
            call.auth.user_id,
        )
        if member is None:
            raise no_access("album.read")
    return {
        "user": call.auth.user_id,
        "trashed": query.get("isTrashed", False),
        "visibility": query.get("visibility"),
        "favorite": query.get("isFavorite"),
        "album": query.get("albumId"),
        "tag": query.get("tagId"),
        "person": query.get("personId"),
        "stacked": query.get("withStacked", False),
    }


@routes.add("GET", "/timeline/buckets", need="asset.read")
async def buckets(call: Call) -> list[dict[str, Any]]:
    """Count the assets of each month, the latest first."""
    query = call.query(fields(**_FILTERS))
    named = _parameters(call, query)

    def count(db: sqlite3.Connection) -> dict[str, int]:
        counts: dict[str, int] = {}
        for row in db.execute(
            f"SELECT local_date_time FROM assets WHERE {_SHOWN} "  # noqa: S608
            "ORDER BY local_date_time DESC",
            named,
        ):
            month = _month(row["local_date_time"])
            counts[month] = counts.get(month, 0) + 1
        return counts

    counts = await call.backend.store.read(count)
    months = reversed(counts) if query.get("order") == "asc" else counts
    return [{"timeBucket": month, "count": counts[month]} for month in months]


def _month(instant: int) -> str:
    year, month, *_ = civil(instant)
    return f"{year:04}-{month:02}-01"


@routes.add("GET", "/timeline/bucket", need="asset.read")
async def bucket(call: Call) -> dict[str, list[Any]]:
    """Tell the assets of one month, as one list per property."""
    query = call.query(fields(**_FILTERS, timeBucket=string()))
    named = _parameters(call, query)
    match = re.match(r"(\d{4})-(\d\d)", query["timeBucket"], re.ASCII)
    if match is None or not 1 <= int(match[2]) <= 12:
        raise bad_request("Invalid time bucket")
    year, month = int(match[1]), int(match[2])
    named |= {
        "start": wall_clock(year, month, 1),
        "end": wall_clock(year + month // 12, month % 12 + 1, 1),
    }
    order = "ASC" if query.get("order") == "asc" else "DESC"
    sql = (
        "SELECT *, (SELECT count(*) FROM assets o WHERE o.stack_id = assets.stack_id) "  # noqa: S608
        f"AS stacked FROM assets WHERE {_SHOWN} AND local_date_time >= :start "
        f"AND local_date_time < :end ORDER BY file_created_at {order}, rowid {order}"
    )
    rows = await call.backend.store.read(lambda db: db.execute(sql, named).fetchall())
    entries = [_bucket_entry(row) for row in rows]
    names = list(_BUCKET_NAMES)
    if query.get("withCoordinates"):
        names += ["latitude", "longitude"]
    if query.get("withStacked"):
        names.append("stack")
    return {name: [entry[name] for entry in entries] for name in names}


_BUCKET_NAMES = (
    "duration", "id", "visibility", "isFavorite", "isImage", "isTrashed",
    "livePhotoVideoId", "localOffsetHours", "ownerId", "projectionType", "createdAt",
    "fileCreatedAt", "ratio", "thumbhash", "city", "country",
)  # fmt: skip


def _bucket_entry(row: sqlite3.Row) -> dict[str, Any]:
    exif = json.loads(row["exif"])
    width, height = row["width"], row["height"]
    stack_id = row["stack_id"]
    return {
        "duration": row["duration"],
        "id": row["id"],
        "visibility": row["visibility"],
        "isFavorite": bool(row["is_favorite"]),
        "isImage": row["type"] == "IMAGE",
        "isTrashed": row["deleted_at"] is not None,
        "livePhotoVideoId": row["live_photo_video_id"],
        "localOffsetHours": (row["local_date_time"] - row["file_created_at"])
        / (3600 * SECOND),
        "ownerId": row["owner_id"],
        "projectionType": exif["projectionType"],
        "createdAt": iso_millis(row["created_at"]),
        "fileCreatedAt": iso_millis(row["file_created_at"]),
        "ratio": round(width / height, 3) if width and height else 1,
        "thumbhash": row["thumbhash"],
        "city": exif["city"],
        "country": exif["country"],
        "latitude": exif["latitude"],
        "longitude": exif["longitude"],
        "stack": None if stack_id is None else [stack_id, str(row["stacked"])],
    }


@routes.add("GET", "/map/markers", need="map.read")
async def map_markers(call: Call) -> list[dict[str, Any]]:
    """Tell where pictures were taken, the latest first."""
    query = call.query(
        fields(
            fileCreatedAfter=optional(iso_datetime()),
            fileCreatedBefore=optional(iso_datetime()),
            isArchived=_FLAG,
            isFavorite=_FLAG,
            withPartners=_FLAG,
            withSharedAlbums=_FLAG,
        )
    )
    sql = (
        "SELECT * FROM assets WHERE owner_id = :user AND deleted_at IS NULL "
        "AND (visibility = 'timeline' OR (:archived AND visibility = 'archive')) "
        "AND (:favorite IS NULL OR is_favorite = :favorite) "
        "AND json_extract(exif, '$.latitude') IS NOT NULL "
        "ORDER BY file_created_at DESC, rowid DESC"
    )
    named = {
        "user": call.auth.user_id,
        "archived": query.get("isArchived", False),
        "favorite": query.get("isFavorite"),
    }
    rows = await call.backend.store.read(lambda db: db.execute(sql, named).fetchall())
    return [marker for row in rows if (marker := marker_dto(row))]


@routes.add("GET", "/map/reverse-geocode", need="map.search")
async def reverse_geocode(call: Call) -> list[dict[str, Any]]:
    """Tell which place is near, from a coarse table."""
    degrees = number(coerce=True)
    query = call.query(fields(lat=degrees, lon=degrees))
    place = place_at(query["lat"], query["lon"])
    if place is None:
        return []
    return [{"country": place.country, "state": place.state, "city": place.city}]


@routes.add("GET", "/people", need="person.read")
async def people(call: Call) -> dict[str, Any]:
    """List people; without machine learning nobody is recognised."""
    return {"people": [], "hasNextPage": False, "total": 0, "hidden": 0}


@routes.add("GET", "/faces", need="face.read")
async def faces(call: Call) -> list[dict[str, Any]]:
    """List the faces in a picture; none are recognised."""
    call.query(fields(id=uuid()))
    return []
