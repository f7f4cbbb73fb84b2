from pathlib import Path

import pytest

from workbench.measure.operators.figures import PartFigures
from workbench.measure.operators.layer_costs import Layer
from workbench.measure.operators.roofline import Bound
from workbench.measure.spread import Spread
from workbench.records.profile import Profile
from workbench.report.tables.profile import layer_cells, next_lines, part_cells, peak_lines, print_profile, sum_lines


def steady(value: float) -> Spread:
    return Spread(p50=value, low=value, high=value)


PART = PartFigures(
    name="encoder",
    us=steady(2010.0),
    net_us=steady(2000.0),
    share=0.858,
    macs=5_000_000,
    weight_bytes=11_000,
    bound=Bound(macs_us=1500.0, read_us=1.0, us=1500.0, by="multiply-adds"),
    efficiency=0.75,
    above_bound_us=500.0,
    layers=(),
)


def test_part_cells_of_a_part() -> None:
    assert part_cells(PART) == {
        "part": "encoder",
        "share": "85.8%",
        "net (µs)": "2000.0 (2000.0–2000.0)",
        "as timed": "2010.0",
        "bound": "1500.0",
        "set by": "multiply-adds",
        "efficiency": "75%",
        "above bound": "500.0",
        "multiply-adds": "5,000,000",
        "bytes": "11,000",
    }


def test_part_cells_have_a_dash_for_each_missing_number() -> None:
    missing = ("net_us", "share", "bound", "efficiency", "above_bound_us")
    bare = PART.model_copy(update=dict.fromkeys(missing) | {"null_reasons": dict.fromkeys(missing, "no multiply-add")})
    assert list(part_cells(bare).values()).count("–") == 6


def layer(name: str, macs: int, size: int) -> Layer:
    return Layer(name=name, dtype="float32", macs=macs, bytes=size)


def test_layer_cells_join_many_layers_that_differ_by_a_number() -> None:
    many = [layer(f"a.group.{index}.project", index, 2) for index in range(9)]
    few = [layer(f"a.narrow.{index}", 1, 1) for index in range(8)]
    first, *others = layer_cells([*many, *few])
    assert first == {
        "layer": "a.group.*.project (9 layers)",
        "type": "float32",
        "multiply-adds": "36",
        "bytes": "18",
    }
    assert [row["layer"] for row in others] == [f"a.narrow.{index}" for index in range(8)]


@pytest.mark.parametrize(
    ("explained", "words"),
    [
        (Spread(p50=1.01, low=0.98, high=1.03), "the difference is within the spread over rounds"),
        (steady(0.5), "500.0 µs are in no part"),
        (steady(2.0), "lowering them together saves 1000.0 µs"),
    ],
)
def test_sum_lines_explain_the_difference(explained: Spread, words: str, profile: Profile) -> None:
    totals = profile.totals.model_copy(update={"explained": explained, "program_us": steady(1000.0)})
    _, _, line, _ = sum_lines(profile.model_copy(update={"totals": totals}))
    assert line.endswith(f"{explained.text()} of the program; {words}")


@pytest.mark.parametrize(("ratio", "words"), [(1.29, "int8 saves bytes here, not time"), (1.3, "int8 can save time")])
def test_peak_lines_name_what_int8_saves(ratio: float, words: str, profile: Profile) -> None:
    peaks = profile.peaks.model_copy(update={"int8_over_float32": steady(ratio)})
    assert words in peak_lines(profile.model_copy(update={"peaks": peaks}))[2]


@pytest.mark.parametrize(
    ("instructions", "words"),
    [
        (("fma", "avx2"), "processor has fma, avx2; no dot product of 8-bit integers (avx512_vnni, "),
        (("fma", "avx_vnni"), "processor has fma, avx_vnni"),
        ((), "processor has none of the known vector instructions; no dot product"),
        (None, ""),
    ],
)
def test_peak_lines_name_the_instructions(instructions: tuple[str, ...] | None, words: str, profile: Profile) -> None:
    line = peak_lines(profile.model_copy(update={"instructions": instructions}))[-1]
    assert line.startswith(words)
    assert line.startswith("processor") == bool(words)


def test_next_lines_begin_with_the_part_furthest_above_its_bound(profile: Profile) -> None:
    nearer = PART.model_copy(update={"name": "frontend", "above_bound_us": 200.0})
    totals = profile.totals.model_copy(update={"program_us": steady(2500.0)})
    assert next_lines(profile.model_copy(update={"parts": (nearer, PART), "totals": totals})) == [
        "1. encoder: 500.0 of 2000.0 µs are above its bound (set by multiply-adds), 20% of the program",
        "2. frontend: 200.0 of 2000.0 µs are above its bound (set by multiply-adds), 8% of the program",
    ]


def test_print_profile_ends_with_the_paths(profile: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    print_profile(profile, Path("out"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == profile.title
    assert f"  {profile.null_reasons['events']}" in lines
    assert lines[-2:] == ["  record   out/profile.json", "  picture  out/profile.png"]
