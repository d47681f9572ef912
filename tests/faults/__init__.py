"""Tests of what must not go wrong when everything else does."""
