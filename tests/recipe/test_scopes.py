"""Which rule holds for which part."""

import pytest

from workbench.recipe.scopes import pattern_covers, rule_for, unused_patterns


@pytest.mark.parametrize(
    ("pattern", "part", "expected"),
    [
        ("encoder", "encoder", True),
        ("encoder", "encoder.prefilter.1.0", True),
        ("encoder.prefilter.*", "encoder.prefilter.1.0", True),
        ("encoder.prefilter.1", "encoder.prefilter.0.0", False),
        ("encode", "encoder", False),
        ("*", "frontend.group.0", True),
        ("frontend.group.*.project", "frontend.group.2.project", True),
        ("encoder.first", "encoder", False),
    ],
)
def test_a_pattern_covers_a_part_and_all_below(pattern: str, part: str, expected: bool) -> None:
    assert pattern_covers(pattern, part) is expected


def test_the_more_specific_rule_wins_whatever_the_order() -> None:
    rules = {"encoder.first": "none", "encoder": "dynamic", "encoder.*": "static", "*": "other"}
    for order in (rules, dict(reversed(rules.items()))):
        assert rule_for(order, "encoder.first.0") == "none"
        assert rule_for(order, "encoder.prefilter.0.0") == "static"
        assert rule_for(order, "encoder") == "dynamic"
        assert rule_for(order, "confidence.conv") == "other"


def test_no_rule_is_none() -> None:
    assert rule_for({"encoder": "x"}, "confidence.conv") is None


def test_rules_that_cover_nothing_are_named() -> None:
    assert unused_patterns({"encoder": 1, "decoder": 1, "encoder.last": 1}, ["encoder.first.0"]) == [
        "decoder",
        "encoder.last",
    ]


def test_a_rule_that_wins_no_part_is_found() -> None:
    parts = ("encoder.first", "encoder.prefilter.0", "encoder.prefilter.1")
    rules = {"encoder": 1, "encoder.first": 2, "encoder.prefilter": 3, "decoder": 4}
    assert unused_patterns(rules, parts) == ["encoder", "decoder"]
    assert unused_patterns(rules, (*parts, "encoder.narrow")) == ["decoder"]
