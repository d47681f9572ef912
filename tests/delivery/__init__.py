"""Tests of how a message reaches its targets."""
