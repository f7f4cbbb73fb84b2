"""The comparison of two runs: regressions, improvements, and what is inconclusive."""

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
MANY_CENTS = replaced(BEFORE, "deviation.pitch.p95_cents", 99.0)


def compared(after: Result, *tolerances: str, before: Result = BEFORE) -> tuple[Pair, str]:
    comparison = compare([kept(before)], [kept(after)], parse_tolerances(tolerances))
    (pair,) = comparison.pairs
    return pair, comparison.verdict


def timed(p50: float, low: float, high: float, sha256: str = "another program") -> Result:
    speed = BEFORE.speed and BEFORE.speed.replace(speedup_p50=p50, speedup_low=low, speedup_high=high)
    return replaced(BEFORE.replace(speed=speed), "program.sha256", sha256)


SLOWER = timed(1.0, 0.9, 1.1)
SLOWER_SAME_PROGRAM = timed(1.0, 0.9, 1.1, BEFORE.program.sha256)


@pytest.mark.parametrize(
    ("metric", "value", "judgement", "tolerance"),
    [
        ("program.bytes", 1_010_000, "within tolerance", ""),
        ("program.bytes", 1_010_001, "worse", ""),
        ("program.bytes", 989_999, "better", ""),
        ("deviation.pitch.median_cents", 0.01, "within tolerance", ""),
        ("deviation.pitch.median_cents", 0.011, "worse", ""),
        ("truth.variant.rpa50", 0.8979, "worse", ""),
        ("truth.variant.rpa50", 0.8981, "within tolerance", ""),
        ("truth.variant.rpa50", 0.91, "better", ""),
        ("deviation.pitch.bias_cents", 9.0, "no tolerance", ""),
        ("speed.load_ms", 9e9, "no tolerance", ""),
        ("program.bytes", 1_000_001, "worse", "program.bytes=0"),
        ("program.bytes", 1_000_050, "within tolerance", "program.bytes=50"),
        ("program.bytes", 1_000_051, "worse", "program.bytes=50"),
        ("program.bytes", 1_200_000, "within tolerance", "program.bytes=20%"),
        ("program.bytes", 1_200_001, "worse", "program.bytes = 2e1 %"),
    ],
)
def test_compare_metric_with_its_tolerance(metric: str, value: float, judgement: str, tolerance: str) -> None:
    pair, verdict = compared(replaced(BEFORE, metric, value), *filter(None, [tolerance]))
    (figure,) = pair.figures
    assert (figure.metric, figure.after, figure.judgement) == (metric, value, judgement)
    assert (bool(pair.regressions), bool(pair.improvements)) == (judgement == "worse", judgement == "better")
    assert verdict == ("fail" if judgement == "worse" else "pass")


def test_compare_regression_has_its_share() -> None:
    after = replaced(replaced(BEFORE, "deviation.pitch.p95_cents", 1.5), "deviation.pitch.median_cents", 1.5)
    assert compared(after)[0].regressions == (
        "deviation.pitch.median_cents changed from 0 to 1.5, tolerance 0.01 or 10%",
        "deviation.pitch.p95_cents changed from 1 to 1.5 (+50%), tolerance 0.01 or 10%",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *((text, "expected METRIC=VALUE") for text in ("program.bytes", "program.bytes=-1", "program.bytes=nan")),
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
    by_metric = {figure.metric: figure for figure in compared(timed(*speedup))[0].figures}
    assert by_metric["speed.speedup_p50"].judgement == judgement


def test_compare_speed_of_an_unchanged_program_is_ignored() -> None:
    """On a busy machine, the speed of the same program changed by 18% between runs, with ranges apart."""
    pair, verdict = compared(SLOWER_SAME_PROGRAM)
    assert ({figure.judgement for figure in pair.figures}, verdict) == ({"no tolerance"}, "pass")
    assert pair.figures[0].why == "same program and libraries, so only the machine changed"
    assert compared(replaced(SLOWER_SAME_PROGRAM, "environment.executorch", "9.9"))[1] == "fail"
    for tolerance in ("speed.speedup_p50=10%", "speed.speedup_low=0", "speed.load_ms=5%"):  # given: it applies
        assert compared(replaced(SLOWER_SAME_PROGRAM, "speed.load_ms", 9e9), tolerance)[1] == "fail"


@pytest.mark.parametrize(("key", "value"), [("cpu", "Another"), ("threads", 2)])
def test_compare_ignores_speed_of_another_machine(key: str, value: Any) -> None:
    pair, _ = compared(replaced(SLOWER, f"environment.{key}", value))
    assert pair.regressions == pair.inconclusive == ()
    assert pair.notes == (f"times are not compared: {key} ({getattr(BEFORE.environment, key)} and {value})",)
    assert {figure.judgement for figure in pair.figures} == {"not compared"}


@pytest.mark.parametrize(
    ("before", "after", "reason", "change"),
    [
        (
            BEFORE,
            MANY_CENTS.replace(audio=BEFORE.audio[:-1]),
            *("scored audio (15 clips ", ("audio", f"score {BEFORE.audio[-1].name}")),
        ),
        (
            with_known_f0(BEFORE, "a" * 64),
            with_known_f0(MANY_CENTS, "b" * 64),
            *("known f0 (", ("audio", f"known f0 of {BEFORE.audio[-1].name}")),
        ),
        (
            BEFORE,
            replaced(MANY_CENTS, "recipe.resolved.mirror", 0.0),
            *("mirror (1.0 and 0.0)", ("recipe", "mirror")),
        ),
    ],
    ids=["audio", "known-f0", "stream"],
)
def test_compare_with_another_baseline_is_inconclusive(
    before: Result, after: Result, reason: str, change: tuple[str, str]
) -> None:
    pair, verdict = compared(after, before=before)
    assert (pair.regressions, verdict) == ((), "inconclusive")
    assert pair.inconclusive[0].startswith(f"deviation and accuracy are not compared: {reason}")
    assert (pair.changes[-1].part, pair.changes[-1].key) == change
    assert ("times are not compared: mirror (1.0 and 0.0)" in pair.notes) == (change == ("recipe", "mirror"))
    assert compared(replaced(after, "program.bytes", 9_000_000), before=before)[1] == "fail"


def test_known_f0_belongs_to_its_clip() -> None:
    scored = BEFORE.replace(audio=[clip for clip in BEFORE.audio if clip.role == "score"][:2])
    facts = [audio_facts(with_known_f0(scored, *hashes)) for hashes in (("a" * 64, "b" * 64), ("b" * 64, "a" * 64))]
    assert difference(*facts).startswith("known f0 (")
    assert compared(with_known_f0(MANY_CENTS, "a" * 64), before=with_known_f0(BEFORE, "a" * 64))[1] == "fail"


def test_checkpoint_file_is_identified_by_its_hash() -> None:
    def facts(checkpoint: str, sha256: str) -> Any:
        recipe = replaced(BEFORE, "recipe.resolved.checkpoint", checkpoint)
        return stream_facts(replaced(recipe, "recipe.checkpoint_sha256", sha256))

    first, second = facts("mine.ckpt", "a" * 64), facts("mine.ckpt", "b" * 64)
    assert difference(first, first) == ""
    assert difference(first, second) == "checkpoint (mine.ckpt aaaaaaaa and mine.ckpt bbbbbbbb)"
    packaged = difference(facts("mir-1k_g7", "a" * 64), facts("mir-1k_g7", ""))
    assert packaged == "", "the version of pesto identifies a packaged checkpoint"


@pytest.mark.parametrize(
    ("before", "after", "kind", "line", "verdict"),
    [
        (BEFORE, lost(BEFORE, "no lowering"), "regressions", "program is gone: no lowering", "fail"),
        (
            *(lost(BEFORE, "no lowering"), BEFORE, "improvements"),
            *("there is a program now, and there was none: no lowering", "pass"),
        ),
        (lost(BEFORE), lost(BEFORE), "notes", "neither side has a program: it crashed", "pass"),
        (
            *(BEFORE, lost(BEFORE).replace(not_run_here="install it"), "inconclusive"),
            *("no program was built here: install it", "inconclusive"),
        ),
        (
            *(BEFORE, BEFORE.replace(truth=None, null_reasons={"truth": "nothing known"}), "inconclusive"),
            "no value any more for truth.variant.rpa50, truth.variant.rca50, truth.variant.voicing_recall, "
            "truth.variant.voicing_false_alarm, truth.variant.overall: nothing known",
            "inconclusive",
        ),
    ],
    ids=["program-gone", "program-back", "never-a-program", "not-built-here", "value-gone"],
)
def test_compare_missing_program_or_value(before: Result, after: Result, kind: str, line: str, verdict: str) -> None:
    pair, found = compared(after, before=before)
    lines = {name: getattr(pair, name) for name in ("regressions", "improvements", "inconclusive", "notes")}
    assert {name: found for name, found in lines.items() if found} == {kind: (line,)}
    assert found == verdict


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
    after = replaced(after, "environment.torch", "9.9")
    after = replaced(after, "program.quantized_ops", {"convolution": 9}).replace(verdict="fail")
    pair, verdict = compared(after)
    assert BEFORE.program is not None
    assert verdict == "pass"
    assert [(change.part, change.key, change.before, change.after) for change in pair.changes] == [
        ("verdict", "by its gates", BEFORE.verdict, "fail"),
        ("recipe", "quantization.observer", BEFORE.recipe.resolved["quantization"]["observer"], "histogram"),
        *(("recipe", f"gates.{name}", limit, None) for name, limit in BEFORE.recipe.resolved["gates"].items()),
        ("environment", "torch", BEFORE.environment.torch, "9.9"),  # still compared
        *(("program", f"quantized_ops.{name}", count, None) for name, count in BEFORE.program.quantized_ops.items()),
        ("program", "quantized_ops.convolution", None, 9),
    ]
