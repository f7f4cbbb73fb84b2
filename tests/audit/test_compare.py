"""Two runs held against each other: what is a regression, what is none, and what cannot be told."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from click.testing import Result as CliResult

from tests.helpers.results import MEASURED, kept, lost, replaced, stored, with_known_f0, written
from workbench.audit.comparability import audio_facts, difference, stream_facts
from workbench.audit.compare import compare
from workbench.audit.comparison import Comparison, Pair
from workbench.audit.tolerances import DEFAULT_TOLERANCES, ON_REQUEST, parse_tolerances
from workbench.cli import main
from workbench.errors import WorkbenchError
from workbench.records.result import Result, read_record

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


def pair(after: Result, *tolerances: str, before: Result = BEFORE) -> Pair:
    comparison = compare([kept(before)], [kept(after)], parse_tolerances(tolerances))
    (only,) = comparison.pairs
    return only


def verdict(after: Result, *tolerances: str) -> str:
    return compare([kept(BEFORE)], [kept(after)], parse_tolerances(tolerances)).verdict


def with_values(*changes: tuple[str, Any]) -> Result:
    after = BEFORE
    for path, value in changes:
        after = replaced(after, path, value)
    return after


def test_nothing_changed() -> None:
    same = pair(BEFORE)
    assert (same.changes, same.figures, same.regressions, same.undecided, same.notes) == ((), (), (), (), ())
    assert verdict(BEFORE) == "pass"


@pytest.mark.parametrize(
    ("path", "value", "judgement"),
    [
        ("program.bytes", 1_010_000, "within tolerance"),
        ("program.bytes", 1_010_001, "worse"),
        ("program.bytes", 989_999, "better"),
        ("deviation.pitch.p95_cents", 1.09, "within tolerance"),
        ("deviation.pitch.p95_cents", 1.11, "worse"),
        ("deviation.pitch.p95_cents", 0.89, "better"),
        ("deviation.pitch.median_cents", 0.01, "within tolerance"),
        ("deviation.pitch.median_cents", 0.011, "worse"),
        ("deviation.voicing_flip_rate", 0.0011, "worse"),
        ("deviation.nonfinite_frames", 1, "worse"),
        ("truth.variant.rpa50", 0.8979, "worse"),
        ("truth.variant.rpa50", 0.8981, "within tolerance"),
        ("truth.variant.rpa50", 0.91, "better"),
        ("deviation.pitch.bias_cents", 9.0, "no tolerance"),
        ("speed.load_ms", 9e9, "no tolerance"),
    ],
)
def test_a_figure_is_held_in_its_direction_beyond_its_tolerance(path: str, value: float, judgement: str) -> None:
    found = pair(with_values((path, value)))
    (figure,) = found.figures
    assert (figure.metric, figure.after, figure.judgement) == (path, value, judgement)
    assert bool(found.regressions) == (judgement == "worse")
    assert bool(found.improvements) == (judgement == "better")
    assert verdict(with_values((path, value))) == ("fail" if judgement == "worse" else "pass")


def test_a_regression_in_words() -> None:
    assert pair(with_values(("deviation.pitch.p95_cents", 1.5))).regressions == (
        "deviation.pitch.p95_cents changed from 1 to 1.5 (+50%), tolerance 0.01 or 10%",
    )
    assert pair(with_values(("deviation.pitch.median_cents", 0.5))).regressions == (
        "deviation.pitch.median_cents changed from 0 to 0.5, tolerance 0.01 or 10%",
    )


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
def test_a_tolerance_given_replaces_the_default(tolerance: str, value: int, expected: str) -> None:
    assert verdict(with_values(("program.bytes", value)), tolerance) == expected


def test_a_figure_that_is_not_held_can_be() -> None:
    slow = with_values(("speed.load_ms", 9e9), ("program.sha256", "other"))
    assert verdict(slow, "speed.load_ms=50%") == "fail"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("program.bytes", "expected METRIC=VALUE or METRIC=10%"),
        ("program.bytes=-1", "expected METRIC=VALUE or METRIC=10%"),
        ("program.bytes=nan", "expected METRIC=VALUE or METRIC=10%"),
        ("program.byts=1", "program.byts is not a metric of the record (did you mean 'program.bytes'?)"),
        ("deviation.frames=1", "deviation.frames is neither better if lower nor if higher"),
    ],
)
def test_a_tolerance_that_is_none(text: str, message: str) -> None:
    with pytest.raises(WorkbenchError) as error:
        parse_tolerances([text])
    assert str(error.value).startswith(f"--tolerance {text}: {message}")


def test_what_is_held_are_metrics() -> None:
    from workbench.records.result import gate_metrics

    assert {*DEFAULT_TOLERANCES, *ON_REQUEST} <= set(gate_metrics())
    assert not set(DEFAULT_TOLERANCES) & set(ON_REQUEST)


# --- speed


def timed(p50: float, low: float, high: float) -> Result:
    speeds = ("speed.speedup_p50", p50), ("speed.speedup_low", low), ("speed.speedup_high", high)
    return with_values(*speeds, ("program.sha256", "other"))


@pytest.mark.parametrize(
    ("times", "judgement"),
    [
        ((4.0, 3.8, 4.4), "worse"),
        ((4.0, 3.8, 4.5), "within tolerance"),
        ((4.6, 4.55, 4.65), "within tolerance"),
        ((9.0, 5.4, 9.9), "within tolerance"),
        ((9.0, 8.0, 9.9), "better"),
    ],
    ids=["apart", "touching", "small", "wide", "faster"],
)
def test_a_speed_moves_only_where_the_spreads_are_apart(times: tuple[float, float, float], judgement: str) -> None:
    found = {figure.metric: figure for figure in pair(timed(*times)).figures}
    assert found["speed.speedup_p50"].judgement == judgement


def test_the_same_program_on_the_same_libraries_is_no_slower() -> None:
    """Its times moved with the machine: seen, on a busy one, by 18% from run to run with spreads apart."""
    assert BEFORE.program is not None
    same = replaced(timed(1.0, 0.9, 1.1), "program.sha256", BEFORE.program.sha256)
    found = {figure.metric: figure for figure in pair(same).figures}
    assert {figure.judgement for figure in found.values()} == {"no tolerance"}
    assert found["speed.speedup_p50"].why == "same program and libraries, so only the machine changed"
    assert verdict(same) == "pass"
    assert verdict(replaced(same, "environment.executorch", "9.9")) == "fail"


@pytest.mark.parametrize("tolerance", ["speed.speedup_p50=10%", "speed.speedup_low=0", "speed.load_ms=5%"])
def test_a_tolerance_given_holds_for_the_same_program_too(tolerance: str) -> None:
    assert BEFORE.program is not None
    same = replaced(timed(1.0, 0.9, 1.1), "program.sha256", BEFORE.program.sha256)
    assert verdict(replaced(same, "speed.load_ms", 9e9), tolerance) == "fail"


@pytest.mark.parametrize(("path", "value"), [("environment.cpu", "Another"), ("environment.threads", 2)])
def test_times_of_another_machine_are_left_out(path: str, value: Any) -> None:
    after = replaced(timed(1.0, 0.9, 1.1), path, value)
    found = pair(after)
    assert found.regressions == found.undecided == ()
    key = path.removeprefix("environment.")
    old = BEFORE.environment.cpu if key == "cpu" else BEFORE.environment.threads
    assert found.notes == (f"times are not compared: {key} ({old} and {value})",)
    assert {figure.judgement for figure in found.figures} == {"not compared"}
    assert verdict(after) == "pass"


# --- what does not compare, or is gone


def test_deviations_on_other_audio_are_undecided() -> None:
    after = with_values(("deviation.pitch.p95_cents", 99.0), ("audio", BEFORE.audio[:-1]))
    found = pair(after)
    assert found.regressions == ()
    assert len(found.undecided) == 1
    assert found.undecided[0].startswith("deviation and accuracy are not compared: scored audio (15 clips ")
    assert verdict(after) == "inconclusive"
    assert verdict(replaced(after, "program.bytes", 9_000_000)) == "fail"
    (change,) = found.changes
    assert (change.part, change.key, change.after) == ("audio", f"score {BEFORE.audio[-1].name}", None)


def test_deviations_under_another_annotation_are_undecided() -> None:
    before, after = with_known_f0(BEFORE, "a" * 64), with_known_f0(BEFORE, "b" * 64)
    moved = replaced(after, "deviation.pitch.p95_cents", 99.0)
    found = pair(moved, before=before)
    assert found.undecided[0].startswith("deviation and accuracy are not compared: known f0 (")
    assert {change.key for change in found.changes} == {f"known f0 of {clip.name}" for clip in BEFORE.audio}
    assert pair(replaced(before, "deviation.pitch.p95_cents", 99.0), before=before).regressions


def test_annotations_that_changed_places_are_others() -> None:
    scored = [clip for clip in BEFORE.audio if clip.role == "score"][:2]
    one = [clip.model_copy(update={"f0_sha256": letter * 64}) for clip, letter in zip(scored, "ab", strict=True)]
    other = [clip.model_copy(update={"f0_sha256": letter * 64}) for clip, letter in zip(scored, "ba", strict=True)]
    facts = [audio_facts(BEFORE.model_copy(update={"audio": tuple(audio)})) for audio in (one, other)]
    assert difference(*facts).startswith("known f0 (")


def test_what_cannot_be_made_here_is_no_regression() -> None:
    found = pair(lost(BEFORE, "not installed").model_copy(update={"not_run_here": "pip install it"}))
    assert found.regressions == ()
    assert found.undecided == ("no program was built here: pip install it",)


def test_another_stream_is_undecided_and_its_times_are_left_out() -> None:
    found = pair(with_values(("recipe.resolved.mirror", 0.0)))
    assert found.undecided == ("deviation and accuracy are not compared: mirror (1.0 and 0.0)",)
    assert found.notes == ("times are not compared: mirror (1.0 and 0.0)",)


def test_another_torch_still_compares() -> None:
    """A new library is what a reference is kept for."""
    after = with_values(("environment.torch", "9.9"), ("deviation.pitch.p95_cents", 99.0))
    assert verdict(after) == "fail"
    assert [(change.part, change.key) for change in pair(after).changes] == [("environment", "torch")]


def test_a_program_that_is_gone_is_a_regression() -> None:
    found = pair(lost(BEFORE, "it does not lower"))
    assert found.regressions == ("program is gone: it does not lower",)
    assert found.undecided == ()
    back = pair(BEFORE, before=lost(BEFORE, "it did not lower"))
    assert back.regressions == ()
    assert back.improvements == ("there is a program now, and there was none: it did not lower",)
    never = pair(lost(BEFORE), before=lost(BEFORE))
    assert (never.regressions, never.notes) == ((), ("neither side has a program: it crashed",))


def test_a_figure_that_has_no_value_any_more_is_undecided() -> None:
    after = BEFORE.model_copy(update={"truth": None, "null_reasons": {"truth": "nothing known"}})
    assert pair(after).undecided == (
        "no value any more for truth.variant.rpa50, truth.variant.rca50, truth.variant.voicing_recall, "
        "truth.variant.voicing_false_alarm, truth.variant.overall: nothing known",
    )
    assert verdict(after) == "inconclusive"


# --- pairs


def named(name: str) -> Any:
    return kept(replaced(BEFORE, "recipe.name", name))


def names(comparison: Comparison) -> tuple[list[str], tuple[str, ...], tuple[str, ...]]:
    return [pair.name for pair in comparison.pairs], comparison.only_before, comparison.only_after


def test_variants_are_paired_by_name_and_one_with_one_whatever_they_are_called() -> None:
    assert names(compare([named("a"), named("b")], [named("b"), named("c")], {})) == (["b"], ("a",), ("c",))
    assert names(compare([named("a")], [named("b")], {})) == (["a -> b"], (), ())


def test_a_variant_that_is_missing_is_undecided_and_a_new_one_is_not() -> None:
    assert compare([named("a"), named("b")], [named("a")], {}).verdict == "inconclusive"
    assert compare([named("a")], [named("a"), named("b")], {}).verdict == "pass"


def test_what_cannot_be_paired() -> None:
    with pytest.raises(WorkbenchError) as error:
        compare([named("a"), named("b")], [named("c")], {})
    assert str(error.value) == "a, b and c: no variant is on both sides; name the folders of two variants"
    with pytest.raises(WorkbenchError) as error:
        compare([named("a"), kept(replaced(BEFORE, "recipe.name", "a"), "outputs/other")], [named("a")], {})
    assert str(error.value) == "a is in outputs/run/a and in outputs/other/a; name one run on each side"


def test_what_changed_in_the_recipe_and_the_program() -> None:
    after = with_values(
        ("recipe.resolved.quantization.observer", "histogram"),
        ("recipe.resolved.gates", {}),
        ("program.quantized_ops", {"convolution": 9}),
        ("verdict", "fail"),
    )
    gates = [("recipe", f"gates.{metric}", limit, None) for metric, limit in BEFORE.recipe.resolved["gates"].items()]
    assert BEFORE.program is not None
    ops = {**BEFORE.program.quantized_ops, "convolution": None}  # int8-mixed has Linears alone
    assert [(one.part, one.key, one.before, one.after) for one in pair(after).changes] == [
        ("verdict", "by its gates", BEFORE.verdict, "fail"),
        ("recipe", "quantization.observer", BEFORE.recipe.resolved["quantization"]["observer"], "histogram"),
        *gates,
        *(("program", f"quantized_ops.{op}", count, 9 if op == "convolution" else None) for op, count in ops.items()),
    ]
    assert verdict(after) == "pass"


# --- the command


def command(*words: str | Path) -> CliResult:
    result = CliRunner().invoke(main, ["compare", *map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_a_run_against_a_stored_reference(tmp_path: Path) -> None:
    reference = MEASURED / "int8-mixed.json"
    record = read_record(reference)
    folder = written(record, tmp_path)
    result = command(reference, folder)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "int8-mixed: nothing changed\n", "")
    written(replaced(record, "deviation.pitch.p95_cents", 0.99), tmp_path)
    result = command(reference, tmp_path)
    assert result.exit_code == 1
    first, second = result.stdout.splitlines()
    assert first == "int8-mixed: 1 regression"
    assert second.startswith("  regression   deviation.pitch.p95_cents changed from 0.")


def test_int8_mixed_against_int8_naive() -> None:
    result = command(MEASURED / "int8-mixed.json", MEASURED / "int8-naive.json")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == "int8-mixed -> int8-naive: 1 regression"
    assert lines[1].startswith("  regression   program is gone: ")
    assert "  recipe       quantization.everywhere: false -> true" in lines
    assert not any(line.startswith(("  number", "  program")) for line in lines)


def test_json(tmp_path: Path) -> None:
    written(replaced(BEFORE, "program.bytes", 2_000_000), tmp_path / "b")
    result = command(written(BEFORE, tmp_path / "a"), tmp_path / "b", "--format", "json")
    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["verdict"]) == (1, "fail")
    assert answer["pairs"][0]["figures"] == [
        {
            "metric": "program.bytes",
            "before": 1e6,
            "after": 2e6,
            "judgement": "worse",
            "tolerance": "1%",
            "why": "",
        }
    ]


def test_github_annotations_are_escaped(tmp_path: Path) -> None:
    """As actions/toolkit escapes them: % and line ends in a message, in a title also : and the comma."""
    first = written(replaced(BEFORE, "recipe.name", "rates@rate=16k,mirror=0"), tmp_path / "a")
    after = replaced(lost(BEFORE, "50% of it:\nlost, all"), "recipe.name", "rates@rate=16k,mirror=0")
    result = command(first, written(after, tmp_path / "b"), "--format", "github")
    assert result.exit_code == 1
    assert result.stdout == (
        "::error title=rates@rate=16k%2Cmirror=0%3A regression::program is gone: 50%25 of it:%0Alost, all\n"
    )
    better = replaced(BEFORE, "program.bytes", 10)
    result = command(first, written(better, tmp_path / "c"), "--format", "github")
    assert result.stdout.startswith(
        "::notice title=rates@rate=16k%2Cmirror=0 -> int8-mixed%3A improvement::program.bytes"
    )
    assert command(first, first, "--format", "github").stdout == "no regression\n"


def test_a_variant_that_is_missing_is_a_warning(tmp_path: Path) -> None:
    for name in ("one", "two"):
        written(replaced(BEFORE, "recipe.name", name), tmp_path / "a")
    written(replaced(BEFORE, "recipe.name", "one"), tmp_path / "b")
    result = command(tmp_path / "a", tmp_path / "b", "--format", "github")
    assert (result.exit_code, result.stdout) == (3, "::warning title=two::only in A; not compared\n")


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    result = command(tmp_path, tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"error: {tmp_path}: has no result.json; `workbench run` writes one for each variant\n"


def test_a_checkpoint_file_is_known_by_its_bytes() -> None:
    def made(checkpoint: str, sha256: str) -> Result:
        recipe = BEFORE.recipe.model_copy(
            update={"resolved": {**BEFORE.recipe.resolved, "checkpoint": checkpoint}, "checkpoint_sha256": sha256}
        )
        return BEFORE.model_copy(update={"recipe": recipe})

    def differ(one: Result, other: Result) -> str:
        return difference(stream_facts(one), stream_facts(other))

    mine, other = made("mine.ckpt", "a" * 64), made("mine.ckpt", "b" * 64)
    assert differ(mine, mine) == ""
    assert differ(mine, other) == "checkpoint (mine.ckpt aaaaaaaa and mine.ckpt bbbbbbbb)"
    assert differ(made("mir-1k_g7", "a" * 64), made("mir-1k_g7", "")) == "", "pesto's version tells a packaged one"
