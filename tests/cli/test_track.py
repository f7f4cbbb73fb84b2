"""`track`: where the frames of a program go."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.helpers.project import workbench

pytestmark = pytest.mark.usefixtures("folder")


@pytest.mark.slow
def test_track_prints_or_writes_the_same(program: Path) -> None:
    soundfile.write("take.wav", np.zeros(8000), 8_000)  # silence: every frame is below the threshold
    printed = workbench("track", "take.wav", "--program", program)
    assert printed.exit_code == 0
    written = workbench("track", "take.wav", "--program", program, "--out", "new/take.CSV")
    assert (written.exit_code, written.stdout) == (0, "")
    assert Path("new/take.CSV").read_text() == printed.stdout
    *notes, count = printed.stderr.splitlines()  # notes: the take is nearly silent
    assert written.stderr.splitlines() == [*notes, f"new/take.CSV: {count}"]
    frames = len(printed.stdout.splitlines()) - 1
    hidden = printed.stdout.count(",0.000,")
    expected = f"{frames} frames, {hidden} of them below a confidence of 0.12 and so without pitch; "
    assert count + "\n" == expected + "--confidence-threshold 0 shows all\n"
    everything = workbench("track", "take.wav", "--program", program, "--confidence-threshold", "0")
    assert everything.stderr.splitlines() == [*notes, f"{frames} frames"] and ",0.000," not in everything.stdout
