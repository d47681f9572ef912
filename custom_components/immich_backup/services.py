"""Registers the actions; what they do is in actions/."""

from homeassistant.core import HomeAssistant, SupportsResponse, callback
from homeassistant.helpers.service import async_register_admin_service

from .actions import controls, files, notifications, organise, runs, upload
from .const import DOMAIN

SERVICE_RUN = "run"
SERVICE_STOP = "stop"
SERVICE_PAUSE = "pause"
SERVICE_RESUME = "resume"
SERVICE_RETRY_FAILED = "retry_failed"
SERVICE_SEND_TEST = "send_test"
SERVICE_ORGANISE = "organise"
SERVICE_UNDO_GEOTAGS = "undo_geotags"
SERVICE_EXPLAIN = "explain"
SERVICE_LIST_FILES = "list_files"
SERVICE_UPLOAD = "upload"


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions; those that take or tell paths for administrators only."""
    for name, handler, schema in (
        (SERVICE_RUN, runs.run, runs.RUN_SCHEMA),
        (SERVICE_STOP, runs.stop, runs.STOP_SCHEMA),
        (SERVICE_PAUSE, controls.pause, controls.PAUSE_SCHEMA),
        (SERVICE_RESUME, controls.resume, controls.RESUME_SCHEMA),
        (SERVICE_RETRY_FAILED, runs.retry_failed, runs.RETRY_SCHEMA),
        (SERVICE_SEND_TEST, notifications.send_test, notifications.TEST_SCHEMA),
        (SERVICE_ORGANISE, organise.organise, organise.ORGANISE_SCHEMA),
        (SERVICE_UNDO_GEOTAGS, organise.undo_geotags, organise.UNDO_GEOTAGS_SCHEMA),
    ):
        hass.services.async_register(
            DOMAIN, name, handler, schema, supports_response=SupportsResponse.OPTIONAL
        )
    for name, handler, schema in (
        (SERVICE_EXPLAIN, files.explain, files.EXPLAIN_SCHEMA),
        (SERVICE_LIST_FILES, files.list_files, files.LIST_SCHEMA),
    ):
        async_register_admin_service(
            hass,
            DOMAIN,
            name,
            handler,
            schema,
            supports_response=SupportsResponse.ONLY,
        )
    async_register_admin_service(
        hass,
        DOMAIN,
        SERVICE_UPLOAD,
        upload.upload,
        upload.UPLOAD_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )
