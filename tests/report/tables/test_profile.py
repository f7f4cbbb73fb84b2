from pathlib import Path
from typing import Any

import pytest

from tests.helpers.records.profile_figures import COSTS, made_up_peaks, made_up_recording
from workbench.measure.operators.figures import kind_figures, layer_figures
from workbench.measure.spread import Spread
from workbench.records.profile import Profile
from workbench.report.tables.profile import kind_cells, layer_cells, next_lines, peak_lines, print_profile, sum_lines

LAYERS = layer_figures(made_up_recording(), COSTS, made_up_peaks()) or ()


def steady(value: float) -> Spread:
    return Spread(p50=value, low=value, high=value)


def test_cells_of_layers_and_kinds() -> None:
    _, prefilter, model = map(layer_cells, LAYERS)
    assert list(prefilter.values()) == [
        *("encoder.prefilter.0", "80.7%", "2", "105.0 (105.0–105.0)", "4.0", "60.0", "multiply-adds"),
        *("55%", "49.0", "230,000", "1,100"),
    ]
    assert [name for name, text in model.items() if text == "–"] == ["bound", "set by", "efficiency", "above bound"]
    (longest, *_) = map(kind_cells, kind_figures(made_up_recording()))
    assert list(longest.values()) == ["Fully Connected (NC, F32) GEMM", "88.9%", "2", "120.0 (120.0–120.0)", "60.00"]


@pytest.mark.parametrize(
    ("section", "values", "words"),
    [
        ("totals", {"difference": steady(-0.0123)}, "the difference is -1.2%"),
        ("totals", {"program_us": steady(200.0), "recorded_us": steady(240.0)}, "recording   40.0 µs more"),
        ("peaks", {"int8_over_float32": steady(1.29)}, "int8 saves bytes here, not time"),
        ("peaks", {"int8_over_float32": steady(1.3)}, "int8 can save time here"),
        ("instructions", ("fma", "avx2"), "processor has fma, avx2; no dot product of 8-bit integers (avx512_vnni, "),
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


def test_next_lines_begin_with_the_layer_furthest_above_its_bound(profile: Profile) -> None:
    further = LAYERS[1].replace(above_bound_us=100.0)
    totals = profile.totals.replace(program_us=steady(500.0))
    assert next_lines(profile.replace(layers=(LAYERS[1].replace(name="nearer"), further), totals=totals)) == [
        "1. encoder.prefilter.0: 100.0 of 109.0 µs are above its bound (set by multiply-adds), 20% of the program",
        "2. nearer: 49.0 of 109.0 µs are above its bound (set by multiply-adds), 10% of the program",
    ]


def test_print_profile_ends_with_the_paths(profile: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    print_profile(profile, Path("out"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == profile.title
    assert lines[-2:] == ["  record   out/profile.json", "  picture  out/profile.png"]
    print_profile(profile.replace(layers=None, null_reasons={"layers": "operator 2 is another one"}), Path("out"))
    assert "  operator 2 is another one" in capsys.readouterr().out.splitlines()


def test_stored_profile_adds_up(profile: Profile) -> None:
    totals = profile.totals
    assert totals.operators + totals.kernels == len(profile.operators) == sum(kind.operators for kind in profile.kinds)
    assert abs(totals.difference.p50) < 0.1
    layers = profile.layers or ()
    assert sum(layer.share for layer in layers) == pytest.approx(1 - totals.call_us.p50 / totals.sum_us.p50, abs=0.02)
    assert {layer.name for layer in layers} >= {"encoder.norm", "encoder.prefilter.0", "encoder.toeplitz", "reduce"}
