"""Measurements of the engine, each beside a reference in the same run."""
