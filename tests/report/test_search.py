"""The page, the picture and the table of a search, and those of a sensitivity."""

from pathlib import Path

import pytest

from tests.helpers.records.results import stored
from tests.workflows.sensitivity.test_sensitivity import effect
from workbench.measure.spread import Spread
from workbench.records.search.sensitivity import FloatProgram, LoweredEffect, Sensitivity
from workbench.records.search.trials import BothScores, ClipScores, Finalist, FoundRecipe, Search, TrialRecord
from workbench.report.html.search import search_html
from workbench.report.plots.sensitivity import sensitivity_png
from workbench.report.tables.search.sensitivity import print_sensitivity
from workbench.report.tables.search.trials import print_search

BYTES, CENTS, SPEEDUP = "program.bytes", "deviation.pitch.p95_cents", "speed.native.speedup_p50"


def trial(number: int, outcome: str, **metrics: float) -> TrialRecord:
    values = {"number": number, "outcome": outcome, "parameters": {"<key>": "8"}, "metrics": metrics}
    return TrialRecord.model_validate(values | {"violation": 0, "reason": "", "machine": "here", "seconds": 2})


TRIALS = (
    trial(0, "feasible", **{BYTES: 400e3, CENTS: 0.5, SPEEDUP: 9}),
    trial(1, "stopped", **{CENTS: 9}),
    trial(2, "feasible", **{BYTES: 300e3, CENTS: 0.7, SPEEDUP: 8}),
    trial(3, "failed"),
)


def scores(p95_cents: float) -> ClipScores:
    numbers = {"pitch_p95_cents": p95_cents, "over_50_cents_rate": 0.001, "confidence_p95": 0.002}
    return ClipScores(clips=9, frames=100, voiced_frames=80, **numbers)


def search_of(**changes: object) -> Search:
    values = {
        **{"created": "2026-01-01T00:00:00+00:00", "space": "s", "space_sha256": "0", "base": "int8-small"},
        **{"objective": "smallest", "metrics": (BYTES,), "constraints": {CENTS: "<= 1"}, "trials": TRIALS},
        **{"environment": stored().environment, "importance": {"<key>": 1.0}, "front": (2,), "winner": 2},
        "why": ("trial 2 is smallest",),
        "recipes": (FoundRecipe(trial=2, file="s-found.yaml", program_sha256="1", program_bytes=300_000),),
        "search": BothScores(calibration=scores(0.7), scoring=scores(0.9), gap_p95_cents=0.2),
    }
    return Search.model_validate({**values, **changes})


@pytest.mark.parametrize("metrics", [(BYTES,), (BYTES, SPEEDUP)])
def test_search_page_has_why_scores_and_trials(metrics: tuple[str, ...]) -> None:
    page = search_html(search_of(metrics=metrics))
    assert "Why trial 2 won" in page and "+0.200 cents" in page and "&lt;key&gt;: 8" in page
    assert page.count("<tr") == 3 + 1 + len(TRIALS) and "data:image/png;base64," in page


def test_final_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    final = tuple(
        Finalist(trial=number, native_p50_us=us, speedup=spread(9), over_winner=spread(ratio), machine="here")
        for number, us, ratio in ((2, 150, 1), (0, 180, 1.2))
    )
    search = search_of(objective="fastest", metrics=(SPEEDUP,), final=final)
    page = search_html(search)
    assert "timed together" in page and "<td>1.20 (1.10–1.30)</td>" in page
    print_search(search, Path("here"))
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if "(8.90–9.10)" in line]
    assert [(row[0], row[1]) for row in rows] == [("2", "150"), ("0", "180")]


def spread(middle: float) -> Spread:
    return Spread(p50=middle, low=middle - 0.1, high=middle + 0.1)


def test_search_without_a_winner(capsys: pytest.CaptureFixture[str]) -> None:
    nulls = dict.fromkeys(("winner", "search"), "none")
    search = search_of(winner=None, search=None, front=(), recipes=(), why=("no trial",), null_reasons=nulls)
    assert "No trial meets the limits" in search_html(search)
    print_search(search, Path("here"))
    assert "s: smallest, from int8-small; 4 trials (2 feasible, 1 stopped, 1 failed)" in capsys.readouterr().out


def test_sensitivity_table_and_picture(capsys: pytest.CaptureFixture[str]) -> None:
    lowered = LoweredEffect(pitch_p95_cents=3.1, over_50_cents_rate=0.0, confidence_p95=0.0, program_bytes=9_000)
    checked = effect(3.0).replace(lowered=lowered, native_us=12.0, null_reasons={})
    exact = effect(0.0).replace(choice="none", saved_bytes=0)
    record = Sensitivity(
        **{"created": "", "fingerprint": "0", "recipe": stored().recipe, "environment": stored().environment},
        **{"clips": ("a",), "planned": 3, "float_program": FloatProgram(program_bytes=10_000, native_us=14.0)},
        effects=(exact, checked, effect(0.1).replace(kind="key", target="frontend_tolerance", choice="0.001")),
    )
    assert sensitivity_png(record).startswith(b"\x89PNG")
    print_sensitivity(record, Path("here"))
    printed = capsys.readouterr().out
    assert "3.000 (0.0)" in printed and "3.000 → 3.100" in printed and "frontend_tolerance" in printed
