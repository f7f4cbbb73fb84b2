"""The final of a search: who enters it, who wins it, and that it is held once."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("optuna")

from tests.helpers.search import FakeEvaluator
from tests.workflows.search.test_study import run
from workbench.measure.spread import Spread
from workbench.records.search.trials import Finalist
from workbench.workflows.search.final import entrants, ranked
from workbench.workflows.search.outcome import best_first, why, winner
from workbench.workflows.search.storage import file_storage
from workbench.workflows.search.study import Study


def finalist(number: int, us: float, over_winner: float) -> Finalist:
    spread = Spread(p50=over_winner, low=over_winner - 0.1, high=over_winner + 0.1)
    return Finalist(trial=number, native_p50_us=us, speedup=spread, over_winner=spread, machine="here")


def test_the_final_decides_and_is_kept_until_there_are_more_trials(tmp_path: Path) -> None:
    study = run(tmp_path, FakeEvaluator(), trials=8, objective="fastest")
    trials = study.trials()
    best, second, third, *_ = best_first(study.space, trials)
    assert winner(study.space, trials) == best and study.final(8) is None
    final = (finalist(second.number, 150, 1), finalist(third.number, 170, 1.1), finalist(best.number, 180, 1.2))
    assert study.keep_final(final, 8) == final
    again = Study(study.space, file_storage(tmp_path))
    assert again.final(8) == again.keep_final(final[::-1], 8) == final, "the first one counts"
    assert again.final(9) is None
    assert winner(study.space, trials, final) == second
    first, next_best, *_ = why(study.space, trials, second, final)
    assert first.startswith(
        f"trial {second.number}: 150 µs a call, 1.00 (0.90–1.10) times as fast as eager; won the final"
    )
    assert "170 µs a call, 1.10 (1.00–1.20) times the winner's" in next_best


def test_two_trials_with_the_same_choices_are_one_finalist(tmp_path: Path) -> None:
    study = run(tmp_path, FakeEvaluator(), trials=8, objective="fastest")
    trials = study.trials()
    best, second, *_ = best_first(study.space, trials)
    twin = best.replace(number=99, metrics={**best.metrics, "speed.native.speedup_p50": 99.0})
    assert twin not in best_first(study.space, [*trials, twin])
    final = (finalist(best.number, 150, 1), finalist(99, 151, 1), finalist(second.number, 160, 1.1))
    assert f"the next best, trial {second.number}, has 160" in why(study.space, [*trials, twin], best, final)[1]


def test_the_best_ratios_the_shortest_calls_and_the_base_recipe_enter_the_final(tmp_path: Path) -> None:
    study = run(tmp_path, FakeEvaluator(), trials=40, objective="fastest")
    trials = study.trials()
    found = [trial.number for trial in entrants(study.space, trials)]
    feasible = [trial for trial in trials if trial.outcome == "feasible"]
    assert len(feasible) > 16 >= len(set(found) - {0}) > 8
    assert found[0] == max(feasible, key=lambda trial: trial.metrics["speed.native.speedup_p50"]).number
    assert {trial.number for trial in feasible[:4]} | {0} <= set(found), (
        "the fake's first trials have the shortest calls"
    )
    assert entrants(study.space, [trial.replace(outcome="infeasible") for trial in trials]) == []


def test_ranked_finalists_share_the_drift_of_each_round() -> None:
    drift = np.random.default_rng(0).uniform(1, 2, (50, 1))
    times_ms = {number: np.tile(ms * drift, (1, 5)) for number, ms in ((7, 0.2), (3, 0.21), (0, 0.1), (5, 0.4))}
    final = ranked(times_ms, np.tile(2 * drift, (1, 5)), feasible_bytes={7: 900, 3: 800, 5: 700}, base=None)
    assert [each.trial for each in final] == [7, 0, 3, 5], "the base recipe is the fastest, but exceeds a limit"
    assert [each.over_winner.p50 for each in final] == pytest.approx([1, 0.5, 1.05, 2])
    assert final[2].over_winner.ratio == pytest.approx(1) and final[0].speedup.p50 == pytest.approx(10)
    assert final[0].native_p50_us == pytest.approx(200 * np.median(drift))


def test_the_smallest_of_the_fastest_wins_the_final() -> None:
    times_ms = {number: np.full((5, 3), ms) for number, ms in ((1, 0.2), (2, 0.203), (3, 0.202), (4, 0.21))}
    final = ranked(times_ms, np.full((5, 3), 2.0), feasible_bytes={1: 900, 2: 600, 3: 700, 4: 500}, base=None)
    assert [each.trial for each in final] == [2, 1, 3, 4], "4 is smaller, but 5% slower than the fastest"
    assert final[1].over_winner.p50 == pytest.approx(0.2 / 0.203)


def test_the_base_recipe_wins_if_nothing_is_faster() -> None:
    times_ms = {number: np.full((5, 3), ms) for number, ms in ((0, 0.204), (1, 0.2), (2, 0.202))}
    final = ranked(times_ms, np.full((5, 3), 2.0), feasible_bytes={0: 900, 1: 600, 2: 700}, base=0)
    assert [each.trial for each in final] == [0, 1, 2]
    final = ranked({**times_ms, 1: np.full((5, 3), 0.19)}, np.full((5, 3), 2.0), {0: 900, 1: 600, 2: 500}, base=0)
    assert [each.trial for each in final] == [1, 2, 0], "7% faster is no tie"
