"""Facts read out of files."""
