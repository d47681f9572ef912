"""Tests of the engine, driven alone."""
