"""/search: finding assets by what is known of them."""

import json
import sqlite3
from typing import Any, Final

from .asset_dto import asset_dto
from .auth import Auth
from .checksums import from_text
from .errors import ApiError, bad_request, no_access
from .routing import Call, Routes
from .times import parse_iso
from .uploads import VISIBILITIES
from .validation import (
    MAX_SAFE_INTEGER,
    Check,
    array,
    boolean,
    fields,
    iso_datetime,
    number,
    one_of,
    optional,
    query_list,
    string,
    string_boolean,
    uuid,
)

routes = Routes()

_DEFAULT_SIZE = 250
_FLAG = optional(boolean())
_TEXT = optional(string())
_EXACT = optional(string(), nullable=True)
_TIME = optional(iso_datetime())

# What can be asked for, and the column that answers; the suffixes After and Before
# make a pair out of each.
_TIMES: Final = {
    "created": "a.created_at",
    "taken": "a.file_created_at",
    "trashed": "a.deleted_at",
    "updated": "a.updated_at",
}
_EXIF: Final = ("city", "country", "lensModel", "make", "model", "rating", "state")
_PARTS: Final = {
    "originalFileName": "a.original_file_name",
    "originalPath": "a.original_path",
    "description": "json_extract(a.exif, '$.description')",
}

_FILTERS: dict[str, Check] = {
    "albumIds": optional(array(uuid())),
    **dict.fromkeys(("city", "country", "lensModel", "make", "model", "state"), _EXACT),
    **{f"{name}{end}": _TIME for name in _TIMES for end in ("After", "Before")},
    "isEncoded": _FLAG,
    "isFavorite": _FLAG,
    "isMotion": _FLAG,
    "isNotInAlbum": _FLAG,
    "isOffline": _FLAG,
    "libraryId": optional(uuid(), nullable=True),
    "ocr": _TEXT,
    "personIds": optional(array(uuid())),
    "rating": optional(number(integer=True, minimum=1, maximum=5), nullable=True),
    "tagIds": optional(array(uuid()), nullable=True),
    "type": optional(one_of(("IMAGE", "VIDEO", "AUDIO", "OTHER"))),
    "visibility": optional(one_of(VISIBILITIES)),
}
_SIZE = optional(number(integer=True, minimum=1, maximum=1000))
_PAGE = optional(number(integer=True, minimum=1, maximum=MAX_SAFE_INTEGER))
_SHAPE: dict[str, Check] = {
    "withDeleted": _FLAG,
    "withExif": _FLAG,
    "withPeople": _FLAG,
    "withStacked": _FLAG,
    "size": _SIZE,
}
_METADATA = fields(
    **_FILTERS,
    **_SHAPE,
    checksum=_TEXT,
    description=_TEXT,
    id=optional(uuid()),
    order=optional(one_of(("asc", "desc"))),
    originalFileName=_TEXT,
    originalPath=_TEXT,
    page=_PAGE,
)
_STATISTICS = fields(**_FILTERS, description=_TEXT)
_RANDOM = fields(**_FILTERS, **_SHAPE)
_SMART = fields(
    **_FILTERS,
    **_SHAPE,
    language=_TEXT,
    page=_PAGE,
    query=_TEXT,
    queryAssetId=optional(uuid()),
)
_SUGGESTIONS: Final = {
    "country": "country",
    "state": "state",
    "city": "city",
    "camera-make": "make",
    "camera-model": "model",
    "camera-lens-model": "lensModel",
}


class _Query:
    """A search as SQL."""

    def __init__(self, auth: Auth, dto: dict[str, Any]) -> None:
        """Translate what was asked; fields that nothing here can have find nothing."""
        self._where = ["a.owner_id = ?"]
        self.args: list[Any] = [auth.user_id]
        if not dto.get("withDeleted") and "trashedAfter" not in dto:
            self._add("a.deleted_at IS NULL")
        if "visibility" in dto:
            if dto["visibility"] == "locked":
                raise ApiError(401, "Elevated permission is required")
            self._add("a.visibility = ?", dto["visibility"])
        else:
            self._add("a.visibility != 'locked'")
        self._add_simple(dto)
        self._add_lists(dto)

    def _add(self, condition: str, *args: Any) -> None:
        self._where.append(condition)
        self.args.extend(args)

    def _add_simple(self, dto: dict[str, Any]) -> None:
        for name, column in _TIMES.items():
            for end, compare in (("After", ">="), ("Before", "<=")):
                if text := dto.get(name + end):
                    self._add(f"{column} {compare} ?", parse_iso(text))
        for name in _EXIF:
            if name in dto:
                self._add(f"json_extract(a.exif, '$.{name}') IS ?", dto[name])
        for name, column in _PARTS.items():
            if name in dto:
                self._add(f"contains({column}, ?)", dto[name])
        for name, column in (
            ("isFavorite", "is_favorite"),
            ("isOffline", "is_offline"),
        ):
            if name in dto:
                self._add(f"a.{column} = ?", dto[name])
        for name, column in (
            ("id", "id"),
            ("type", "type"),
            ("libraryId", "library_id"),
        ):
            if name in dto:
                self._add(f"a.{column} IS ?", dto[name])
        if "checksum" in dto:
            self._add("a.checksum = ?", from_text(dto["checksum"]))
        if "isMotion" in dto:
            self._add("(a.live_photo_video_id IS NOT NULL) = ?", dto["isMotion"])
        if dto.get("isNotInAlbum"):
            self._add("NOT EXISTS (SELECT 1 FROM album_assets WHERE asset_id = a.id)")
        if dto.get("personIds") or dto.get("ocr") or dto.get("isEncoded"):
            self._add("0")

    def _add_lists(self, dto: dict[str, Any]) -> None:
        for album_id in dto.get("albumIds") or ():
            self._add(
                "EXISTS (SELECT 1 FROM album_assets "
                "WHERE asset_id = a.id AND album_id = ?)",
                album_id,
            )
        if "tagIds" in dto and dto["tagIds"] is None:
            self._add("NOT EXISTS (SELECT 1 FROM tag_assets WHERE asset_id = a.id)")
        for tag_id in dto.get("tagIds") or ():
            # A tag also finds what carries a tag below it.
            self._add(
                "EXISTS (SELECT 1 FROM tag_assets ta JOIN tags t ON t.id = ta.tag_id "
                "JOIN tags top ON top.id = ? AND (t.id = top.id "
                "OR substr(t.value, 1, length(top.value) + 1) = top.value || '/') "
                "WHERE ta.asset_id = a.id)",
                tag_id,
            )

    def sql(self, columns: str, tail: str = "") -> str:
        """Return the statement."""
        # Only our own names get into the text.
        return (
            f"SELECT {columns} FROM assets a "  # noqa: S608
            f"WHERE {' AND '.join(self._where)} {tail}"
        )


def _require_albums(call: Call, dto: dict[str, Any]) -> None:
    """Widen nothing: albums must be visible to the user."""
    for album_id in dto.get("albumIds") or ():
        if not call.backend.store.one(
            "SELECT 1 FROM album_users WHERE album_id = ? AND user_id = ?",
            album_id,
            call.auth.user_id,
        ):
            raise no_access("album.read")


@routes.add("POST", "/search/metadata", need="asset.read", status=200)
async def search_metadata(call: Call) -> dict[str, Any]:
    """Find assets page by page; `total` is only what this page has."""
    dto = call.dto(_METADATA)
    query = _Query(call.auth, dto)
    _require_albums(call, dto)
    size, page = dto.get("size", _DEFAULT_SIZE), dto.get("page", 1)
    order = "ASC" if dto.get("order") == "asc" else "DESC"
    sql = query.sql(
        "a.*", f"ORDER BY a.file_created_at {order}, a.rowid {order} LIMIT ? OFFSET ?"
    )
    args = (*query.args, size + 1, min((page - 1) * size, MAX_SAFE_INTEGER))
    exif = dto.get("withExif", False)

    def find(db: sqlite3.Connection) -> list[dict[str, Any]]:
        rows = db.execute(sql, args).fetchall()
        return [asset_dto(row, exif=exif) for row in rows]

    items = await call.backend.store.read(find)
    more = len(items) > size
    items = items[:size]
    return {
        "albums": {"total": 0, "count": 0, "items": [], "facets": []},
        "assets": {
            "total": len(items),
            "count": len(items),
            "items": items,
            "facets": [],
            "nextPage": str(page + 1) if more else None,
        },
    }


@routes.add("POST", "/search/statistics", need="asset.statistics", status=200)
async def search_statistics(call: Call) -> dict[str, int]:
    """Count what a search would find."""
    dto = call.dto(_STATISTICS)
    query = _Query(call.auth, dto)
    _require_albums(call, dto)
    row = await call.backend.store.read(
        lambda db: db.execute(query.sql("count(*) AS total"), query.args).fetchone()
    )
    return {"total": row["total"]}


@routes.add("POST", "/search/random", need="asset.read", status=200)
async def search_random(call: Call) -> list[dict[str, Any]]:
    """Find some assets, others each time."""
    dto = call.dto(_RANDOM)
    query = _Query(call.auth, dto)
    _require_albums(call, dto)
    sql = query.sql("a.*", "ORDER BY random() LIMIT ?")
    args = (*query.args, dto.get("size", _DEFAULT_SIZE))
    rows = await call.backend.store.read(lambda db: db.execute(sql, args).fetchall())
    return [asset_dto(row, exif=dto.get("withExif", False)) for row in rows]


@routes.add("POST", "/search/smart", need="asset.read", status=200)
async def search_smart(call: Call) -> dict[str, Any]:
    """Refuse: there is no machine learning here."""
    call.dto(_SMART)
    raise bad_request("Smart search is not enabled")


@routes.add("GET", "/search/suggestions", need="asset.read")
async def suggestions(call: Call) -> list[str]:
    """List the values that occur, sorted."""
    query = call.query(
        fields(type=one_of(tuple(_SUGGESTIONS)), includeNull=optional(string_boolean()))
    )
    search = _Query(call.auth, {})
    column = f"json_extract(a.exif, '$.{_SUGGESTIONS[query['type']]}')"
    sql = search.sql(
        f"DISTINCT {column} AS value", f"AND {column} IS NOT NULL ORDER BY value"
    )
    rows = await call.backend.store.read(
        lambda db: db.execute(sql, search.args).fetchall()
    )
    return [row["value"] for row in rows]


@routes.add("GET", "/search/cities", need="asset.read")
async def cities(call: Call) -> list[dict[str, Any]]:
    """Show one picture of each city."""
    search = _Query(call.auth, {"visibility": "timeline", "type": "IMAGE"})
    sql = search.sql(
        "a.*", "AND json_extract(a.exif, '$.city') IS NOT NULL ORDER BY a.rowid DESC"
    )
    rows = await call.backend.store.read(
        lambda db: db.execute(sql, search.args).fetchall()
    )
    by_city = {json.loads(row["exif"])["city"]: row for row in rows}
    return [asset_dto(by_city[city], exif=True) for city in sorted(by_city)]


@routes.add("POST", "/search/large-assets", need="asset.read", status=200)
async def large_assets(call: Call) -> list[dict[str, Any]]:
    """Show the largest files."""
    query = call.query(
        fields(
            minFileSize=optional(
                number(integer=True, minimum=0, maximum=MAX_SAFE_INTEGER, coerce=True)
            ),
            size=optional(number(integer=True, minimum=1, maximum=1000, coerce=True)),
            albumIds=optional(query_list(array(uuid()))),
        )
    )
    search = _Query(call.auth, {"albumIds": query.get("albumIds")})
    _require_albums(call, query)
    sql = search.sql("a.*", "AND a.size >= ? ORDER BY a.size DESC LIMIT ?")
    args = (*search.args, query.get("minFileSize", 0), query.get("size", _DEFAULT_SIZE))
    rows = await call.backend.store.read(lambda db: db.execute(sql, args).fetchall())
    return [asset_dto(row, exif=True) for row in rows]
