"""Protocols: what each does to the state of a session, and which are fair. The verdict: tests/audit/test_verdict.py."""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.helpers.results import stored
from tests.helpers.sessions import CumulativeSumSession
from workbench.recipe.options import ProtocolName
from workbench.records.result import read_result, write_result
from workbench.runtime.session import run_chunks
from workbench.runtime.state_protocol import protocol_of, with_state_handling


def test_continuous_is_the_session_itself() -> None:
    session = CumulativeSumSession()
    assert with_state_handling("continuous", session) is session


def test_reset_per_chunk_zeroes_the_state_before_each_chunk() -> None:
    samples = np.array([1, 2, 3, 4, 5], np.float32)
    assert_array_equal(
        run_chunks(with_state_handling("continuous", CumulativeSumSession()), samples).pitch_semitones, [3, 10, 15]
    )
    resetting = with_state_handling("reset-per-chunk", CumulativeSumSession())
    assert_array_equal(run_chunks(resetting, samples).pitch_semitones, [3, 7, 5])
    assert resetting.stream == CumulativeSumSession().stream


def test_reset_of_the_wrapper_resets_the_session() -> None:
    session = CumulativeSumSession()
    with_state_handling("reset-per-chunk", session).reset()
    assert session.total == 0


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("continuous", ""),
        ("reset-per-chunk", "both sides reset-per-chunk"),
        ("variant-reset-per-chunk", "UNFAIR: baseline continuous, variant reset-per-chunk"),
        ("baseline-reset-per-chunk", "UNFAIR: baseline reset-per-chunk, variant continuous"),
    ],
)
def test_protocol_that_differs_between_sides_is_unfair(name: ProtocolName, label: str) -> None:
    protocol = protocol_of(name)
    assert (protocol.label, protocol.fair) == (label, "UNFAIR" not in label)


def test_stored_protocol_cannot_be_declared_fair(tmp_path: Path) -> None:
    result = stored().replace(protocol=protocol_of("variant-reset-per-chunk"))
    path = write_result(result, tmp_path)
    assert '"fair": false' in path.read_text()
    path.write_text(path.read_text().replace('"fair": false', '"fair": true'))
    assert read_result(path) == result
