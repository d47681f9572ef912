"""Finding out which files are there, complete and inside an allowed folder."""
