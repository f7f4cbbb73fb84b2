"""Which clips a pattern matches, and which rule applies to a part of the model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.recipe.patterns import clip_matches, pattern_covers, rule_for, unused_patterns


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("sung/*", "sung/calibrate/scales", False),
        ("sung/*/*", "sung/calibrate/scales", True),
        ("synthetic/score/vib?ato-*", "synthetic/score/vibrato-alto", True),
        ("sung/v*", "sung/Verse", False),
        ("sung/take [1]", "sung/take [1]", True),
        ("sung/take [1]", "sung/take 1", True),
    ],
)
def test_clip_matches_component_by_component(pattern: str, name: str, expected: bool) -> None:
    assert clip_matches(pattern, name) is expected


@pytest.mark.parametrize(
    ("pattern", "part", "expected"),
    [
        ("encoder", "encoder.prefilter.1.0", True),
        ("encoder.prefilter.*", "encoder.prefilter.1.0", True),
        ("encoder.prefilter.1", "encoder.prefilter.0.0", False),
        ("encode", "encoder", False),
        ("*", "frontend.group.0", True),
        ("frontend.group.*.project", "frontend.group.2.project", True),
        ("encoder.first", "encoder", False),
        ("encoder.prefilter.*.frequency.>=8", "encoder.prefilter.0.0.frequency.8", True),
        ("encoder.prefilter.*.frequency.>=8", "encoder.prefilter.9.0.frequency.7", False),
        ("encoder.prefilter.*.frequency.<10", "encoder.prefilter.0.0.frequency.9", True),
        ("encoder.prefilter.>0.<=0.frequency.>7", "encoder.prefilter.1.0.frequency.27", True),
        ("encoder.prefilter.>0", "encoder.prefilter.0.0.frequency.27", False),
        ("encoder.>=0", "encoder.first", False),
        ("frontend.group.<2", "frontend.group.1.expand", True),
    ],
)
def test_pattern_covers_a_part_and_all_below(pattern: str, part: str, expected: bool) -> None:
    assert pattern_covers(pattern, part) is expected


@pytest.mark.parametrize(
    ("part", "from_general_to_specific"),
    [
        ("encoder.first.0", ["*", "e*", "encoder", "encoder.*", "encoder.first"]),
        ("encoder.prefilter.12", ["encoder", "encoder.*", "encoder.pre*", "encoder.prefilter.[0-9]*"]),
        ("encoder.f.9", ["encoder.f", "encoder.f.*", "encoder.f.<20", "encoder.f.>=4", "encoder.f.>7", "encoder.f.9"]),
        ("encoder.first", ["encoder.[a-z]*", "encoder.f*", "encoder.f[!0-9]*", "encoder.fi[]a-z]*", "encoder.firs?"]),
    ],
)
@given(data=st.data())
def test_most_specific_rule_applies_in_any_order(
    part: str, from_general_to_specific: list[str], data: st.DataObject
) -> None:
    patterns = data.draw(st.permutations(from_general_to_specific))
    for count in range(1, len(patterns) + 1):
        rules = {pattern: pattern for pattern in patterns[:count]} | {"confidence": "other"}
        assert rule_for(rules, part) == max(patterns[:count], key=from_general_to_specific.index)
    assert rule_for({"encoder.narrow": "none"}, part) is None


@pytest.mark.parametrize(
    ("parts", "unused"),
    [
        (["encoder.first", "encoder.prefilter.0", "encoder.prefilter.1"], ["encoder", "decoder"]),
        (["encoder.first", "encoder.prefilter.0", "encoder.narrow"], ["decoder"]),
        (["encoder.narrow"], ["encoder.first", "encoder.prefilter", "decoder"]),
    ],
)
def test_unused_patterns(parts: list[str], unused: list[str]) -> None:
    """A pattern is unused if it covers no part, or if a more specific one applies to each part that it covers."""
    assert unused_patterns(["encoder", "encoder.first", "encoder.prefilter", "decoder"], parts) == unused
