"""Fills in what the recordings of the real server do not show.

The recordings keep keys and passwords to themselves, tell some bodies in words, and
leave out steps that only prepared something. Everything here is addressed by
`group/name` of a recorded exchange; ids are those of the recordings.
"""

from collections.abc import Mapping, Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from .samples import Kind, Sample
from .table import Case, Expectation, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A case that comes before a recorded one; `stands_for` maps pointer to recorded id."""

    case: Case
    stands_for: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A case whose request was not recorded as one; `expect` adds to what was."""

    request: Request
    name: str | None = None
    expect: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """What one set of recordings leaves open.

    `keys` are references to secrets, in order of power; of them `bearer` are session
    tokens and `session` is the one that `Authorization` was recorded with; `used_keys`
    tells which one a case used where its name does not. `samples` were not recorded at
    all, `stored` says which asset holds one, `files` adds to recorded ones. `requests`
    and `expectations` replace fields. `waits` must be asked until they are right,
    `unordered` answers have no order, `types_only` no certain values, `varying` ones
    have more keys without a certain value. `spelled` replaces strings, `last` groups
    come after all others, and the `epilogue` after everything.
    """

    keys: Mapping[str, str]
    bearer: frozenset[str] = frozenset()
    session: str | None = None
    default_key: str
    used_keys: Mapping[str, str | None] = field(default_factory=dict)
    samples: Mapping[str, Sample] = field(default_factory=dict)
    stored: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    spelled: Mapping[str, str] = field(default_factory=dict)
    steps: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    told: Mapping[str, tuple[Told, ...]] = field(default_factory=dict)
    requests: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    expectations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    waits: AbstractSet[str] = frozenset()
    unordered: AbstractSet[str] = frozenset()
    types_only: AbstractSet[str] = frozenset()
    varying: Mapping[str, AbstractSet[str]] = field(default_factory=dict)
    last: tuple[str, ...] = ()
    epilogue: tuple[Step, ...] = ()

    def mentioned(self) -> set[str]:
        """Return all recorded exchanges that are mentioned."""
        return {
            *self.used_keys,
            *self.steps,
            *self.told,
            *self.requests,
            *self.expectations,
            *self.waits,
            *self.unordered,
            *self.types_only,
            *self.varying,
        }


DATE = "2024-05-01T10:00:00.000Z"
DATES = [["fileCreatedAt", DATE], ["fileModifiedAt", DATE]]
CUT_AFTER = 1_000_000
"""How much of the 3 MB body is sent before the connection is cut."""


def _file(name: str, content: str, kind: str | None = None) -> dict[str, str]:
    part = {"filename": name, "content": content}
    return part if kind is None else part | {"type": kind}


def _upload(
    filename: str, content: str, *, key: str = "admin", kind: str | None = None
) -> Request:
    part = ["assetData", _file(filename, content, kind)]
    return Request(
        method="POST", path="/api/assets", key=key, body={"parts": [*DATES, part]}
    )


def _json(method: str, path: str, body: object, key: str | None = "admin") -> Request:
    return Request(method=method, path=path, key=key, body={"json": body})


def _get(path: str, key: str | None = "admin") -> Request:
    return Request(method="GET", path=path, key=key)


def _step(
    name: str,
    request: Request,
    status: int,
    stands_for: Mapping[str, str] | None = None,
    *,
    body: Mapping[str, Any] | None = None,
    wait: float = 0.0,
    optional: bool = False,
) -> Step:
    case = Case(
        name=name,
        group="",
        request=request,
        expect=Expectation(status=status, body=body),
        wait=wait,
        optional=optional,
    )
    return Step(case=case, stands_for=stands_for or {})


def _cut(**send: Any) -> Request:
    big = _upload("cut.jpg", "cut", kind="image/jpeg")
    return Request(
        method=big.method, path=big.path, key=big.key, body=big.body, send=send
    )


def _big(filename: str, key: str | None = "admin", **headers: str) -> Request:
    big = _upload(filename, "big", kind="image/jpeg")
    names = {"checksum": "x-immich-checksum", "wrong_key": "x-api-key"}
    return Request(
        method=big.method,
        path=big.path,
        key=key,
        headers={names.get(name, name): value for name, value in headers.items()},
        body=big.body,
    )


# The server takes the zone from the place, five hours behind UTC.
SIDECAR = {
    "taken": "2019-03-04T05:06:07+01:00",
    "gps": [40.7128, -74.006],
    "description": "From the sidecar",
    "rating": 4,
    "tags": ["sidecar-tag"],
}
WRONG_KEY = {"x-api-key": "not-a-key"}
ADD_EVERYTHING = {
    "body": {"json": {"ids": "{{all-assets#/assets/items/*/id}}"}},
    "headers": {},
}
QUOTA_PATH = "/api/admin/users/{{create-user2#/id}}"
MAINTENANCE_WAIT = 60.0

GAPS = Gaps(
    keys={
        "admin": "{{api-key-all#/secret}}",
        "uploader": "{{api-key-uploader#/secret}}",
        "readonly": "{{api-key-readonly#/secret}}",
        "user2": "{{user2-key#/secret}}",
        "only-upload": "{{only-upload-key#/secret}}",
        "session": "{{login#/accessToken}}",
        "user2-session": "{{user2-login#/accessToken}}",
    },
    bearer=frozenset({"session", "user2-session"}),
    session="session",
    default_key="admin",
    used_keys={
        "00-setup/create-user2": "admin",
        "01-server-auth-errors/server-statistics-nonadmin": "user2",
        "01-server-auth-errors/wrong-key": None,
        "01-server-auth-errors/wrong-bearer": None,
        "02-upload/upload-bad-key": None,
        "02-upload/upload-same-content-other-user": "user2",
        "06-quota/quota-upload-0": "user2",
        "06-quota/quota-upload-1": "user2",
        "06-quota/quota-upload-2": "user2",
        "06-quota/quota-upload-3": "user2",
        "06-quota/quota-upload-4": "user2",
        "06-quota/quota-upload-5": "user2",
        "06-quota/quota-users-me": "user2",
        "06-quota/quota-upload-bigger-than-quota": "user2",
        "06-quota/quota-bulk-check": "user2",
        "06-quota/quota-after-unset": "user2",
        "07-bulk-upload-check/bulk-other-user-has-it-too": "user2",
        "09-albums/album-add-as-viewer": "user2",
        "09-albums/album-add-as-editor": "user2",
        "20-keys/only-asset.upload-upload": "only-upload",
        "20-keys/only-asset.upload-bulk-check": "only-upload",
        "20-keys/only-asset.upload-api-keys-me": "only-upload",
        "20-keys/only-asset.upload-users-me": "only-upload",
        "20-keys/only-asset.upload-about": "only-upload",
        "20-keys/only-asset.upload-search": "only-upload",
        "20-keys/key-in-query": None,
        "20-keys/key-as-bearer": None,
        "20-keys/key-header-upper": None,
        "20-keys/key-with-spaces": None,
        "22-more/foreign-asset-get": "user2",
        "22-more/foreign-asset-original": "user2",
        "22-more/foreign-asset-update": "user2",
        "22-more/foreign-asset-delete": "user2",
    },
    samples={
        "rfc5987": Sample(kind=Kind.JPEG, size=21348),
        "cut": Sample(kind=Kind.RANDOM, size=3_000_011),
        "big": Sample(kind=Kind.RANDOM, size=30_000_000),
        "race": Sample(kind=Kind.JPEG, size=21348),
        "foreign-video": Sample(kind=Kind.MP4, size=68639, duration=2000),
        "load": Sample(kind=Kind.JPEG, size=21348),
        "tr": Sample(kind=Kind.JPEG, size=21348),
        "L-video": Sample(kind=Kind.MP4, size=68640, duration=2000),
    },
    stored={
        "a93aedf7-4b29-4f78-b387-81086b5e10c0": "rfc5987",
        "449a5b97-bebf-41ac-98b9-53e2bfbccdec": "cut",
    },
    files={
        "p1": {
            "taken": "2023-07-14T12:30:00+02:00",
            "gps": [48.8584, 2.2945],
            "make": "Canon",
            "model": "EOS R5",
        },
        "p2": {"taken": "2023-07-15T09:00:00+02:00", "gps": [52.52, 13.405]},
        "p3": {"taken": "2022-01-01T00:00:00"},
        "p4.jpg": SIDECAR,
        "s3.jpg": SIDECAR,
        "s4.jpg": SIDECAR,
        "s5-2": {"kind": Kind.RANDOM},
        "s7-2": {"kind": Kind.RANDOM},
        "truncated": {"kind": Kind.TRUNCATED},
        "garbage": {"kind": Kind.RANDOM},
        "wrongext": {"kind": Kind.JPEG},
        "qbig": {"kind": Kind.RANDOM},
        "v1": {"duration": 3000},
        "IMG_1": {"duration": 2000},
        "IMG_2": {"duration": 2000},
        "IMG_1-2": {"make": "Apple"},
        "IMG_2-2": {"make": "Apple"},
    },
    spelled={
        "admin@example.com": "{{admin.email}}",
        "user2@example.com": "{{user2.email}}",
    },
    steps={
        "00-setup/features": (
            _step("config", _get("/api/system-config"), 200, optional=True),
            _step(
                "config-without-machine-learning",
                Request(
                    method="PUT",
                    path="/api/system-config",
                    key="admin",
                    body={
                        "merge": [
                            "{{config#}}",
                            {
                                "machineLearning": {"enabled": False},
                                "newVersionCheck": {"enabled": False},
                            },
                        ]
                    },
                ),
                200,
                optional=True,
            ),
        ),
        "01-server-auth-errors/server-statistics-nonadmin": (
            _step(
                "user2-login",
                _json(
                    "POST",
                    "/api/auth/login",
                    {"email": "{{user2.email}}", "password": "{{user2.password}}"},
                    None,
                ),
                201,
            ),
            _step(
                "user2-key",
                _json(
                    "POST",
                    "/api/api-keys",
                    {"name": "user-two", "permissions": ["all"]},
                    "user2-session",
                ),
                201,
            ),
        ),
        "16-early-answers/big-body-over-quota": (
            _step(
                "quota-for-a-big-body",
                _json("PUT", QUOTA_PATH, {"quotaSizeInBytes": 200_000}),
                200,
            ),
        ),
        "17b-race/same-file-6-threads-at-once": (
            _step(
                "no-quota-again",
                _json("PUT", QUOTA_PATH, {"quotaSizeInBytes": None}),
                200,
            ),
        ),
        "20-keys/only-asset.upload-upload": (
            _step(
                "only-upload-key",
                _json(
                    "POST",
                    "/api/api-keys",
                    {"name": "only-upload", "permissions": ["asset.upload"]},
                    "session",
                ),
                201,
                {"/apiKey/id": "07042edc-57b4-457c-b23b-d02c64c9c137"},
            ),
        ),
        "22-more/live-link-to-foreign-video": (
            _step(
                "user2-video",
                _upload("foreign.mp4", "foreign-video", key="user2"),
                201,
                {"/id": "d0b1d7aa-b95f-4205-91a0-a7a07c393558"},
            ),
        ),
        "22-more/foreign-asset-get": (
            _step(
                "load",
                _upload("load3-18.jpg", "load"),
                201,
                {"/id": "cde1f7c8-38dc-40f5-8927-1d68ff790f59"},
            ),
        ),
        "22-more/album-add-trashed": (
            _step(
                "tr",
                _upload("tr.jpg", "tr"),
                201,
                {"/id": "be93523f-25d4-4623-917c-be6bcf6585b2"},
            ),
            _step(
                "tr-trash", _json("DELETE", "/api/assets", {"ids": ["{{tr#/id}}"]}), 204
            ),
            _step(
                "album-T",
                _json("POST", "/api/albums", {"albumName": "T"}),
                201,
                {"/id": "f93644db-66b7-47e4-9493-a961aafb991b"},
            ),
        ),
        "22-more/thumbnail-if-none-match": (
            _step(
                "load-thumbnail",
                _get("/api/assets/{{load#/id}}/thumbnail"),
                200,
                wait=40.0,
            ),
        ),
        "22-more/album-add-194-real": (
            _step(
                "all-assets",
                _json("POST", "/api/search/metadata", {"size": 1000}),
                200,
            ),
        ),
        "23-outages/live-duplicate-still-with-link": (
            _step(
                "L",
                _upload("L.jpg", "L"),
                201,
                {"/id": "97d62b36-a31a-46cb-aece-b8e65bb38ecd"},
            ),
            _step(
                "L-video",
                _upload("L.MOV", "L-video"),
                201,
                {"/id": "5515a9d5-6c9e-47e1-ae46-a89c81c831a6"},
            ),
        ),
        "21-maintenance/maint-ping": (
            _step(
                "maintenance-start",
                _json("POST", "/api/admin/maintenance", {"action": "start"}),
                201,
            ),
            _step(
                "maintenance-started",
                _get("/api/server/config", None),
                200,
                body={"json": {"maintenanceMode": True}},
                wait=MAINTENANCE_WAIT,
            ),
        ),
    },
    told={
        "05-cut/cut-then-idle-3s-then-close": (Told(request=_cut(first=CUT_AFTER)),),
        "05-cut/cut-half-close": (
            Told(request=_cut(first=CUT_AFTER, half_close=True)),
            Told(
                name="cut-stored-nothing",
                request=_json(
                    "POST",
                    "/api/assets/bulk-upload-check",
                    {"assets": [{"id": "cut", "checksum": "{{sha1hex:cut}}"}]},
                ),
                expect={
                    "status": 200,
                    "body": {"json": {"results": [{"id": "cut", "action": "accept"}]}},
                },
            ),
        ),
        "05-cut/short-but-content-length-consistent": (
            Told(request=_cut(first=CUT_AFTER, declare="sent")),
        ),
        "05-cut/missing-last-2-bytes-CRLF": (
            Told(request=_cut(drop=2, declare="sent")),
        ),
        "05-cut/closing-boundary-damaged": (
            Told(request=_cut(drop=6, declare="sent")),
        ),
        "16-early-answers/big-body-known-checksum-header": (
            Told(
                request=_big("big.jpg", checksum="{{sha1hex:p1}}"),
                expect={"early": True},
            ),
        ),
        "16-early-answers/big-body-known-checksum-header-expect-100": (
            Told(
                request=_big(
                    "big.jpg", checksum="{{sha1hex:p1}}", Expect="100-continue"
                ),
                expect={"early": True, "continued": True},
            ),
        ),
        "16-early-answers/big-body-wrong-key": (
            Told(
                request=_big("big.jpg", None, wrong_key="not-a-key"),
                expect={"early": True},
            ),
        ),
        "16-early-answers/big-body-wrong-key-expect-100": (
            Told(
                request=_big(
                    "big.jpg", None, wrong_key="not-a-key", Expect="100-continue"
                ),
                expect={"early": True, "continued": True},
            ),
        ),
        "16-early-answers/big-body-ok": (
            Told(request=_big("big.jpg"), expect={"early": False}),
        ),
        "16-early-answers/big-body-bad-extension": (
            Told(request=_big("big.txt"), expect={"early": False}),
        ),
        "16-early-answers/big-body-over-quota": (
            Told(request=_big("big.jpg", "user2"), expect={"early": False}),
        ),
        "17b-race/same-file-6-threads-at-once": (
            Told(
                request=Request(
                    method="POST",
                    path="/api/assets",
                    key="admin",
                    body=_upload("race.jpg", "race").body,
                    send={"parallel": 6},
                ),
                expect={
                    "status": 200,
                    "statuses": (200, 200, 200, 200, 200, 201),
                    "body": {"json": {"id": "~uuid", "status": "~string"}},
                },
            ),
        ),
        "19-keepalive/keepalive-reuse-after-7s-idle": (
            Told(
                request=Request(
                    method="GET", path="/api/server/ping", send={"keep_open": True}
                ),
                expect={"status": 200, "headers": {"Keep-Alive": "timeout=5"}},
            ),
        ),
        "23-outages/live-duplicate-still-after": (
            Told(
                request=_get("/api/assets/{{L#/id}}"),
                expect={
                    "status": 200,
                    "body": {"json": {"livePhotoVideoId": None}},
                    "partial": True,
                },
            ),
            Told(
                name="live-duplicate-video-after",
                request=_get("/api/assets/{{L-video#/id}}"),
                expect={
                    "status": 200,
                    "body": {"json": {"visibility": "hidden"}},
                    "partial": True,
                },
            ),
        ),
    },
    requests={
        "00-setup/admin-sign-up": {
            "body": {
                "json": {
                    "email": "{{admin.email}}",
                    "password": "{{admin.password}}",
                    "name": "Admin",
                }
            }
        },
        "00-setup/admin-sign-up-again": {
            "body": {
                "json": {
                    "email": "{{admin.email}}",
                    "password": "{{admin.password}}",
                    "name": "Admin",
                }
            },
            "headers": {},
        },
        "00-setup/login": {
            "body": {
                "json": {"email": "{{admin.email}}", "password": "{{admin.password}}"}
            }
        },
        "00-setup/create-user2": {
            "body": {
                "json": {
                    "email": "{{user2.email}}",
                    "password": "{{user2.password}}",
                    "name": "User Two",
                }
            }
        },
        "01-server-auth-errors/wrong-key": {"headers": WRONG_KEY},
        "01-server-auth-errors/wrong-bearer": {
            "headers": {"Authorization": "Bearer not-a-token"}
        },
        "01-server-auth-errors/bad-json": {"body": {"text": '{"albumName":'}},
        "02-upload/upload-bad-key": {"headers": WRONG_KEY},
        "02-upload/upload-boundary-mismatch": {"body": {"parts": DATES}},
        "02-upload/upload-no-file-part": {"body": {"parts": DATES}, "headers": {}},
        "02-upload/upload-file-in-wrong-field": {
            "body": {
                "parts": [*DATES, ["file", _file("x.jpg", "rfc5987", "image/jpeg")]]
            },
            "headers": {},
        },
        "02-upload/upload-two-assetData": {
            "body": {
                "parts": [
                    *DATES,
                    ["assetData", _file("x.jpg", "rfc5987", "image/jpeg")],
                    ["assetData", _file("y.jpg", "rfc5987", "image/jpeg")],
                ]
            },
            "headers": {},
        },
        "03-filenames/fname-star-rfc5987": {
            "body": {
                "parts": [
                    ["fileCreatedAt", "2024-01-01T00:00:00Z"],
                    ["fileModifiedAt", "2024-01-01T00:00:00Z"],
                    [
                        "assetData",
                        {
                            "disposition": "filename*=UTF-8''na%C3%AFve.jpg",
                            "content": "rfc5987",
                            "type": "image/jpeg",
                        },
                    ],
                ],
                "boundary": "BNDRY",
            },
            "headers": {},
        },
        "07-bulk-upload-check/bulk-b64-variants": {
            "body": {
                "json": {
                    "assets": [
                        {"id": "b64-nopad", "checksum": "{{sha1b64nopad:p1}}"},
                        {"id": "b64url", "checksum": "{{sha1b64url:p1}}"},
                    ]
                }
            }
        },
        "07-bulk-upload-check/bulk-1000": {"body": {"checksums": 1000}},
        "07-bulk-upload-check/bulk-5000": {"body": {"checksums": 5000}},
        "07-bulk-upload-check/bulk-50000": {"body": {"checksums": 50_000}},
        "07-bulk-upload-check/bulk-100000": {"body": {"checksums": 100_000}},
        "07b-bulk-limits/bulk-65000": {"body": {"checksums": 65_000}},
        "07b-bulk-limits/bulk-65530": {"body": {"checksums": 65_530}},
        "07b-bulk-limits/bulk-65534": {"body": {"checksums": 65_534}},
        "07b-bulk-limits/bulk-json-over-10MB": {"body": {"filler": 11_360_012}},
        "09-albums/album-add-2000-unknown": {"body": {"uuids": 2000}},
        "20-keys/key-in-query": {"path": "/api/users/me?apiKey={{key:admin}}"},
        "20-keys/key-as-bearer": {"headers": {"Authorization": "Bearer {{key:admin}}"}},
        "20-keys/key-header-upper": {"headers": {"X-API-KEY": "{{key:admin}}"}},
        "20-keys/key-with-spaces": {"headers": {"x-api-key": "  {{key:admin}}  "}},
        "22-more/thumbnail-if-none-match": {
            "headers": {"If-None-Match": "{{load-thumbnail#header:etag}}"}
        },
        # The recorded moment lies after the last change of any asset.
        "22-more/search-updatedAfter": {
            "body": {"json": {"updatedAfter": "2100-01-01T00:00:00.000Z", "size": 5}}
        },
        "22-more/album-add-194-real": ADD_EVERYTHING,
        "22-more/album-add-194-again": ADD_EVERYTHING,
    },
    expectations={
        "02-upload/upload-expect-100": {"continued": True},
        # How many there are depends on the cases that are left out.
        "22-more/album-add-194-real": {"size": None},
        "22-more/album-add-194-again": {"size": None},
    },
    waits={
        "08-trash/force-bulk-check-after-2.5s",
        "10-tags-stacks/tags-list",
        "13-search-media-misc/search-statistics",
        "13-search-media-misc/search-suggestions-city",
        "13-search-media-misc/map-markers",
        "13-search-media-misc/timeline-buckets-uploader",
        "13-search-media-misc/asset-statistics",
    },
    unordered={
        # Sorted as the database was set up to.
        "10-tags-stacks/tags-list",
        "13-search-media-misc/search-suggestions-city",
        "13-search-media-misc/search-cities",
        "13-search-media-misc/map-markers",
        "13-search-media-misc/timeline-bucket",
        "13-search-media-misc/download-info-user",
        "20-keys/users-list",
    },
    types_only={
        # Which of many equally new assets comes first is up to the database.
        "13-search-media-misc/search-random",
        "13-search-media-misc/search-readonly-key",
    },
    varying={
        # They include uploads of cases that are left out.
        "20-keys/key-in-query": {"quotaUsageInBytes"},
        "20-keys/key-header-upper": {"quotaUsageInBytes"},
        "20-keys/key-with-spaces": {"quotaUsageInBytes"},
    },
    last=("21-maintenance",),
    epilogue=(
        _step(
            "maintenance-end",
            Request(
                method="POST",
                path="/api/admin/maintenance",
                key="admin",
                headers={"Cookie": "{{maintenance-start#cookie}}"},
                body={"json": {"action": "end"}},
            ),
            201,
            optional=True,
        ),
    ),
)
"""What the recordings of Immich 3.0.3 leave open."""
