"""A run that is killed leaves nothing except what the same command resumes from."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from tests.helpers.records.results import stored
from tools.reliability.kill_and_resume import seen
from tools.reliability.small_project import COMMAND, ENDED, project, run, visible
from workbench.records.result import read_result, write_result

pytestmark = pytest.mark.nightly


def kill_at(stage: str, folder: Path) -> None:
    """Runs the command until it reports a stage, and kills it there."""
    with subprocess.Popen(COMMAND, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.strip().endswith(f": {stage}"):
                break
        process.kill()


def test_run_resumes_after_two_kills(tmp_path: Path) -> None:
    """The folder has an earlier result of another recipe. The last run neither lowers nor scores again."""
    folder = project(tmp_path)
    (folder / "tmp").mkdir()
    variant = folder / "out" / "r"
    write_result(stored(), variant)
    (variant / "frames").mkdir()
    (variant / "frames" / "earlier.npz").write_bytes(b"frames of the earlier result")
    earlier = visible(variant)
    for stage in ("lower", "speed"):
        kill_at(stage, folder)
        assert seen(variant, earlier) == ("the earlier", [])
    stderr, _, code = run(folder)
    assert code in ENDED
    assert "unchanged: program reused" in stderr
    assert ": score" not in stderr and "left alive" not in stderr
    found = visible(variant)
    (archived,) = (name for name in found if name.startswith("result-"))
    assert found[archived] == earlier["result.json"]
    result = read_result(variant / "result.json")
    assert result.program is not None and result.deviation is not None
    assert hashlib.sha256(found["program.pte"]).hexdigest() == result.program.sha256
    assert sorted(name for name in found if name.startswith("frames/")) == [
        "frames/synthetic-score-silence.npz",
        "frames/synthetic-score-vibrato.npz",
    ]
    assert list((folder / "out").rglob(".*")) == []
