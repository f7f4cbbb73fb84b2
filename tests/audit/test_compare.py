"""The comparison of two runs: regressions, improvements, and what cannot be decided."""

from typing import Any

import pytest

from tests.helpers.results import kept, lost, replaced, stored, with_known_f0
from workbench.audit.comparability import audio_facts, difference, stream_facts
from workbench.audit.compare import compare
from workbench.audit.comparison import Pair
from workbench.audit.tolerances import DEFAULT_TOLERANCES, ON_REQUEST, parse_tolerances
from workbench.errors import WorkbenchError
from workbench.records.result import Result, gate_metrics

BEFORE = stored(
    "int8-mixed",
    program__bytes=1_000_000,
    deviation__pitch__p95_cents=1.0,
    deviation__pitch__median_cents=0.0,
    deviation__voicing_flip_rate=0.0,
    truth__variant__rpa50=0.9,
    speed__speedup_p50=5.0,
    speed__speedup_low=4.5,
    speed__speedup_high=5.5,
)
assert BEFORE.program is not None
SHA256 = BEFORE.program.sha256
MANY_CENTS = replaced(BEFORE, "deviation.pitch.p95_cents", 99.0)


def pair_of(after: Result, *tolerances: str, before: Result = BEFORE) -> Pair:
    (pair,) = compare([kept(before)], [kept(after)], parse_tolerances(tolerances)).pairs
    return pair


def verdict_of(after: Result, *tolerances: str) -> str:
    return compare([kept(BEFORE)], [kept(after)], parse_tolerances(tolerances)).verdict


def timed(p50: float, low: float, high: float, sha256: str = "another program") -> Result:
    after = replaced(BEFORE, "program.sha256", sha256)
    for name, value in (("p50", p50), ("low", low), ("high", high)):
        after = replaced(after, f"speed.speedup_{name}", value)
    return after


SLOWER = timed(1.0, 0.9, 1.1)
SLOWER_SAME_PROGRAM = timed(1.0, 0.9, 1.1, SHA256)


def test_compare_equal_results_pass() -> None:
    pair = pair_of(BEFORE)
    assert (pair.changes, pair.figures, pair.regressions, pair.inconclusive, pair.notes) == ((), (), (), (), ())
    assert verdict_of(BEFORE) == "pass"


@pytest.mark.parametrize(
    ("metric", "value", "judgement"),
    [
        ("program.bytes", 1_010_000, "within tolerance"),
        ("program.bytes", 1_010_001, "worse"),
        ("program.bytes", 989_999, "better"),
        ("deviation.pitch.median_cents", 0.01, "within tolerance"),
        ("deviation.pitch.median_cents", 0.011, "worse"),
        ("truth.variant.rpa50", 0.8979, "worse"),
        ("truth.variant.rpa50", 0.8981, "within tolerance"),
        ("truth.variant.rpa50", 0.91, "better"),
        ("deviation.pitch.bias_cents", 9.0, "no tolerance"),
        ("speed.load_ms", 9e9, "no tolerance"),
    ],
)
def test_compare_metric_with_its_tolerance(metric: str, value: float, judgement: str) -> None:
    after = replaced(BEFORE, metric, value)
    pair = pair_of(after)
    (figure,) = pair.figures
    assert (figure.metric, figure.after, figure.judgement) == (metric, value, judgement)
    assert bool(pair.regressions) == (judgement == "worse")
    assert bool(pair.improvements) == (judgement == "better")
    assert verdict_of(after) == ("fail" if judgement == "worse" else "pass")


@pytest.mark.parametrize(
    ("metric", "change"), [("p95_cents", "from 1 to 1.5 (+50%)"), ("median_cents", "from 0 to 1.5")]
)
def test_compare_regression_text(metric: str, change: str) -> None:
    metric = f"deviation.pitch.{metric}"
    assert pair_of(replaced(BEFORE, metric, 1.5)).regressions == (f"{metric} changed {change}, tolerance 0.01 or 10%",)


@pytest.mark.parametrize(
    ("tolerance", "value", "expected"),
    [
        ("program.bytes=0", 1_000_001, "fail"),
        ("program.bytes=50", 1_000_050, "pass"),
        ("program.bytes=50", 1_000_051, "fail"),
        ("program.bytes=20%", 1_200_000, "pass"),
        ("program.bytes = 2e1 %", 1_200_001, "fail"),
    ],
)
def test_tolerance_replaces_the_default(tolerance: str, value: int, expected: str) -> None:
    assert verdict_of(replaced(BEFORE, "program.bytes", value), tolerance) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("program.bytes", "expected METRIC=VALUE"),
        ("program.bytes=-1", "expected METRIC=VALUE"),
        ("program.bytes=nan", "expected METRIC=VALUE"),
        ("program.byts=1", "did you mean 'program.bytes'"),
        ("deviation.frames=1", "neither better if lower nor if higher"),
    ],
)
def test_invalid_tolerance_is_an_error(text: str, message: str) -> None:
    with pytest.raises(WorkbenchError, match=message):
        parse_tolerances([text])


def test_compared_metrics_are_metrics_of_a_result() -> None:
    assert {*DEFAULT_TOLERANCES, *ON_REQUEST} <= set(gate_metrics())
    assert not set(DEFAULT_TOLERANCES) & set(ON_REQUEST)


@pytest.mark.parametrize(
    ("speedup", "judgement"),
    [
        ((4.0, 3.8, 4.4), "worse"),
        ((4.0, 3.8, 4.5), "within tolerance"),
        ((4.6, 4.55, 4.65), "within tolerance"),
        ((9.0, 5.4, 9.9), "within tolerance"),
        ((9.0, 8.0, 9.9), "better"),
    ],
    ids=["apart", "touching", "small", "wide", "faster"],
)
def test_compare_speed_needs_ranges_apart(speedup: tuple[float, float, float], judgement: str) -> None:
    by_metric = {figure.metric: figure for figure in pair_of(timed(*speedup)).figures}
    assert by_metric["speed.speedup_p50"].judgement == judgement


def test_compare_speed_of_an_unchanged_program_is_ignored() -> None:
    """On a busy machine, the speed of the same program changed by 18% between runs, with ranges apart."""
    figures = pair_of(SLOWER_SAME_PROGRAM).figures
    assert {figure.judgement for figure in figures} == {"no tolerance"}
    assert figures[0].why == "same program and libraries, so only the machine changed"
    assert verdict_of(SLOWER_SAME_PROGRAM) == "pass"
    assert verdict_of(replaced(SLOWER_SAME_PROGRAM, "environment.executorch", "9.9")) == "fail"


@pytest.mark.parametrize("tolerance", ["speed.speedup_p50=10%", "speed.speedup_low=0", "speed.load_ms=5%"])
def test_given_speed_tolerance_applies_to_the_same_program(tolerance: str) -> None:
    assert verdict_of(replaced(SLOWER_SAME_PROGRAM, "speed.load_ms", 9e9), tolerance) == "fail"


@pytest.mark.parametrize(("key", "value"), [("cpu", "Another"), ("threads", 2)])
def test_compare_ignores_speed_of_another_machine(key: str, value: Any) -> None:
    pair = pair_of(replaced(SLOWER, f"environment.{key}", value))
    assert pair.regressions == pair.inconclusive == ()
    assert pair.notes == (f"times are not compared: {key} ({getattr(BEFORE.environment, key)} and {value})",)
    assert {figure.judgement for figure in pair.figures} == {"not compared"}


def test_compare_on_other_audio_is_inconclusive() -> None:
    after = MANY_CENTS.replace(audio=BEFORE.audio[:-1])
    pair = pair_of(after)
    assert pair.regressions == ()
    (inconclusive,) = pair.inconclusive
    assert inconclusive.startswith("deviation and accuracy are not compared: scored audio (15 clips ")
    assert verdict_of(after) == "inconclusive"
    assert verdict_of(replaced(after, "program.bytes", 9_000_000)) == "fail"
    (change,) = pair.changes
    assert (change.part, change.key, change.after) == ("audio", f"score {BEFORE.audio[-1].name}", None)


def test_compare_under_another_known_f0_is_inconclusive() -> None:
    before, after = with_known_f0(BEFORE, "a" * 64), with_known_f0(MANY_CENTS, "b" * 64)
    pair = pair_of(after, before=before)
    assert pair.inconclusive[0].startswith("deviation and accuracy are not compared: known f0 (")
    assert {change.key for change in pair.changes} == {f"known f0 of {clip.name}" for clip in BEFORE.audio}
    assert pair_of(with_known_f0(MANY_CENTS, "a" * 64), before=before).regressions


def test_swapped_known_f0_are_different() -> None:
    scored = BEFORE.replace(audio=[clip for clip in BEFORE.audio if clip.role == "score"][:2])
    facts = [audio_facts(with_known_f0(scored, *hashes)) for hashes in (("a" * 64, "b" * 64), ("b" * 64, "a" * 64))]
    assert difference(*facts).startswith("known f0 (")


def test_compare_another_stream_is_undecided() -> None:
    pair = pair_of(replaced(BEFORE, "recipe.resolved.mirror", 0.0))
    assert pair.inconclusive == ("deviation and accuracy are not compared: mirror (1.0 and 0.0)",)
    assert pair.notes == ("times are not compared: mirror (1.0 and 0.0)",)


def test_checkpoint_file_is_identified_by_its_hash() -> None:
    def facts(checkpoint: str, sha256: str) -> Any:
        recipe = replaced(BEFORE, "recipe.resolved.checkpoint", checkpoint)
        return stream_facts(replaced(recipe, "recipe.checkpoint_sha256", sha256))

    first, second = facts("mine.ckpt", "a" * 64), facts("mine.ckpt", "b" * 64)
    assert difference(first, first) == ""
    assert difference(first, second) == "checkpoint (mine.ckpt aaaaaaaa and mine.ckpt bbbbbbbb)"
    packaged = difference(facts("mir-1k_g7", "a" * 64), facts("mir-1k_g7", ""))
    assert packaged == "", "the version of pesto identifies a packaged checkpoint"


def test_compare_with_another_torch_still_decides() -> None:
    after = replaced(MANY_CENTS, "environment.torch", "9.9")
    assert verdict_of(after) == "fail"
    assert [(change.part, change.key) for change in pair_of(after).changes] == [("environment", "torch")]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (BEFORE, lost(BEFORE, "does not lower"), {"regressions": ("program is gone: does not lower",)}),
        (
            lost(BEFORE, "did not lower"),
            BEFORE,
            {"improvements": ("there is a program now, and there was none: did not lower",)},
        ),
        (lost(BEFORE), lost(BEFORE), {"notes": ("neither side has a program: it crashed",)}),
        (
            BEFORE,
            lost(BEFORE).replace(not_run_here="pip install it"),
            {"inconclusive": ("no program was built here: pip install it",)},
        ),
        (
            BEFORE,
            BEFORE.replace(truth=None, null_reasons={"truth": "nothing known"}),
            {
                "inconclusive": (
                    "no value any more for truth.variant.rpa50, truth.variant.rca50, truth.variant.voicing_recall, "
                    "truth.variant.voicing_false_alarm, truth.variant.overall: nothing known",
                )
            },
        ),
    ],
    ids=["program-gone", "program-back", "never-a-program", "not-built-here", "value-gone"],
)
def test_compare_missing_program_or_value(before: Result, after: Result, expected: dict[str, Any]) -> None:
    pair = pair_of(after, before=before)
    for name in ("regressions", "improvements", "inconclusive"):
        assert getattr(pair, name) == expected.get(name, ())
    assert pair.notes == expected.get("notes", pair.notes)


def named(name: str, run: str = "outputs/run") -> Any:
    return kept(replaced(BEFORE, "recipe.name", name), run)


@pytest.mark.parametrize(
    ("before", "after", "pairs", "only_before", "only_after", "verdict"),
    [
        ("ab", "bc", ["b"], ("a",), ("c",), "inconclusive"),
        ("a", "b", ["a -> b"], (), (), "pass"),
        ("ab", "a", ["a"], ("b",), (), "inconclusive"),
        ("a", "ab", ["a"], (), ("b",), "pass"),
    ],
)
def test_compare_pairs_variants_by_name(
    before: str, after: str, pairs: list[str], only_before: tuple[str], only_after: tuple[str], verdict: str
) -> None:
    comparison = compare(list(map(named, before)), list(map(named, after)), {})
    assert [pair.name for pair in comparison.pairs] == pairs
    assert (comparison.only_before, comparison.only_after) == (only_before, only_after)
    assert comparison.verdict == verdict


def test_compare_without_a_pair_is_an_error() -> None:
    with pytest.raises(WorkbenchError, match="a, b and c: no variant is on both sides"):
        compare([named("a"), named("b")], [named("c")], {})
    with pytest.raises(WorkbenchError, match="a is in outputs/run/a and in outputs/other/a"):
        compare([named("a"), named("a", "outputs/other")], [named("a")], {})


def test_compare_lists_changes_of_recipe_and_program() -> None:
    after = replaced(BEFORE, "recipe.resolved.quantization.observer", "histogram")
    after = replaced(after, "recipe.resolved.gates", {})
    after = replaced(after, "program.quantized_ops", {"convolution": 9}).replace(verdict="fail")
    gates = [("recipe", f"gates.{metric}", limit, None) for metric, limit in BEFORE.recipe.resolved["gates"].items()]
    assert BEFORE.program is not None
    ops = [("program", f"quantized_ops.{name}", count, None) for name, count in BEFORE.program.quantized_ops.items()]
    assert [(change.part, change.key, change.before, change.after) for change in pair_of(after).changes] == [
        ("verdict", "by its gates", BEFORE.verdict, "fail"),
        ("recipe", "quantization.observer", BEFORE.recipe.resolved["quantization"]["observer"], "histogram"),
        *gates,
        *ops,
        ("program", "quantized_ops.convolution", None, 9),
    ]
    assert verdict_of(after) == "pass"
