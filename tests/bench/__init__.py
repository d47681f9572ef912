"""Tests of the benchmarks: that they run and what they tell, not how fast."""
