"""Protocols: what each does to the state of a session, and which are fair. The verdict: tests/audit/test_verdict.py."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.helpers.records.results import stored
from tests.helpers.sessions import CumulativeSumSession
from workbench.recipe.options import ProtocolName
from workbench.records.result import read_result, write_result
from workbench.runtime.session import run_chunks
from workbench.runtime.state_protocol import StateHandling, protocol_of, with_state_handling


@pytest.mark.parametrize(("handling", "totals"), [("continuous", [3, 10, 15]), ("reset-per-chunk", [3, 7, 5])])
def test_state_is_kept_or_zeroed_before_each_chunk(handling: StateHandling, totals: list[int]) -> None:
    session = CumulativeSumSession()
    handled = with_state_handling(handling, session)
    assert_array_equal(run_chunks(handled, np.array([1, 2, 3, 4, 5], np.float32)).pitch_semitones, totals)
    assert handled.stream == session.stream
    handled.reset()
    assert session.total == 0


def test_protocol_that_differs_between_sides_is_unfair() -> None:
    protocols = {name: protocol_of(name) for name in get_args(ProtocolName)}
    assert {name: protocol.label for name, protocol in protocols.items()} == {
        "continuous": "",
        "reset-per-chunk": "both sides reset-per-chunk",
        "variant-reset-per-chunk": "UNFAIR: baseline continuous, variant reset-per-chunk",
        "baseline-reset-per-chunk": "UNFAIR: baseline reset-per-chunk, variant continuous",
    }
    assert all(protocol.fair != protocol.label.startswith("UNFAIR") for protocol in protocols.values())


def test_stored_protocol_cannot_be_declared_fair(tmp_path: Path) -> None:
    result = stored().replace(protocol=protocol_of("variant-reset-per-chunk"))
    path = write_result(result, tmp_path)
    assert '"fair": false' in path.read_text()
    path.write_text(path.read_text().replace('"fair": false', '"fair": true'))
    assert read_result(path) == result
