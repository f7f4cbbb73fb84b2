import re
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.profile_figures import layer, profile_figures
from workbench.measure.operators.events import Event
from workbench.measure.spread import Spread
from workbench.records.profile import Profile
from workbench.report.tables.profile import layer_cells, next_lines, part_cells, peak_lines, print_profile, sum_lines

PARTS = profile_figures().parts
FUSED = ("fma", "avx2")


def steady(value: float) -> Spread:
    return Spread(p50=value, low=value, high=value)


def test_part_cells_have_a_dash_for_each_missing_number() -> None:
    _, without_macs, encoder, _ = map(part_cells, PARTS)
    assert encoder.items() >= {
        ("part", "encoder"),
        ("net (µs)", "2000.0 (2000.0–2000.0)"),
        ("as timed", "2010.0"),
        ("set by", "multiply-adds"),
        ("multiply-adds", "5,000,000"),
        ("bytes", "11,000"),
    }
    missing = [name for name, text in without_macs.items() if text == "–"]
    assert missing == ["bound", "set by", "efficiency", "above bound"]


def test_layer_cells_join_many_layers_that_differ_by_a_number() -> None:
    many = [layer(f"a.group.{index}.project", index, 2) for index in range(9)]
    few = [layer(f"a.narrow.{index}", 1, 1) for index in range(8)]
    first, *others = layer_cells([*many, *few])
    assert list(first.values()) == ["a.group.*.project (9 layers)", "float32", "36", "18"]
    assert [row["layer"] for row in others] == [f"a.narrow.{index}" for index in range(8)]


@pytest.mark.parametrize(
    ("section", "values", "words"),
    [
        ("totals", {"explained": Spread(p50=1.01, low=0.98, high=1.03)}, "the difference is within the spread"),
        ("totals", {"explained": steady(0.5), "program_us": steady(1000.0)}, "500.0 µs are in no part"),
        ("totals", {"explained": steady(2.0), "program_us": steady(1000.0)}, "together saves 1000.0 µs"),
        ("peaks", {"int8_over_float32": steady(1.29)}, "int8 saves bytes here, not time"),
        ("peaks", {"int8_over_float32": steady(1.3)}, "int8 can save time here"),
        ("instructions", FUSED, "processor has fma, avx2; no dot product of 8-bit integers (avx512_vnni, "),
        ("instructions", (), "processor has none of the known vector instructions; no dot product"),
    ],
)
def test_lines_explain_sum_peaks_and_instructions(section: str, values: Any, words: str, profile: Profile) -> None:
    changed = values if section == "instructions" else getattr(profile, section).replace(**values)
    profile = profile.replace(**{section: changed})
    assert words in "\n".join([*sum_lines(profile), *peak_lines(profile)])


def test_peak_lines_without_a_lack_of_instructions(profile: Profile) -> None:
    for instructions, end in ((("fma", "avx_vnni"), "processor has fma, avx_vnni"), (None, "between calls")):
        known = profile.model_copy(update={"instructions": instructions})
        assert peak_lines(known)[-1].endswith(end)


def test_next_lines_begin_with_the_part_furthest_above_its_bound(profile: Profile) -> None:
    encoder = PARTS[2].replace(above_bound_us=500.0)
    nearer = encoder.replace(name="frontend", above_bound_us=200.0)
    totals = profile.totals.replace(program_us=steady(2500.0))
    assert next_lines(profile.replace(parts=(nearer, encoder), totals=totals)) == [
        "1. encoder: 500.0 of 2000.0 µs are above its bound (set by multiply-adds), 20% of the program",
        "2. frontend: 200.0 of 2000.0 µs are above its bound (set by multiply-adds), 8% of the program",
    ]


def test_print_profile_ends_with_the_paths(profile: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    print_profile(profile, Path("out"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == profile.title
    assert f"  {profile.null_reasons['events']}" in lines
    assert lines[-2:] == ["  record   out/profile.json", "  picture  out/profile.png"]
    events = tuple(Event(name=f"operator {number}", p50_us=100 + number) for number in range(200))
    print_profile(profile.replace(events=events, null_reasons={}), Path("out"))
    printed = capsys.readouterr().out
    assert "the 20 longest of 200 events" in printed
    assert re.findall(r"operator (\d+) +(\S+)", printed) == [(str(n), f"{100 + n}.0") for n in range(199, 179, -1)]
