"""A whole home in one command: Home Assistant, an Immich server and sample photos."""
