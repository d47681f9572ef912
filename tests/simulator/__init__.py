"""Tests of the simulated server, where the contract table cannot tell."""
