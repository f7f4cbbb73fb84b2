"""Protocols: what each does to a session's memory, and that an unfair one is called so everywhere and never passes."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.helpers.results import lost, stored, without_pitch
from tests.helpers.sessions import CumulativeSumSession
from workbench.audit.verdict import judge_result
from workbench.recipe import Gate
from workbench.records.result import Result, read_record, write_record
from workbench.report.columns import result_cells
from workbench.report.formatting import markdown_table
from workbench.report.tables.results import print_results
from workbench.runtime.session import run_chunks
from workbench.runtime.state_protocol import ScoringProtocol, protocol_of, with_state_handling

UNFAIR = ("variant-reset-per-chunk", "baseline-reset-per-chunk")


def test_continuous_is_the_session_itself() -> None:
    session = CumulativeSumSession()
    assert with_state_handling("continuous", session) is session


def test_reset_per_chunk_forgets_all_before_each_chunk() -> None:
    samples = np.array([1, 2, 3, 4, 5], np.float32)
    assert_array_equal(
        run_chunks(with_state_handling("continuous", CumulativeSumSession()), samples).pitch_semitones, [3, 10, 15]
    )
    resetting = with_state_handling("reset-per-chunk", CumulativeSumSession())
    assert_array_equal(run_chunks(resetting, samples).pitch_semitones, [3, 7, 5])
    assert resetting.stream == CumulativeSumSession().stream


def test_a_reset_of_the_wrapper_resets_the_session() -> None:
    session = CumulativeSumSession()
    with_state_handling("reset-per-chunk", session).reset()
    assert session.total == 0


@pytest.mark.parametrize(
    ("name", "baseline", "variant", "fair", "words"),
    [
        ("continuous", "continuous", "continuous", True, ""),
        ("reset-per-chunk", "reset-per-chunk", "reset-per-chunk", True, "both sides reset-per-chunk"),
        (
            "variant-reset-per-chunk",
            "continuous",
            "reset-per-chunk",
            False,
            "UNFAIR: baseline continuous, variant reset-per-chunk",
        ),
        (
            "baseline-reset-per-chunk",
            "reset-per-chunk",
            "continuous",
            False,
            "UNFAIR: baseline reset-per-chunk, variant continuous",
        ),
    ],
)
def test_what_a_recipe_asks_for(name: str, baseline: str, variant: str, fair: bool, words: str) -> None:
    protocol = protocol_of(name)
    assert (protocol.baseline, protocol.variant, protocol.fair, protocol.label) == (baseline, variant, fair, words)


def perfect(protocol: str) -> Result:
    """A record in which every gate passes."""
    gates = (Gate("deviation.pitch.p95_cents", "<=", 0.01), Gate("program.bytes", "<=", 10**9))
    return judge_result(stored().replace(protocol=protocol_of(protocol)), gates, 100)


@pytest.mark.parametrize("name", UNFAIR)
def test_unfair_never_passes(name: str) -> None:
    unfair = perfect(name)
    assert unfair.verdict == "fail"
    words = protocol_of(name).label
    assert unfair.reasons == (
        f"{words}; the two sides ran under different state protocols, so the metrics are not comparable",
    )
    assert all(gate.passed for gate in unfair.gates)


@pytest.mark.parametrize("name", ["continuous", "reset-per-chunk"])
def test_fair_passes(name: str) -> None:
    assert (perfect(name).verdict, perfect(name).reasons) == ("pass", ())


@pytest.mark.parametrize("name", UNFAIR)
def test_unfair_is_told_with_every_other_failure_and_doubt(name: str) -> None:
    protocol = protocol_of(name)
    gates, result = (Gate("program.bytes", "<=", 10**9),), stored().replace(protocol=protocol)
    assert result.deviation is not None
    deviation = without_pitch(result.deviation).replace(nonfinite_frames=3)
    spoilt = judge_result(result.replace(deviation=deviation), gates, 100)
    assert spoilt.verdict == "fail"
    assert spoilt.reasons[0].startswith("UNFAIR: ")
    assert "3 of 3619 frames are not finite" in spoilt.reasons and len(spoilt.reasons) == 4
    without_program = judge_result(lost(result, "no"), gates, 100)
    assert (without_program.verdict, without_program.reasons[1:]) == ("fail", ("no",))


def test_the_record_keeps_the_protocol_and_cannot_call_it_fair(tmp_path: Path) -> None:
    unfair = perfect("variant-reset-per-chunk")
    path = write_record(unfair, tmp_path)
    assert '"fair": false' in path.read_text()
    path.write_text(path.read_text().replace('"fair": false', '"fair": true'))
    assert read_record(path) == unfair
    assert read_record(path).protocol.fair is False


def test_a_record_from_before_there_were_protocols_was_fair(tmp_path: Path) -> None:

    path = write_record(perfect("continuous"), tmp_path)
    old = json.loads(path.read_text())
    del old["protocol"]
    path.write_text(json.dumps(old))
    assert read_record(path).protocol == ScoringProtocol(baseline="continuous", variant="continuous")


def test_every_table_says_unfair(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    fair, unfair = perfect("continuous"), perfect("variant-reset-per-chunk")
    assert result_cells(unfair)["verdict"] == "fail (UNFAIR)"
    assert result_cells(fair)["verdict"] == "pass"
    lines = markdown_table([result_cells(fair), result_cells(unfair)]).splitlines()[2:]
    assert ["UNFAIR" in line for line in lines] == [False, True]
    print_results([(fair, tmp_path), (unfair, tmp_path)])
    rows = capsys.readouterr().out.splitlines()[1:3]
    assert ["UNFAIR" in row for row in rows] == [False, True]
