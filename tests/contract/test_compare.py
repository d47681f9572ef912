"""Tests that differences are found, and only differences."""

from typing import Any

import pytest

from .compare import differences

UUID = "aaaaaaaa-0000-4000-8000-000000000002"


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": "~string?"}, {"a": None}),
        ({"a": "~any"}, {"a": [1]}),
        ("~uuid", UUID),
        ("~time", "2026-11-21T07:20:09.904176+00:00"),
        ("2024-05-01T10:00:00.000Z", "2024-05-01T12:00:00+02:00"),
        (48.8584, 48.85840001),
        ([1, 2], [1, 2]),
        ({"~each": {"id": "~uuid"}, "~length": 1, "~ids": [UUID]}, [{"id": UUID}]),
        ({"~set": ["a", "b"]}, ["b", "a"]),
        (None, None),
        ({"~each": {"a": 1}}, [{"a": 1, "b": 2}]),
    ],
)
def test_the_same(expected: Any, actual: Any) -> None:
    """These are as expected."""
    assert list(differences(expected, actual)) == []


@pytest.mark.parametrize(
    ("expected", "actual", "line"),
    [
        ({"a": 1}, {}, "/: key 'a' is missing"),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, "/a/b: expected 'x', got 'y'"),
        ({"a": 1}, [], "/: expected an object, got []"),
        ("~string", None, "/: expected string, got None"),
        ("~number", True, "/: expected number, got True"),
        ("~boolean", 1, "/: expected boolean, got 1"),
        ("~uuid", "x", "/: expected uuid, got 'x'"),
        ("~time", "yesterday", "/: expected time, got 'yesterday'"),
        ("~list", {}, "/: expected list, got {}"),
        ("~object", [], "/: expected object, got []"),
        (True, 1, "/: expected True, got 1"),
        (0, False, "/: expected 0, got False"),
        (None, "", "/: expected None, got ''"),
        (1.5, 1.6, "/: expected 1.5, got 1.6"),
        ([1, 2], [1], "/: 1 elements, expected 2"),
        ([1], [2], "/0: expected 1, got 2"),
        ([], None, "/: expected a list, got None"),
        (
            "2024-05-01T10:00:00.000Z",
            "2024-05-01T10:00:01.000Z",
            "/: expected '2024-05-01T10:00:00.000Z', got '2024-05-01T10:00:01.000Z'",
        ),
        ({"~each": "~string"}, ["a", 1], "/1: expected string, got 1"),
        ({"~each": "~string"}, None, "/: expected a list, got None"),
        ({"~each": "~any", "~length": 2}, [1], "/: 1 elements, expected 2"),
        (
            {"~each": "~any", "~ids": ["a"]},
            [{"id": "b"}],
            "/: ids: missing ['a'], too many ['b']",
        ),
        ({"~set": ["a"]}, ["b"], "/: missing ['a'], too many ['b']"),
        ({"~set": ["a"]}, None, "/: expected a list, got None"),
    ],
)
def test_a_difference(expected: Any, actual: Any, line: str) -> None:
    """Each of these is told in one line."""
    assert list(differences(expected, actual)) == [line]


@pytest.mark.parametrize(
    ("expected", "actual", "line"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, "/: too many keys ['b']"),
        (
            "2024-05-01T10:00:00.000Z",
            "2024-05-01T12:00:00+02:00",
            "/: expected '2024-05-01T10:00:00.000Z', got '2024-05-01T12:00:00+02:00'",
        ),
    ],
)
def test_a_strict_difference(expected: Any, actual: Any, line: str) -> None:
    """Strictly compared, too much is a difference, too."""
    assert list(differences(expected, actual)) == []
    assert list(differences(expected, actual, strict=True)) == [line]
