"""Contract of the Immich API: exchanges of a real server, replayed against any server."""
