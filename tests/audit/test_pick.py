"""Picking one of many: who wins by which objective, why, and what is refused."""

import hashlib
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner
from click.testing import Result as CliResult

from tests.helpers.results import kept, lost, replaced, stored, with_known_f0, written
from workbench.audit.explain import Choice, Objective
from workbench.audit.pick import pick
from workbench.cli import main
from workbench.cli.pick import OBJECTIVES
from workbench.errors import WorkbenchError
from workbench.records.result import Result
from workbench.records.run_folders import StoredResult


def variant(name: str, cents: float, size: int, p50: float, spread: float = 0.1, **values: Any) -> Result:
    return stored(
        renamed=name,
        deviation__pitch__p95_cents=cents,
        program__bytes=size,
        speed__speedup_p50=p50,
        speed__speedup_low=p50 - spread,
        speed__speedup_high=p50 + spread,
        floor__pitch__p95_cents=0.1,
        recipe__resolved__gates={"deviation.pitch.p95_cents": "<= 10"},
        verdict="pass",
        **values,
    )


ACCURATE = variant("accurate", 0.5, 4000, 2.0)
SMALL = variant("small", 8.0, 1000, 3.0)
FAST = variant("fast", 4.0, 3000, 8.0)
MIDDLE = variant("middle", 1.0, 1500, 6.0)
WORSE = variant("worse", 9.0, 5000, 1.0)
ALL = [kept(record) for record in (ACCURATE, SMALL, FAST, MIDDLE, WORSE)]


def winner(choice: Choice) -> str | None:
    return choice.winner and choice.winner.name


@pytest.mark.parametrize(
    ("objective", "name", "why"),
    [
        (
            "smallest",
            "small",
            "small has the fewest bytes of the 5 that pass: 1,000 bytes; next on the front is middle with 1,500 bytes",
        ),
        (
            "most-accurate",
            "accurate",
            "accurate deviates least in pitch (p95) of the 4 on the front: 0.5000 cents; next on the front is middle "
            "with 1.0000 cents",
        ),
        (
            "fastest",
            "fast",
            "fast has the largest median speedup of the 4 on the front: 8.00 (7.90–8.10); next on the front "
            "is middle with 6.00 (5.90–6.10)",
        ),
        (
            "balanced",
            "middle",
            "middle is nearest to the ideal point (0 is best on all three axes, 1.73 is worst on all) of the 4 on the "
            "front: 0.44; next on the front is fast with 1.09",  # by hand: 1/4, log 1.5 / log 4, log(4/3) / log 4
        ),
    ],
)
def test_each_objective_has_its_winner(objective: Objective, name: str, why: str) -> None:
    choice = pick(ALL, objective)
    assert (winner(choice), choice.why) == (name, (why,))
    assert choice.front[0] == choice.winner
    assert {one.name for one in choice.front} == {"accurate", "small", "fast", "middle"}
    (dominated,) = choice.dominated
    assert (dominated.candidate.name, dominated.by) == ("worse", ("accurate", "small", "fast", "middle"))
    assert dominated.how == "accurate is more accurate and smaller and faster, and not worse on any axis"


def test_the_options_of_the_command_are_the_objectives() -> None:
    assert get_args(Objective) == OBJECTIVES


def test_a_speed_within_the_spread_is_not_claimed() -> None:
    """The larger median wins, but nobody is told that it is faster; dominated by one that is smaller, it does not."""
    rival = variant("rival", 3.0, 4000, 7.9, spread=0.5)
    choice = pick([kept(FAST), kept(rival)], "fastest")
    assert winner(choice) == "fast"
    assert choice.why[1:] == ("not shown to be faster than rival: the ranges over the rounds overlap",)
    smaller = variant("smaller", 3.0, 2000, 7.9, spread=0.5)
    choice = pick([kept(FAST), kept(smaller)], "fastest")
    assert winner(choice) == "smaller"
    assert choice.why == (
        "smaller is the only one on the front of the 2 that pass",
        "not shown to be faster than fast: the ranges over the rounds overlap",
    )


def test_a_deviation_below_the_floor_is_not_claimed() -> None:
    choice = pick([kept(variant("a", 0.01, 4000, 3.0)), kept(variant("b", 0.02, 2000, 2.0))], "most-accurate")
    assert winner(choice) == "a"
    assert choice.why[1:] == (
        "not shown to sound better than b: all deviate less than 16-bit dither on the input causes (0.1000 cents)",
    )


def test_a_deviation_below_the_floor_does_not_decide_who_is_dominated() -> None:
    choice = pick([kept(variant("a", 0.01, 4000, 2.0)), kept(variant("b", 0.02, 2000, 2.0))], "most-accurate")
    assert (winner(choice), [one.name for one in choice.front]) == ("b", ["b"])
    (dominated,) = choice.dominated
    assert (dominated.candidate.name, dominated.how) == ("a", "b is smaller, and not worse on any axis")
    assert dominated.candidate.pitch_p95_cents == 0.01
    assert choice.why[1].startswith("not shown to sound better than a: ")


def test_the_only_one() -> None:
    choice = pick([kept(FAST)], "balanced")
    assert (winner(choice), choice.why) == ("fast", ("fast is the only one that passes",))


def test_what_does_not_pass_is_rejected_with_its_reasons() -> None:
    failing = SMALL.model_copy(update={"verdict": "fail", "reasons": ("too wrong",)})
    doubtful = MIDDLE.model_copy(update={"verdict": "inconclusive", "reasons": ("too few voiced frames",)})
    gone = replaced(lost(ACCURATE), "reasons", ("it crashed",))
    choice = pick([kept(failing), kept(doubtful), kept(gone), kept(FAST)], "smallest")
    assert winner(choice) == "fast"
    assert [(one.name, one.verdict, one.reasons) for one in choice.rejected] == [
        ("small", "fail", ("too wrong",)),
        ("middle", "inconclusive", ("too few voiced frames",)),
        ("accurate", "fail", ("it crashed",)),
    ]


def test_one_that_passes_without_a_pitch_cannot_be_placed() -> None:
    pitch = FAST.deviation and FAST.deviation.pitch.model_copy(
        update={"p95_cents": None, "null_reasons": {"p95_cents": "no voiced frame"}}
    )
    choice = pick([kept(replaced(FAST, "deviation.pitch", pitch))], "smallest")
    assert choice.winner is None
    assert choice.rejected[0].verdict == "inconclusive"
    assert choice.rejected[0].reasons == ("deviation.pitch.p95_cents has no value: no voiced frame",)
    assert choice.why == ("none of 1 passes, 1 inconclusive",)


def test_gates_given_judge_again() -> None:
    choice = pick(ALL, "smallest", {"deviation.pitch.p95_cents": "<= 5", "speed.speedup_p50": ">= 6.05"})
    assert winner(choice) == "fast"
    verdicts = {one.name: (one.verdict, one.reasons) for one in choice.rejected}
    assert verdicts["small"][0] == "fail"
    assert verdicts["small"][1][0] == "deviation.pitch.p95_cents is 8 (limit <= 5)"
    assert verdicts["middle"] == (
        "inconclusive",
        (
            "speed.speedup_p50 is 6 (limit >= 6.05), but the limit is within the 10th to 90th percentile of its rounds "
            "(5.9 to 6.1); time with more rounds, or on an idle machine",
        ),
    )


def test_pick_a_pass_by_an_older_rule_is_judged_again() -> None:
    """Without a gate on the pitch it once passed."""
    record = replaced(FAST, "recipe.resolved.gates", {"program.bytes": "<= 100_000_000"})
    choice = pick([kept(record), kept(SMALL)], "fastest")
    assert winner(choice) == "small"
    assert [(one.name, one.verdict) for one in choice.rejected] == [("fast", "inconclusive")]
    assert choice.warnings == (
        "judged again, with other verdicts than the stored ones: fast is inconclusive (stored: pass)",
    )
    failed = SMALL.model_copy(update={"verdict": "fail", "reasons": ("no",)})
    assert pick([kept(failed)], "fastest").rejected[0].verdict == "fail"


def test_its_own_gates_hold_beside_those_given_and_null_takes_one_away() -> None:
    gates = {"program.bytes": "<= 10", "deviation.pitch.p95_cents": "<= 9"}
    gated = replaced(FAST, "recipe.resolved", {**FAST.recipe.resolved, "gates": gates})
    assert pick([kept(gated)], "smallest", {}).winner is None
    assert winner(pick([kept(gated)], "smallest", {"program.bytes": None})) == "fast"


# --- what does not compare


def of_other(kind: str) -> StoredResult:
    record = {
        "rate": lambda: replaced(SMALL, "recipe.resolved.sample_rate_hz", 16000),
        "mirror": lambda: replaced(SMALL, "recipe.resolved.mirror", 0.0),
        "sizes": lambda: replaced(SMALL, "recipe.resolved.frames_per_chunk", {"min": 1, "max": 32}),
        "audio": lambda: SMALL.model_copy(update={"audio": SMALL.audio[:-1]}),
        "torch": lambda: replaced(SMALL, "environment.torch", "2.0"),
        "cpu": lambda: replaced(SMALL, "environment.cpu", "Another"),
        "threads": lambda: replaced(SMALL, "environment.threads", 2),
    }[kind]()
    return kept(record, "outputs/other-day")


@pytest.mark.parametrize(
    ("kind", "differs"),
    [
        ("rate", "sample_rate_hz (48000 and 16000)"),
        ("mirror", "mirror (1.0 and 0.0)"),
        ("sizes", "frames_per_chunk (1 and 1 to 32)"),
        ("torch", "torch (2.13.0+cpu and 2.0)"),
    ],
)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_records_of_different_baselines_are_not_ranked(kind: str, differs: str, objective: Objective) -> None:
    with pytest.raises(WorkbenchError) as error:
        pick([kept(FAST), of_other(kind)], objective)
    assert str(error.value) == (
        f"the 2 that pass cannot be ranked together: fast and small differ in {differs}; name fewer folders, or one "
        "group, for example --like fast; the groups are fast; small"
    )


def test_the_largest_group_is_ranked_where_none_is_named() -> None:
    choice = pick([of_other("rate"), kept(FAST), kept(MIDDLE)], "smallest")
    assert choice == pick([of_other("rate"), kept(FAST), kept(MIDDLE)], "smallest", like="fast").model_copy(
        update={
            "warnings": (
                "not all that pass can be ranked together: only the largest group is ranked, fast and 1 more; for "
                "another group use --like NAME: small",
            )
        }
    )
    assert [(one.name, one.reasons) for one in choice.left_out] == [
        ("small", ("differs from fast in sample_rate_hz (16000 and 48000)",))
    ]


def test_records_of_other_audio_are_not_ranked() -> None:
    with pytest.raises(WorkbenchError, match=r"differ in scored audio \(15 clips \w{8} and 14 clips \w{8}\); name"):
        pick([kept(FAST), of_other("audio")], "smallest")


def test_records_of_another_known_f0_are_not_ranked() -> None:
    """It decides which frames are voiced, and so every figure of pitch."""
    one, other = with_known_f0(FAST, "a" * 64), with_known_f0(SMALL, "b" * 64)
    with pytest.raises(WorkbenchError, match=r"differ in known f0 \(\w{8} and \w{8}\); name"):
        pick([kept(one), kept(other)], "smallest")
    assert winner(pick([kept(one), kept(with_known_f0(SMALL, "a" * 64))], "smallest")) == "small"
    assert winner(pick([kept(one), kept(SMALL)], "smallest")) == "small"  # which does not tell


def test_audio_that_only_calibrates_may_differ() -> None:
    calibrated = SMALL.model_copy(update={"audio": tuple(clip for clip in SMALL.audio if clip.role == "score")})
    assert winner(pick([kept(FAST), kept(calibrated)], "smallest")) == "small"


@pytest.mark.parametrize("kind", ["cpu", "threads"])
def test_times_of_another_machine_are_not_ranked_and_not_needed_by_all(kind: str) -> None:
    both = [kept(WORSE), of_other(kind)]
    for objective in ("fastest", "balanced"):
        with pytest.raises(WorkbenchError, match=rf"worse and small differ in {kind} \("):
            pick(both, objective)  # type: ignore[arg-type]
    choice = pick([kept(variant("fast-only", 9.0, 1000, 90.0)), of_other(kind)], "most-accurate")
    assert winner(choice) == "small"
    assert [one.candidate.name for one in choice.dominated] == ["fast-only"]  # its speed says nothing here
    assert len(choice.warnings) == 1
    assert choice.warnings[0].startswith(f"speeds are left out: fast-only and small differ in {kind} (")


def test_like_leaves_out_what_does_not_compare() -> None:
    choice = pick([*ALL[2:], of_other("rate")], "smallest", like="fast")
    assert winner(choice) == "middle"
    assert [(one.name, one.reasons) for one in choice.left_out] == [
        ("small", ("differs from fast in sample_rate_hz (16000 and 48000)",))
    ]
    with pytest.raises(WorkbenchError) as error:
        pick([kept(FAST), kept(SMALL)], "smallest", like="fats")
    assert str(error.value) == "--like fats: no result has this name; the names are fast, small"


def test_what_failed_need_not_compare() -> None:
    other = of_other("rate")
    failing = StoredResult(
        other.record.model_copy(update={"verdict": "fail", "reasons": ("no",)}), other.folder, other.run
    )
    assert winner(pick([kept(FAST), failing], "smallest")) == "fast"


def test_variants_of_one_name_are_told_apart_by_their_runs() -> None:
    choice = pick([kept(FAST, "outputs/monday"), kept(variant("fast", 4.0, 2000, 8.0), "outputs/friday")], "smallest")
    assert winner(choice) == "friday/fast"
    assert [one.candidate.name for one in choice.dominated] == ["monday/fast"]


def test_variants_of_one_folder_all_stay_in_the_choice() -> None:
    """An earlier record lies in the same folder as the one that took its place."""
    choice = pick([kept(FAST), kept(variant("fast", 4.0, 2000, 8.0))], "smallest")
    assert winner(choice) == "run/fast (2)"
    assert [one.candidate.name for one in choice.dominated] == ["run/fast (1)"]


# --- the command


def command(*words: str | Path) -> CliResult:
    result = CliRunner().invoke(main, ["pick", *map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_it_names_the_program_and_answers_scripts(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"a program").hexdigest()
    for record in (ACCURATE, SMALL):
        folder = written(replaced(record, "program.sha256", digest), tmp_path / "run")
        (folder / "program.pte").write_bytes(b"a program")
    result = command(tmp_path / "run", "--objective", "smallest")
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"  program  {tmp_path}/run/small/program.pte\n" in result.stdout
    answer = json.loads(command(tmp_path / "run", "--objective", "smallest", "--json").stdout)
    assert answer["winner"]["program"] == f"{tmp_path}/run/small/program.pte"
    assert [one["name"] for one in answer["front"]] == ["small", "accurate"]
    assert (answer["objective"], answer["dominated"], answer["rejected"]) == ("smallest", [], [])


def test_a_program_of_another_record_is_not_named(tmp_path: Path) -> None:
    path = written(SMALL, tmp_path / "run") / "program.pte"
    path.write_bytes(b"a later program")
    why = f"{path} is not the program of this result; a later run may have replaced it"
    answer = json.loads(command(tmp_path / "run", "--json").stdout)["winner"]
    assert (answer["program"], answer["null_reasons"]["program"]) == (None, why)
    assert f"  program  {why}\n" in command(tmp_path / "run").stdout


@pytest.mark.parametrize(
    ("verdicts", "code", "first"),
    [
        (("fail", "fail"), 1, "smallest: none\n  none of 2 passes\n"),
        (("fail", "inconclusive"), 3, "smallest: none\n  none of 2 passes, 1 inconclusive\n"),
        (("inconclusive", "pass"), 0, "variant "),
    ],
)
def test_exit_codes(verdicts: tuple[str, str], code: int, first: str, tmp_path: Path) -> None:
    for record, verdict in zip((ACCURATE, SMALL), verdicts, strict=True):
        written(record.model_copy(update={"verdict": verdict, "reasons": ("why",)}), tmp_path)
    result = command(tmp_path, "--objective", "smallest")
    assert result.exit_code == code
    assert result.stdout.startswith(first)


def test_the_newest_run_where_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert command().stderr.startswith("error: outputs: no such folder;")
    Path("outputs").mkdir()
    assert command().stderr == "error: outputs: no run with a result.json; `workbench run` writes one\n"
    written(replaced(SMALL, "created", "2026-01-02T00:00:00+00:00"), Path("outputs/a"))
    written(replaced(FAST, "created", "2026-01-01T00:00:00+00:00"), Path("outputs/b"))
    result = command("--objective", "fastest")
    assert (result.exit_code, result.stderr) == (0, "using the newest run, outputs/a\n")
    assert "fastest: small\n" in result.stdout


def test_every_mistake_in_a_file_of_gates(tmp_path: Path) -> None:
    written(FAST, tmp_path)
    gates = tmp_path / "gates.yaml"
    gates.write_text("program.byts: <= 1\ndeviation.pitch.p95_cents: 5\nspeed.speedup_p50: null\n")
    result = command(tmp_path, "--gates", gates)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        f"error: {gates}: program.byts: is not a metric of the record (did you mean 'program.bytes'?)",
        f"error: {gates}: deviation.pitch.p95_cents: expected a limit such as '<= 0.01' or '>= 5', got 5",
    ]


def test_it_needs_no_torch(tmp_path: Path) -> None:
    import subprocess
    import sys

    written(FAST, tmp_path)
    code = (
        "import sys\nfrom workbench.cli import main\n"
        f"try: main(['pick', {str(tmp_path)!r}])\nexcept SystemExit as end: assert end.code == 0\n"
        "assert not {'torch', 'executorch', 'pesto'} & set(sys.modules), 'imported'\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).returncode == 0
