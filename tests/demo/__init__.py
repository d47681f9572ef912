"""Tests of the demonstration home."""
