"""What stops the demonstration, in words for the person who started it."""


class DemoError(Exception):
    """Something that the person can read and act on."""
