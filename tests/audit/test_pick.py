"""The choice of one variant: the winner by objective, the reasons, and what is not ranked."""

from typing import Any, get_args

import pytest

from tests.helpers.results import kept, lost, replaced, stored, with_known_f0, without_pitch
from workbench.audit.explain import Choice, Objective
from workbench.audit.pick import pick
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
def test_pick_by_each_objective(objective: Objective, name: str, why: str) -> None:
    choice = pick(ALL, objective)
    assert (winner(choice), choice.why) == (name, (why,))
    assert choice.front[0] == choice.winner
    assert {candidate.name for candidate in choice.front} == {"accurate", "small", "fast", "middle"}
    (dominated,) = choice.dominated
    assert (dominated.candidate.name, dominated.by) == ("worse", ("accurate", "small", "fast", "middle"))
    assert dominated.how == "accurate is more accurate and smaller and faster, and not worse on any axis"


def test_command_offers_every_objective() -> None:
    assert get_args(Objective) == OBJECTIVES


def test_pick_does_not_claim_a_speed_within_the_spread() -> None:
    """The larger median wins unless another variant dominates it."""
    choice = pick([kept(FAST), kept(variant("rival", 3.0, 4000, 7.9, spread=0.5))], "fastest")
    assert winner(choice) == "fast"
    assert choice.why[1:] == ("not shown to be faster than rival: the ranges over the rounds overlap",)
    choice = pick([kept(FAST), kept(variant("smaller", 3.0, 2000, 7.9, spread=0.5))], "fastest")
    assert winner(choice) == "smaller"
    assert choice.why == (
        "smaller is the only one on the front of the 2 that pass",
        "not shown to be faster than fast: the ranges over the rounds overlap",
    )


def test_pick_does_not_claim_a_deviation_below_the_floor() -> None:
    choice = pick([kept(variant("a", 0.01, 4000, 3.0)), kept(variant("b", 0.02, 2000, 2.0))], "most-accurate")
    assert winner(choice) == "a"
    assert choice.why[1:] == (
        "not shown to sound better than b: all deviate less than 16-bit dither on the input causes (0.1000 cents)",
    )


def test_deviation_below_the_floor_does_not_dominate() -> None:
    choice = pick([kept(variant("a", 0.01, 4000, 2.0)), kept(variant("b", 0.02, 2000, 2.0))], "most-accurate")
    assert (winner(choice), [candidate.name for candidate in choice.front]) == ("b", ["b"])
    (dominated,) = choice.dominated
    assert (dominated.candidate.name, dominated.how) == ("a", "b is smaller, and not worse on any axis")
    assert dominated.candidate.pitch_p95_cents == 0.01
    assert choice.why[1].startswith("not shown to sound better than a: ")


def test_pick_of_a_single_result() -> None:
    assert pick([kept(FAST)], "balanced").why == ("fast is the only one that passes",)


def test_pick_rejects_what_does_not_pass() -> None:
    failed = SMALL.replace(verdict="fail", reasons=("too wrong",))
    inconclusive = MIDDLE.replace(verdict="inconclusive", reasons=("too few voiced frames",))
    without_program = replaced(lost(ACCURATE), "reasons", ("it crashed",))
    choice = pick([kept(result) for result in (failed, inconclusive, without_program, FAST)], "smallest")
    assert winner(choice) == "fast"
    assert [(each.name, each.verdict, each.reasons) for each in choice.rejected] == [
        ("small", "fail", ("too wrong",)),
        ("middle", "inconclusive", ("too few voiced frames",)),
        ("accurate", "fail", ("it crashed",)),
    ]


def test_pass_without_a_pitch_is_inconclusive() -> None:
    pitch = without_pitch(FAST.deviation).pitch  # type: ignore[arg-type]
    choice = pick([kept(replaced(FAST, "deviation.pitch", pitch))], "smallest")
    (rejected,) = choice.rejected
    assert (choice.winner, rejected.verdict) == (None, "inconclusive")
    assert rejected.reasons == ("deviation.pitch.p95_cents has no value: no voiced frame",)
    assert choice.why == ("none of 1 passes, 1 inconclusive",)


def test_pick_judges_again_by_given_limits() -> None:
    choice = pick(ALL, "smallest", {"deviation.pitch.p95_cents": "<= 5", "speed.speedup_p50": ">= 6.05"})
    assert winner(choice) == "fast"
    rejected = {each.name: each for each in choice.rejected}
    assert (rejected["small"].verdict, rejected["middle"].verdict) == ("fail", "inconclusive")
    assert rejected["small"].reasons[0] == "deviation.pitch.p95_cents is 8 (limit <= 5)"


def test_pick_judges_a_pass_by_an_older_rule_again() -> None:
    """An earlier version passed a result without a gate on the pitch."""
    result = replaced(FAST, "recipe.resolved.gates", {"program.bytes": "<= 100_000_000"})
    choice = pick([kept(result), kept(SMALL)], "fastest")
    assert winner(choice) == "small"
    assert [(each.name, each.verdict) for each in choice.rejected] == [("fast", "inconclusive")]
    assert choice.warnings == (
        "judged again, with other verdicts than the stored ones: fast is inconclusive (stored: pass)",
    )


def test_given_limits_override_the_gates_of_the_recipe() -> None:
    gates = {"program.bytes": "<= 10", "deviation.pitch.p95_cents": "<= 9"}
    gated = kept(replaced(FAST, "recipe.resolved.gates", gates))
    assert pick([gated], "smallest", {}).winner is None
    assert winner(pick([gated], "smallest", {"program.bytes": None})) == "fast"


DIFFERENT = {
    "rate": replaced(SMALL, "recipe.resolved.sample_rate_hz", 16000),
    "mirror": replaced(SMALL, "recipe.resolved.mirror", 0.0),
    "sizes": replaced(SMALL, "recipe.resolved.frames_per_chunk", {"min": 1, "max": 32}),
    "audio": SMALL.replace(audio=SMALL.audio[:-1]),
    "torch": replaced(SMALL, "environment.torch", "2.0"),
    "cpu": replaced(SMALL, "environment.cpu", "Another"),
    "threads": replaced(SMALL, "environment.threads", 2),
}


def different(key: str) -> StoredResult:
    """`small` with something different from the other results, in another run."""
    return kept(DIFFERENT[key], "outputs/other-day")


@pytest.mark.parametrize(
    ("key", "objective", "difference"),
    [
        ("rate", "smallest", r"sample_rate_hz \(48000 and 16000\)"),
        ("rate", "fastest", r"sample_rate_hz \(48000 and 16000\)"),
        ("mirror", "most-accurate", r"mirror \(1.0 and 0.0\)"),
        ("sizes", "balanced", r"frames_per_chunk \(1 and 1 to 32\)"),
        ("torch", "smallest", r"torch \(2.13.0\+cpu and 2.0\)"),
        ("audio", "smallest", r"scored audio \(15 clips \w{8} and 14 clips \w{8}\)"),
        ("cpu", "fastest", r"cpu \("),
        ("threads", "balanced", r"threads \("),
    ],
)
def test_pick_of_different_streams_is_an_error(key: str, objective: Objective, difference: str) -> None:
    with pytest.raises(WorkbenchError, match=f"fast and small differ in {difference}"):
        pick([kept(FAST), different(key)], objective)


def test_pick_of_groups_of_one_size_names_the_groups() -> None:
    with pytest.raises(WorkbenchError, match=r"or one group, for example --like fast; the groups are fast; small$"):
        pick([kept(FAST), different("rate")], "smallest")


def test_pick_ranks_the_largest_group() -> None:
    results = [different("rate"), kept(FAST), kept(MIDDLE)]
    choice = pick(results, "smallest")
    assert choice.replace(warnings=()) == pick(results, "smallest", like="fast")
    (warning,) = choice.warnings
    assert warning.endswith("the largest group is ranked, fast and 1 more; for another group use --like NAME: small")
    assert [(each.name, each.reasons) for each in choice.left_out] == [
        ("small", ("differs from fast in sample_rate_hz (16000 and 48000)",))
    ]
    with pytest.raises(WorkbenchError, match="--like fats: no result has this name"):
        pick(results, "smallest", like="fats")


def test_pick_under_another_known_f0_is_an_error() -> None:
    """It decides which frames are voiced, and so every metric of pitch."""
    first, second = with_known_f0(FAST, "a" * 64), with_known_f0(SMALL, "b" * 64)
    with pytest.raises(WorkbenchError, match=r"differ in known f0 \(\w{8} and \w{8}\)"):
        pick([kept(first), kept(second)], "smallest")
    for comparable in (with_known_f0(SMALL, "a" * 64), SMALL):  # SMALL does not state it
        assert winner(pick([kept(first), kept(comparable)], "smallest")) == "small"


def test_pick_allows_different_calibration_audio() -> None:
    scored_only = SMALL.replace(audio=[clip for clip in SMALL.audio if clip.role == "score"])
    assert winner(pick([kept(FAST), kept(scored_only)], "smallest")) == "small"


@pytest.mark.parametrize("key", ["cpu", "threads"])
def test_pick_ignores_speeds_of_another_machine(key: str) -> None:
    choice = pick([kept(variant("only-fast", 9.0, 1000, 90.0)), different(key)], "most-accurate")
    assert winner(choice) == "small"
    assert [each.candidate.name for each in choice.dominated] == ["only-fast"]
    (warning,) = choice.warnings
    assert warning.startswith(f"speeds are left out: only-fast and small differ in {key} (")


def test_failed_result_need_not_be_comparable() -> None:
    failed = DIFFERENT["rate"].replace(verdict="fail", reasons=("no",))
    assert winner(pick([kept(FAST), kept(failed)], "smallest")) == "fast"


@pytest.mark.parametrize(
    ("runs", "names"),
    [
        (("outputs/monday", "outputs/friday"), ["friday/fast", "monday/fast"]),
        (("outputs/run", "outputs/run"), ["run/fast (2)", "run/fast (1)"]),  # an earlier result of the same folder
    ],
)
def test_pick_of_equal_names_adds_the_run(runs: tuple[str, str], names: list[str]) -> None:
    first, second = runs
    choice = pick([kept(FAST, first), kept(variant("fast", 4.0, 2000, 8.0), second)], "smallest")
    assert [winner(choice), *(each.candidate.name for each in choice.dominated)] == names
