"""Tests of the actions, through a whole Home Assistant."""
