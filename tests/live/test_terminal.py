import io

import numpy as np
import pytest
from rich.console import Console

from tests.helpers.live import MeanSession
from workbench.live.blocks import BlockReader
from workbench.live.programs import OpenSessions
from workbench.live.terminal import TerminalView, meter, note_of


@pytest.mark.parametrize(
    ("semitones", "name", "cents"),
    [(69.0, "A4", 0), (60.49, "C4", 49), (59.51, "C4", -49), (21.0, "A0", 0), (0.0, "C-1", 0), (70.25, "A♯4", 25)],
)
def test_note_of(semitones: float, name: str, cents: float) -> None:
    assert note_of(semitones) == (name, pytest.approx(cents))


@pytest.mark.parametrize(("cents", "cell"), [(-50.0, 0), (-90.0, 0), (0.0, 5), (24.0, 7), (50.0, 10)])
def test_meter(cents: float, cell: int) -> None:
    assert meter(cents).index("█") == cell


def test_view_follows_the_sessions() -> None:
    sessions = OpenSessions(MeanSession(), (MeanSession(), MeanSession(fails_at=2)))  # type: ignore[arg-type]
    reader, output = BlockReader(), io.StringIO()
    blocks = (block for number in range(20) for block in reader.accept(number, 8000, np.full(400, 69.0, np.float32)))
    view = TerminalView(("upstream", "mean", "broken"), sessions, threshold=0.4)
    console = Console(file=output, force_terminal=True, width=140)
    upstream, mean, broken = view.run(blocks, reader, console)
    console.print(view._table(reader))
    assert "A4" in output.getvalue() and "+0" in output.getvalue() and "it crashed" in output.getvalue()
    assert upstream.frames == mean.frames == mean.voiced_frames == 100
    assert (mean.p50_ms, mean.failed, broken.frames, broken.failed) == (1.0, "", 2, "it crashed")
