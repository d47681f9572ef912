"""What the tests of the benchmarks share."""

from tests.demo.conftest import demo_environment  # noqa: F401
