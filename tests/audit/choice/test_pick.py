"""The choice of one variant: the winner by objective, the reasons, and what is not ranked."""

from typing import Any, get_args

import pytest

from tests.helpers.records.choices import (
    ACCURATE,
    ALL,
    BELOW_FLOOR,
    FAST,
    MIDDLE,
    NATIVE,
    SMALL,
    WORSE,
    pick_of,
    variant,
)
from tests.helpers.records.results import kept, replaced, with_known_f0, without_pitch
from workbench.audit.choice.explain import Choice, Objective
from workbench.audit.choice.order import display_order
from workbench.audit.choice.pick import pick
from workbench.audit.clock import Clock
from workbench.cli.pick import CLOCKS, OBJECTIVES
from workbench.errors import WorkbenchError
from workbench.records.result import Result
from workbench.records.run_folders import StoredResult


def winner(choice: Choice) -> str | None:
    return choice.winner and choice.winner.name


def test_pick_needs_a_value_on_each_axis() -> None:
    (rejected,) = pick_of(ACCURATE.replace(speed=None, null_reasons={"speed": "not timed"})).rejected
    assert (rejected.verdict, rejected.reasons) == ("inconclusive", ("speed has no value: not timed",))


def test_pick_by_each_objective() -> None:
    reasons: dict[Objective, str] = {
        "smallest": "small has the fewest bytes of the 5 that pass: 1,000 bytes; next on the front is middle with "
        "1,500 bytes",
        "fastest": "fast has the largest median speedup of the 4 on the front: 8.00 (7.90–8.10); next on the front "
        "is middle with 6.00 (5.90–6.10)",
        "most-accurate": "accurate deviates least in pitch (p95) of the 4 on the front: 0.5000 cents; next on the "
        "front is middle with 1.0000 cents",
        "balanced": "middle is nearest to the ideal point (0 is best on all three axes, 1.73 is worst on all) of the 4 "
        "on the front: 0.44; next on the front is fast with 1.09",  # by hand: 1/4, log 1.5 / log 4, log(4/3) / log 4
    }
    assert tuple(reasons) == get_args(Objective) == OBJECTIVES
    for objective, reason in reasons.items():
        choice = pick(ALL, objective)
        assert choice.why == (reason,)
        assert choice.front[0] == choice.winner
        assert {candidate.name for candidate in choice.front} == {"accurate", "small", "fast", "middle"}
        (dominated,) = choice.dominated
        assert (dominated.candidate.name, dominated.by) == ("worse", ("accurate", "small", "fast", "middle"))
        assert dominated.how == "accurate is more accurate and smaller and faster, and not worse on any axis"


RIVAL = variant("rival", 3.0, 4000, 7.9, 0.5)
LESS = variant("less", 3.0, 2000, 7.9, 0.5)
SLOW, EQUAL = variant("slow", 0.02, 2000, 1.0), variant("equal", 0.02, 2000, 2.0)


@pytest.mark.parametrize(
    ("first", "second", "objective", "name", "reason", "dominated"),
    [
        (FAST, RIVAL, "fastest", "fast", "be faster than rival: ", {}),
        (FAST, LESS, "fastest", "less", "be faster than fast: ", {"less is more accurate and smaller": 4.0}),
        (BELOW_FLOOR, SLOW, "most-accurate", "a", "sound better than slow: ", {}),
        (BELOW_FLOOR, EQUAL, "most-accurate", "equal", "sound better than a: ", {"equal is smaller": 0.01}),
    ],
    ids=["speed", "dominated-in-speed", "deviation", "dominated-in-deviation"],
)
def test_pick_claims_only_what_was_measured(
    first: Result, second: Result, objective: Objective, name: str, reason: str, dominated: dict[str, float]
) -> None:
    """The best value wins if no other variant dominates it; within the spread or below the floor values are equal."""
    choice = pick_of(first, second, objective=objective)
    assert winner(choice) == name
    assert choice.why[1].startswith(f"not shown to {reason}")
    assert {each.how.partition(",")[0]: each.candidate.pitch_p95_cents for each in choice.dominated} == dominated


def test_pick_rejects_what_does_not_pass() -> None:
    failed = OTHER_RATE.result.replace(verdict="fail", reasons=("wrong",))
    inconclusive = MIDDLE.replace(verdict="inconclusive", reasons=("too few voiced frames",))
    unvoiced = replaced(WORSE, "deviation.pitch", without_pitch(WORSE.deviation).pitch)  # type: ignore[arg-type]
    choice = pick_of(failed, inconclusive, unvoiced, FAST)
    assert choice.why == ("fast is the only one that passes",)
    assert [(each.name, each.verdict, each.reasons) for each in choice.rejected] == [
        ("small", "fail", ("wrong",)),  # need not be comparable
        ("middle", "inconclusive", ("too few voiced frames",)),
        ("worse", "inconclusive", ("deviation.pitch.p95_cents has no value: no voiced frame",)),
    ]


def test_pick_judges_again_by_given_limits() -> None:
    choice = pick(ALL, "smallest", {"deviation.pitch.p95_cents": "<= 5", "speed.speedup_p50": ">= 6.05"})
    assert winner(choice) == "fast"
    rejected = {each.name: each for each in choice.rejected}
    assert (rejected["small"].verdict, rejected["middle"].verdict) == ("fail", "inconclusive")
    assert rejected["small"].reasons[0] == "deviation.pitch.p95_cents is 8 (limit <= 5)"


@pytest.mark.parametrize(
    ("results", "given", "clock", "reason", "name", "rejected"),
    [
        (NATIVE, None, "native", "", "middle", []),
        (NATIVE, "session", "session", "", "fast", []),
        ([*NATIVE[1:], FAST], None, "session", "fast has no native speed: the record does not state it; ", "fast", []),
        ([NATIVE[1], FAST, SMALL], None, "session", "fast and 1 more have no native speed: ", "fast", []),
        ([*NATIVE[1:], FAST], "native", "native", "", "middle", ["speed.native has no value: the record does not "]),
    ],
    ids=["native", "session-given", "one-lacks", "two-lack", "native-given"],
)
def test_pick_compares_by_one_clock(
    results: list[Result], given: Clock | None, clock: str, reason: str, name: str, rejected: list[str]
) -> None:
    assert get_args(Clock) == CLOCKS
    choice = pick_of(*results, objective="fastest", clock=given)
    assert (choice.clock, winner(choice)) == (clock, name)
    assert choice.clock_reason.startswith(reason) and bool(choice.clock_reason) == bool(reason)
    assert [each.verdict for each in choice.rejected] == ["inconclusive"] * len(rejected)
    assert all(each.reasons[0].startswith(start) for each, start in zip(choice.rejected, rejected, strict=True))
    picked = choice.front[0]
    expected = {"native": (12.0, 1000 / 12), "session": (8.0, 1000 * FAST.speed.variant.p50_ms)}  # type: ignore[union-attr]
    assert (picked.speedup_p50, picked.p50_us) == pytest.approx(expected[clock])


def test_results_are_shown_by_verdict_and_then_by_rank() -> None:
    failed = replaced(MIDDLE, "verdict", "fail")
    silent = ACCURATE.replace(speed=None, null_reasons={"speed": "not timed"})
    results = [failed, WORSE, silent, MIDDLE, FAST]
    assert display_order(results) == [3, 4, 1, 2, 0]


def test_pick_judges_a_pass_by_an_older_rule_again() -> None:
    """An earlier version passed a result without a gate on the pitch."""
    choice = pick_of(replaced(FAST, "recipe.resolved.gates", {"program.bytes": "<= 1e8"}), SMALL, objective="fastest")
    assert winner(choice) == "small"
    assert [(each.name, each.verdict) for each in choice.rejected] == [("fast", "inconclusive")]
    assert choice.warnings == (
        "judged again, with other verdicts than the stored ones: fast is inconclusive (stored: pass)",
    )


def different(path: str, value: Any) -> StoredResult:
    """`small` with another value, in another run."""
    return kept(replaced(SMALL, path, value), "outputs/other-day")


OTHER_RATE = different("recipe.resolved.sample_rate_hz", 16_000)


@pytest.mark.parametrize(
    ("path", "value", "objective", "difference"),
    [
        ("recipe.resolved.mirror", 0.0, "most-accurate", r"mirror \(1.0 and 0.0\)"),
        ("recipe.resolved.frames_per_chunk", {"min": 1, "max": 32}, "balanced", r"frames_per_chunk \(1 and 1 to 32\)"),
        ("environment.torch", "2.0", "smallest", r"torch \(2.13.0\+cpu and 2.0\)"),
        ("audio", SMALL.audio[:-1], "fastest", r"scored audio \(15 clips \w{8} and 14 clips \w{8}\)"),
        ("environment.cpu", "Another", "fastest", r"cpu \("),
        ("environment.threads", 2, "balanced", r"threads \("),
    ],
)
def test_pick_of_incomparable_results_is_an_error(path: str, value: Any, objective: Objective, difference: str) -> None:
    message = f"fast and small differ in {difference}.*for example --like fast; the groups are fast; small$"
    with pytest.raises(WorkbenchError, match=message):
        pick([kept(FAST), different(path, value)], objective)


def test_pick_ranks_the_largest_group() -> None:
    results = [OTHER_RATE, kept(FAST), kept(MIDDLE)]
    choice = pick(results, "smallest")
    assert choice.replace(warnings=()) == pick(results, "smallest", like="fast")
    (warning,) = choice.warnings
    assert warning.endswith("the largest group is ranked, fast and 1 more; for another group use --like NAME: small")
    assert [(each.name, each.reasons) for each in choice.left_out] == [
        ("small", ("differs from fast in sample_rate_hz (16000 and 48000)",))
    ]
    with pytest.raises(WorkbenchError, match="--like fats: no result has this name"):
        pick(results, "smallest", like="fats")


def test_pick_compares_every_pair_of_a_group() -> None:
    """`middle` has no hash of its known f0, so it is comparable with both others, which differ."""
    fast, small = with_known_f0(FAST, "a" * 64), with_known_f0(SMALL, "b" * 64)
    choice = pick_of(MIDDLE, fast, small)
    assert (winner(choice), [each.name for each in choice.left_out]) == ("middle", ["small"])
    assert choice.left_out[0].reasons[0].startswith("differs from fast in known f0 (")
    assert choice.replace(warnings=()) == pick_of(MIDDLE, fast, small, like="middle")
    assert [each.name for each in pick_of(MIDDLE, fast, small, like="small").left_out] == ["fast"]


def test_pick_allows_different_calibration_audio() -> None:
    scored_only = SMALL.replace(audio=[clip for clip in SMALL.audio if clip.role == "score"])
    assert winner(pick_of(FAST, scored_only)) == "small"


def test_pick_ignores_speeds_of_another_machine() -> None:
    only_fast = kept(variant("only-fast", 9.0, 1000, 90.0))
    choice = pick([only_fast, different("environment.threads", 2)], "most-accurate")
    assert (winner(choice), [each.candidate.name for each in choice.dominated]) == ("small", ["only-fast"])
    (warning,) = choice.warnings
    assert warning.startswith("speeds are left out: only-fast and small differ in threads (")


@pytest.mark.parametrize(
    ("runs", "names"),
    [
        (("monday", "friday"), ["friday/fast", "monday/fast"]),
        (("run", "run"), ["run/fast (2)", "run/fast (1)"]),  # an earlier result of the same folder
    ],
)
def test_pick_of_equal_names_adds_the_run(runs: tuple[str, str], names: list[str]) -> None:
    choice = pick([kept(FAST, runs[0]), kept(variant("fast", 4.0, 2000, 8.0), runs[1])], "smallest")
    assert [winner(choice), *(each.candidate.name for each in choice.dominated)] == names
