"""A run that is killed while it works: nothing of it is left but what the same command goes on with."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from tests.helpers.results import stored
from tools.reliability.kill_and_resume import COMMAND, ENDED, project, run, seen, visible
from workbench.records.result import read_record, write_record

pytestmark = pytest.mark.slow


def kill_at(stage: str, folder: Path) -> None:
    """Run the command until it tells of a stage, and kill it there."""
    with subprocess.Popen(COMMAND, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.strip().endswith(f": {stage}"):
                break
        process.kill()


def test_killed_while_lowering_and_while_timing(tmp_path: Path) -> None:
    """Twice in one folder, over the record of another recipe; then to the end, without lowering or scoring again."""
    folder = project(tmp_path)
    (folder / "tmp").mkdir()
    place = folder / "out" / "r"
    write_record(stored(), place)
    (place / "frames").mkdir()
    (place / "frames" / "earlier.npz").write_bytes(b"its own")
    earlier = visible(place)
    for stage in ("lower", "speed"):
        kill_at(stage, folder)
        assert seen(place, earlier) == ("the earlier", [])
    told, _, code = run(folder)
    assert code in ENDED
    assert "nothing it depends on changed; the earlier program is used again" in told
    assert ": score" not in told and "left alive" not in told
    found = visible(place)
    (aside,) = (name for name in found if name.startswith("result-"))
    assert found[aside] == earlier["result.json"]
    record = read_record(place / "result.json")
    assert record.program is not None and record.deviation is not None
    assert hashlib.sha256(found["program.pte"]).hexdigest() == record.program.sha256
    assert sorted(name for name in found if name.startswith("frames/")) == [
        "frames/synthetic-score-silence.npz",
        "frames/synthetic-score-vibrato.npz",
    ]
    assert list((folder / "out").rglob(".*")) == []
