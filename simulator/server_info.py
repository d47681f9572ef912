"""What the server tells about itself: /server, /system-config, maintenance mode."""

import json
from pathlib import Path
import shutil
from typing import Any

from aiohttp import web

from .errors import not_found
from .formats import IMAGE_TYPES, SIDECAR_EXTENSIONS, VIDEO_TYPES
from .routing import Call, Routes
from .store import Store
from .validation import fields, one_of, record

routes = Routes()

_DEFAULT_CONFIG = Path(__file__).with_name("system_config.json")
_RELEASES = "https://github.com/immich-app/immich/releases"


def system_config(store: Store) -> dict[str, Any]:
    """Return the configuration that an administrator has set, or the default.

    The default is the real one but for machine learning, which nobody has here.
    """
    text = store.setting("system-config") or _DEFAULT_CONFIG.read_text(encoding="utf-8")
    config: dict[str, Any] = json.loads(text)
    return config


@routes.add("GET", "/server/ping", public=True)
async def ping(call: Call) -> dict[str, Any]:
    """Say that the server is there; that is no proof of health."""
    return {"res": "pong"}


@routes.add("GET", "/server/version", public=True)
async def version(call: Call) -> dict[str, Any]:
    """Tell the version."""
    major, minor, patch = (
        int(part) for part in call.backend.faults.version.split(".")[:3]
    )
    told: dict[str, Any] = {"major": major, "minor": minor, "patch": patch}
    return told if major < 3 else {**told, "prerelease": None}


@routes.add("GET", "/server/version-history", public=True)
async def version_history(call: Call) -> list[dict[str, Any]]:
    """Tell since when which version runs."""
    entry = json.loads(call.backend.store.setting("version-history") or "{}")
    return [{**entry, "version": call.backend.faults.version}]


@routes.add("GET", "/server/features", public=True)
async def features(call: Call) -> dict[str, bool]:
    """Tell what is switched on."""
    config = system_config(call.backend.store)
    learning = config["machineLearning"]
    enabled = learning["enabled"]
    return {
        "smartSearch": enabled and learning["clip"]["enabled"],
        "facialRecognition": enabled and learning["facialRecognition"]["enabled"],
        "duplicateDetection": enabled and learning["duplicateDetection"]["enabled"],
        "map": config["map"]["enabled"],
        "reverseGeocoding": config["reverseGeocoding"]["enabled"],
        "importFaces": config["metadata"]["faces"]["import"],
        "sidecar": True,
        "search": True,
        "trash": config["trash"]["enabled"],
        "oauth": config["oauth"]["enabled"],
        "oauthAutoLaunch": config["oauth"]["autoLaunch"],
        "ocr": enabled and learning["ocr"]["enabled"],
        "passwordLogin": config["passwordLogin"]["enabled"],
        "configFile": False,
        "email": config["notifications"]["smtp"]["enabled"],
        "realtimeTranscoding": config["ffmpeg"]["realtime"]["enabled"],
    }


@routes.add("GET", "/server/config", public=True)
async def server_config(call: Call) -> dict[str, Any]:
    """Tell what a client needs before it signs in."""
    if call.backend.faults.maintenance:
        return {"maintenanceMode": True}
    config = system_config(call.backend.store)
    return {
        "loginPageMessage": config["server"]["loginPageMessage"],
        "trashDays": config["trash"]["days"],
        "userDeleteDelay": config["user"]["deleteDelay"],
        "oauthButtonText": config["oauth"]["buttonText"],
        "isInitialized": call.backend.accounts.has_admin(),
        "isOnboarded": False,
        "externalDomain": config["server"]["externalDomain"],
        "publicUsers": config["server"]["publicUsers"],
        "mapDarkStyleUrl": config["map"]["darkStyle"],
        "mapLightStyleUrl": config["map"]["lightStyle"],
        "maintenanceMode": False,
        "minFaces": config["machineLearning"]["facialRecognition"]["minFaces"],
    }


@routes.add("GET", "/server/media-types", public=True)
async def media_types(call: Call) -> dict[str, list[str]]:
    """Tell which extensions the server takes."""
    return {
        "video": list(VIDEO_TYPES),
        "image": list(IMAGE_TYPES),
        "sidecar": list(SIDECAR_EXTENSIONS),
    }


@routes.add("GET", "/server/about", need="server.about")
async def about(call: Call) -> dict[str, Any]:
    """Tell version and origin."""
    tag = f"v{call.backend.faults.version}"
    return {
        "version": tag,
        "versionUrl": f"{_RELEASES}/tag/{tag}",
        "licensed": False,
        "sourceRef": "b9f6c4aaf",
        "sourceCommit": "b9f6c4aaf22fd032cf1cc4357db06fe9ca4e3abc",
        "nodejs": "v24.21.0",
        "exiftool": "13.59",
        "ffmpeg": "5.1.9-0+deb12u1 Copyright (c) 2000-2026 the FFmpeg developers",
        "libvips": "8.17.3",
        "imagemagick": "",
    }


@routes.add("GET", "/server/storage", need="server.storage")
async def storage(call: Call) -> dict[str, Any]:
    """Tell how full the disk is."""
    usage = shutil.disk_usage(call.backend.data_dir)
    return {
        "diskAvailable": _readable(usage.free),
        "diskSize": _readable(usage.total),
        "diskUse": _readable(usage.used),
        "diskAvailableRaw": usage.free,
        "diskSizeRaw": usage.total,
        "diskUseRaw": usage.used,
        "diskUsagePercentage": round(usage.used / usage.total * 100, 2),
    }


def _readable(size: float) -> str:
    units = ["B", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.1f} {units[0]}"


@routes.add("GET", "/server/statistics", need="server.statistics", admin=True)
async def statistics(call: Call) -> dict[str, Any]:
    """Tell how much of what each user has."""
    rows = await call.backend.store.read(
        lambda db: db.execute(
            "SELECT u.id, u.name, u.quota_size, "
            "coalesce(sum(a.type = 'IMAGE'), 0) AS photos, "
            "coalesce(sum(a.type = 'VIDEO'), 0) AS videos, "
            "coalesce(sum(a.size * (a.type = 'IMAGE')), 0) AS usage_photos, "
            "coalesce(sum(a.size * (a.type = 'VIDEO')), 0) AS usage_videos "
            "FROM users u LEFT JOIN assets a ON a.owner_id = u.id "
            "AND a.library_id IS NULL AND a.deleted_at IS NULL "
            "AND a.visibility != 'hidden' "
            "WHERE u.deleted_at IS NULL GROUP BY u.id ORDER BY u.created_at"
        ).fetchall()
    )
    by_user = [
        {
            "userId": row["id"],
            "userName": row["name"],
            "photos": row["photos"],
            "videos": row["videos"],
            "usage": row["usage_photos"] + row["usage_videos"],
            "usagePhotos": row["usage_photos"],
            "usageVideos": row["usage_videos"],
            "quotaSizeInBytes": row["quota_size"],
        }
        for row in rows
    ]
    totals = {
        name: sum(user[name] for user in by_user)
        for name in ("photos", "videos", "usage", "usagePhotos", "usageVideos")
    }
    return {**totals, "usageByUser": by_user}


@routes.add("GET", "/server/apk-links", need="server.apkLinks")
async def apk_links(call: Call) -> dict[str, str]:
    """Tell where the Android app of this version is."""
    base = f"{_RELEASES}/download/v{call.backend.faults.version}"
    return {
        "arm64v8a": f"{base}/app-arm64-v8a-release.apk",
        "armeabiv7a": f"{base}/app-armeabi-v7a-release.apk",
        "universal": f"{base}/app-release.apk",
        "x86_64": f"{base}/app-x86_64-release.apk",
    }


@routes.add("GET", "/server/version-check", need="server.versionCheck")
async def version_check(call: Call) -> dict[str, Any]:
    """Tell whether a newer version is known; nobody looks here."""
    return {"checkedAt": None, "releaseVersion": None}


@routes.add("GET", "/server/license", need="serverLicense.read", admin=True)
async def server_license(call: Call) -> dict[str, Any]:
    """Tell the licence; there is none."""
    raise not_found()


@routes.add("GET", "/system-config", need="systemConfig.read", admin=True)
async def get_system_config(call: Call) -> dict[str, Any]:
    """Tell the configuration."""
    return system_config(call.backend.store)


@routes.add("PUT", "/system-config", need="systemConfig.update", admin=True)
async def put_system_config(call: Call) -> dict[str, Any]:
    """Set the whole configuration; all known sections must be there."""
    names = json.loads(_DEFAULT_CONFIG.read_text(encoding="utf-8"))
    config: dict[str, Any] = call.dto(fields(**dict.fromkeys(names, record())))
    call.backend.store.set_setting("system-config", json.dumps(config))
    return config


@routes.add("POST", "/admin/maintenance", need="maintenance", admin=True)
async def set_maintenance(call: Call) -> web.Response:
    """Start maintenance mode; from then on nearly nothing answers."""
    dto = call.dto(
        fields(
            action=one_of(
                ("start", "end", "select_database_restore", "restore_database")
            )
        )
    )
    call.backend.faults.maintenance = dto["action"] != "end"
    return web.Response(status=201)


@routes.add("GET", "/admin/maintenance/status", public=True)
async def maintenance_status(call: Call) -> dict[str, Any]:
    """Tell whether maintenance mode is on."""
    active = call.backend.faults.maintenance
    return {"active": active, "action": "start" if active else "end"}
