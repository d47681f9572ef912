"""Tests of the readers of photos and videos."""
