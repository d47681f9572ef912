"""Tests of the Immich client: real HTTP on the loopback interface."""
