"""What each kind of bad answer means."""

from collections.abc import Callable

import pytest

from custom_components.immich_backup.immich import ImmichClient, errors

from .server import RawServer, answers, brief, http

type Connect = Callable[[str], ImmichClient]

HTML = "<html><head><title>Something went wrong</title></head></html>"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (http(401, {"message": "Invalid API key"}), errors.UnauthorisedError),
        (
            http(403, {"message": "Missing required permission: user.read"}),
            errors.PermissionMissingError,
        ),
        (http(403, {"message": "Forbidden"}), errors.PermissionMissingError),
        (http(403, HTML), errors.ProtocolError),
        (
            http(400, {"message": "Not found or no asset.read access"}),
            errors.NotFoundError,
        ),
        (http(404, {"message": "Not Found"}), errors.NotFoundError),
        (http(404, HTML), errors.ProtocolError),
        (http(413, HTML), errors.TooLargeError),
        (
            http(400, {"message": "Quota has been exceeded!"}),
            errors.QuotaExceededError,
        ),
        (
            http(400, {"message": "Unsupported file type doc.pdf"}),
            errors.UnsupportedError,
        ),
        (http(400, {"message": "File is empty"}), errors.UnsupportedError),
        (
            http(400, {"message": "Validation failed", "errors": []}),
            errors.RefusedError,
        ),
        (http(400, HTML), errors.ProtocolError),
        (http(429, HTML), errors.UnavailableError),
        (http(500, {"message": "Internal server error"}), errors.ServerFailedError),
        (http(500, HTML), errors.ServerFailedError),
        (http(502, HTML), errors.UnavailableError),
        (http(503, HTML), errors.UnavailableError),
        (http(504, HTML), errors.UnavailableError),
        (http(302, headers={"Location": "/x"}), errors.RedirectedError),
        (http(200, HTML), errors.ProtocolError),
        (http(204), errors.ProtocolError),
    ],
    ids=brief,
)
async def test_error_of_an_answer(
    connect: Connect, answer: bytes, error: type[errors.ImmichError]
) -> None:
    """Every answer that is no success comes out as exactly its error."""
    async with RawServer(answers(other=answer)) as server:
        with pytest.raises(errors.ImmichError) as caught:
            await connect(server.address).me()
    assert type(caught.value) is error
