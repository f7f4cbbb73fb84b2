"""The sentence above a report, and its cautions."""

import dataclasses
from pathlib import Path

import pytest

from tests.helpers.records.results import kept, replaced, stored, with_known_f0
from workbench.measure.f0_misfit import F0Misfit
from workbench.records.run_folders import StoredResult, find_results, unique_names
from workbench.report.summary import cautions, misfit_lines, sentence

FASTER = {"speed__speedup_low": 4.5, "speed__speedup_p50": 5.0, "speed__speedup_high": 5.5}
SLOWER = {"speed__speedup_low": 3.0, "speed__speedup_p50": 4.0, "speed__speedup_high": 4.4}
WRONG = {"deviation__pitch__p95_cents": 3.0}
BELOW_FLOOR = "smallest deviation, but several are below the floor of 16-bit dither: a"
FEWER_CLIPS = {"audio": stored().audio[:-1]}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        (FEWER_CLIPS, ["scored on different audio"]),
        ({"environment__cpu": "another"}, ["timed on different machines or with different threads"]),
        ({"environment__torch": "2"}, ["measured with different versions of torch or PESTO"]),
        ({"recipe__resolved__mirror": 0.0}, ["compared with different baselines"]),
    ],
)
def test_cautions_name_what_differs(changes: dict[str, object], expected: list[str]) -> None:
    assert cautions([kept(stored()), kept(stored(**changes))]) == expected


def test_cautions_compare_every_pair() -> None:
    """The first result differs from neither of the others: it has no hash of its known f0."""
    others = [with_known_f0(stored(), digest * 64) for digest in "ab"]
    assert cautions([kept(result) for result in (stored(), *others)]) == ["scored on different audio"]


def test_sentence_of_one_variant_and_of_no_pass(run: Path) -> None:
    (one,) = find_results([run / "float-xnnpack"])
    assert sentence([one], ["it"]).startswith(f"it passes. {one.result.program.bytes:,} bytes; ")
    failing = find_results([run / "unfair", run / "int8-naive"])
    assert sentence(failing, unique_names(failing)) == "None of 2 variants passes."
    text = sentence([one, failing[0]], ["it", "other"])
    assert text.startswith(f"Of 2 variants only it passes. {one.result.program.bytes:,} bytes; ")


def rival(one: StoredResult, **changes: object) -> StoredResult:
    """The same with a program half as large, and with other values replaced as by `stored`."""
    result = replaced(one.result, "program.bytes", one.result.program.bytes // 2)
    for path, value in changes.items():
        result = replaced(result, path.replace("__", "."), value)
    return dataclasses.replace(one, result=result)


@pytest.mark.parametrize(
    ("changes", "claims"),
    [
        ({}, ["Smallest: b", "fastest: a", "most accurate: a"]),
        ({"speed__speedup_high": 4.6}, ["Smallest: b", "largest median speed: a", "most accurate: a"]),
        ({"environment__cpu": "another"}, ["Smallest: b", "most accurate: a"]),
        (FEWER_CLIPS, ["Smallest: b"]),
        ({"floor__pitch__p95_cents": 3.0}, ["Smallest: b", "fastest: a", BELOW_FLOOR]),
    ],
)
def test_sentence_claims_only_what_differs(changes: dict[str, object], claims: list[str]) -> None:
    one = rival(kept(stored()), deviation__pitch__p95_cents=2.0, floor__pitch__p95_cents=0.1, **FASTER)
    text = sentence([one, rival(one, **SLOWER | WRONG | changes)], ["a", "b"])
    assert [claim.partition(" (")[0] for claim in text.removeprefix("2 of 2 variants pass. ").split("; ")] == claims


def test_a_misfit_of_a_clip_is_a_line_once() -> None:
    misfit = F0Misfit(
        clip="sung/a",
        right_frames=3,
        voiced_frames=90,
        explanation="its values are MIDI notes",
        explained_right_frames=80,
        explained_voiced_frames=91,
    )
    results = [stored(), stored(truth__misfits=(misfit,)), stored(truth__misfits=(misfit, misfit))]
    assert misfit_lines(results) == [
        "the known f0 of sung/a agrees with the baseline on 3 of 90 voiced frames, but on 80 of 91 if its values are "
        "MIDI notes; correct the file"
    ]
