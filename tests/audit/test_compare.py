"""The comparison of two runs: regressions, improvements, and what is inconclusive."""

from typing import Any

import pytest

from tests.helpers.records.results import kept, lost, natively, replaced, stored, with_known_f0
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
CPU = BEFORE.environment.cpu


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
        ("speed.load_ms", 9e9, "worse", "speed.load_ms=5%"),
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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *((text, "expected METRIC=VALUE") for text in ("program.bytes", "program.bytes=-1", "program.bytes=nan")),
        ("program.byts=1", "did you mean 'program.bytes'"),
        ("deviation.frames=1", "has no better direction"),
    ],
)
def test_invalid_tolerance_is_an_error(text: str, message: str) -> None:
    with pytest.raises(WorkbenchError, match=message):
        parse_tolerances([text])


def test_compared_metrics_are_metrics_of_a_result() -> None:
    assert {*DEFAULT_TOLERANCES, *ON_REQUEST} <= set(gate_metrics())
    assert not set(DEFAULT_TOLERANCES) & set(ON_REQUEST)


@pytest.mark.parametrize(
    ("after", "tolerance", "judgement", "why"),
    [
        (timed(4.0, 3.8, 4.4), "", "worse", ""),
        (timed(4.0, 3.8, 4.5), "", "within tolerance", "the ranges over the rounds overlap"),
        (timed(4.6, 4.55, 4.65), "", "within tolerance", ""),
        (timed(9.0, 5.4, 9.9), "", "within tolerance", "the ranges over the rounds overlap"),
        (timed(9.0, 8.0, 9.9), "", "better", ""),
        (SLOWER_SAME_PROGRAM, "", "no tolerance", "same program and libraries, so only the machine changed"),
        (SLOWER_SAME_PROGRAM, "speed.speedup_p50=10%", "worse", ""),
        (replaced(SLOWER_SAME_PROGRAM, "environment.executorch", "9.9"), "", "worse", ""),
        (replaced(SLOWER, "environment.cpu", "Another"), "", "not compared", f"cpu ({CPU} and Another)"),
    ],
    ids=["apart", "touching", "small", "wide", "faster", "same-program", "given", "other-library", "other-machine"],
)
def test_compare_speed_needs_ranges_apart(after: Result, tolerance: str, judgement: str, why: str) -> None:
    """On a busy machine, the speed of the same program changed by 18% between runs, with ranges apart."""
    pair, verdict = compared(after, *filter(None, [tolerance]))
    by_metric = {figure.metric: figure for figure in pair.figures}
    assert (by_metric["speed.speedup_p50"].judgement, by_metric["speed.speedup_p50"].why) == (judgement, why)
    assert verdict == ("fail" if judgement == "worse" else "pass")


def natively_timed(p50: float, sha256: str = "another program", spread: float = 0.1) -> Result:
    return replaced(natively(BEFORE, p50, spread), "program.sha256", sha256)


@pytest.mark.parametrize(
    ("after", "tolerance", "judgement", "verdict", "lines"),
    [
        (natively_timed(8.0), "", "worse", "fail", []),
        (natively_timed(12.0), "", "better", "pass", []),
        (natively_timed(8.0, spread=2.0), "", "within tolerance", "pass", []),
        (natively_timed(8.0, BEFORE.program.sha256), "", "no tolerance", "pass", []),
        (BEFORE, "", "gone", "pass", ["native times are not compared: the record does not state it; "]),
        (BEFORE, "speed.native.speedup_p50=5%", "gone", "inconclusive", ["no value any more for speed.native.", "nat"]),
    ],
    ids=["slower", "faster", "ranges-overlap", "same-program", "not-timed", "not-timed-and-required"],
)
def test_compare_native_speed(after: Result, tolerance: str, judgement: str, verdict: str, lines: list[str]) -> None:
    pair, found = compared(after, *filter(None, [tolerance]), before=natively(BEFORE, 10.0))
    by_metric = {figure.metric: figure for figure in pair.figures}
    assert (by_metric["speed.native.speedup_p50"].judgement, found) == (judgement, verdict)
    said = [*pair.inconclusive, *pair.notes]
    assert all(line.startswith(start) for line, start in zip(said, lines, strict=True))


LOST = lost(BEFORE, "no lowering")
UNTRUE = BEFORE.replace(truth=None, null_reasons={"truth": "nothing known"})
WORSE = replaced(BEFORE, "deviation.pitch.p95_cents", 1.5)
FROM_ZERO = replaced(BEFORE, "deviation.pitch.median_cents", 1.5)
KNOWN_F0 = with_known_f0(BEFORE, "a" * 64)
OTHER_AUDIO = WORSE.replace(audio=BEFORE.audio[:-1])
OTHER_MIRROR = replaced(SLOWER, "recipe.resolved.mirror", 0.0)
LARGER_ON_OTHER_AUDIO = replaced(OTHER_AUDIO, "program.bytes", 9_000_000)
NO_TRUTH = "truth.variant.rpa50, truth.variant.rca50, truth.variant.voicing_recall, truth.variant.voicing_false_alarm"
TOLERANCE = "tolerance 0.01 or 10%"
BARRED = "inconclusive: deviation and accuracy are not compared: "
PAIRS: dict[str, tuple[Result, Result, str, *tuple[str, ...]]] = {
    "program-gone": (BEFORE, LOST, "fail", "regressions: program is gone: no lowering"),
    "program-back": (LOST, BEFORE, "pass", "improvements: there is a program now, and there was none: no lowering"),
    "never-a-program": (LOST, LOST, "pass", "notes: neither side has a program: no lowering"),
    "not-built": (BEFORE, LOST.replace(not_run_here="x"), "inconclusive", "inconclusive: no program was built here: x"),
    "values-gone": (BEFORE, UNTRUE, "inconclusive", f"inconclusive: no value any more for {NO_TRUTH}, "),
    "from-zero": (
        *(BEFORE, FROM_ZERO, "fail"),
        f"regressions: deviation.pitch.median_cents changed from 0 to 1.5, {TOLERANCE}",
    ),
    "threads": (BEFORE, replaced(SLOWER, "environment.threads", 2), "pass", "notes: times are not compared: threads ("),
    "audio": (BEFORE, OTHER_AUDIO, "inconclusive", f"{BARRED}scored audio (15 clips "),
    "known-f0": (KNOWN_F0, with_known_f0(WORSE, "b" * 64), "inconclusive", f"{BARRED}known f0 ("),
    "same-known-f0": (
        *(KNOWN_F0, with_known_f0(WORSE, "a" * 64), "fail"),
        f"regressions: deviation.pitch.p95_cents changed from 1 to 1.5 (+50%), {TOLERANCE}",
    ),
    "mirror": (
        BEFORE,
        OTHER_MIRROR,
        "inconclusive",
        f"{BARRED}mirror (1.0 and 0.0)",
        "notes: times are not compared: ",
    ),
    "worse-bytes": (BEFORE, LARGER_ON_OTHER_AUDIO, "fail", "regressions: program.bytes changed from ", BARRED),
}


@pytest.mark.parametrize("case", PAIRS.values(), ids=PAIRS)
def test_compare_says_what_changed(case: tuple[Result, Result, str, *tuple[str, ...]]) -> None:
    before, after, verdict, *starts = case
    pair, found = compared(after, before=before)
    kinds = ("regressions", "improvements", "inconclusive", "notes")
    lines = [f"{kind}: {line}" for kind in kinds for line in getattr(pair, kind)]
    assert [line[: len(start)] for line, start in zip(lines, starts, strict=True)] == starts
    assert found == verdict


def test_known_f0_belongs_to_its_clip() -> None:
    scored = BEFORE.replace(audio=[clip for clip in BEFORE.audio if clip.role == "score"][:2])
    facts = [audio_facts(with_known_f0(scored, *hashes)) for hashes in (("a" * 64, "b" * 64), ("b" * 64, "a" * 64))]
    assert difference(*facts).startswith("known f0 (")


@pytest.mark.parametrize(
    ("checkpoint", "sha256s", "expected"),
    [
        ("mine.ckpt", ("a" * 64, "a" * 64), ""),
        ("mine.ckpt", ("a" * 64, "b" * 64), "checkpoint (mine.ckpt aaaaaaaa and mine.ckpt bbbbbbbb)"),
        ("mir-1k_g7", ("a" * 64, ""), ""),  # the version of pesto identifies a packaged checkpoint
    ],
)
def test_checkpoint_file_is_identified_by_its_hash(checkpoint: str, sha256s: tuple[str, str], expected: str) -> None:
    recipe = replaced(BEFORE, "recipe.resolved.checkpoint", checkpoint)
    facts = [stream_facts(replaced(recipe, "recipe.checkpoint_sha256", sha256)) for sha256 in sha256s]
    assert difference(*facts) == expected


def named(name: str, run: str = "outputs/run") -> Any:
    return kept(replaced(BEFORE, "recipe.name", name), run)


@pytest.mark.parametrize(
    ("before", "after", "pairs", "only_before", "only_after", "verdict"),
    [
        ("ab", "bc", ["b"], ("a",), ("c",), "inconclusive"),
        ("a", "b", ["a -> b"], (), (), "pass"),
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


def test_compare_lists_changes_of_each_part() -> None:
    before = with_known_f0(BEFORE, "a" * 64)
    after = with_known_f0(before.replace(audio=BEFORE.audio[:-1]), "b" * 64, "a" * 64).replace(verdict="fail")
    for path, value in (
        ("recipe.resolved.quantization.observer", "histogram"),
        ("recipe.resolved.gates", {}),
        ("environment.torch", "9.9"),
        ("program.quantized_ops", {"other": 9}),
    ):
        after = replaced(after, path, value)
    assert BEFORE.program is not None
    first, last = BEFORE.audio[0], BEFORE.audio[-1]
    pair, _ = compared(after, before=before)
    assert [(change.part, change.key, change.before, change.after) for change in pair.changes] == [
        ("verdict", "by its gates", BEFORE.verdict, "fail"),
        ("recipe", "quantization.observer", BEFORE.recipe.resolved["quantization"]["observer"], "histogram"),
        *(("recipe", f"gates.{name}", limit, None) for name, limit in BEFORE.recipe.resolved["gates"].items()),
        ("environment", "torch", BEFORE.environment.torch, "9.9"),
        ("audio", f"{last.role} {last.name}", last.sha256, None),
        ("audio", f"known f0 of {first.name}", "a" * 64, "b" * 64),
        ("audio", f"known f0 of {last.name}", "a" * 64, None),
        *(("program", f"quantized_ops.{name}", count, None) for name, count in BEFORE.program.quantized_ops.items()),
        ("program", "quantized_ops.other", None, 9),
    ]
