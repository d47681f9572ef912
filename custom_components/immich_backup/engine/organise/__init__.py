"""The organise step: where a stored asset goes on the server."""
