"""Tests of the Immich Backup integration."""
