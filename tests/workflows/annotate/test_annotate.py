"""The files that `annotate` writes, with trackers that return what the test says."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from workbench.audio import read_clip
from workbench.cli import main
from workbench.rivals import rival
from workbench.rivals.catalogue import CONSENSUS_VOTERS, rival_named
from workbench.rivals.rival import Estimate, Tracker
from workbench.workflows.annotate import annotate, trackers

TIMES_S = np.arange(100) * 0.010
HZ = np.where(TIMES_S < 0.5, 220.0, 0.0)  # what every tracker finds but one
OTHER = np.where((TIMES_S >= 0.2) & (TIMES_S < 0.3), 440.0, HZ)  # and two of them


@pytest.fixture
def take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recording of a second, and four trackers of which two disagree for 100 ms."""

    def opened(hz: np.ndarray) -> Tracker:
        return Tracker(lambda samples: Estimate(TIMES_S, hz, hz > 0, None))

    found = zip(CONSENSUS_VOTERS, (HZ, OTHER, HZ, OTHER), strict=True)
    opened_trackers = tuple(
        trackers.OpenTracker(replace(rival_named(name), package="numpy"), opened(hz)) for name, hz in found
    )
    monkeypatch.setattr(annotate, "open_trackers", lambda opened: opened_trackers)
    monkeypatch.chdir(tmp_path)
    soundfile.write("take.wav", 0.1 * np.random.default_rng(0).standard_normal(16_000), 16_000)
    return tmp_path / "take.wav"


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["annotate", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_a_consensus_is_read_as_the_known_f0_of_its_recording_only(take: Path) -> None:
    code, out, _ = run("take.wav", "--json")
    assert (code, json.loads(out)) == (
        0,
        {
            "audio": "take.wav",
            "file": "take.csv",
            "truth": "consensus",
            "method": "consensus",
            "voiced_frames": 40,
            "unvoiced_frames": 50,
            "unknown_frames": 10,
        },
    )
    track = read_clip(take, 16_000).f0
    assert track.kind == "consensus"
    np.testing.assert_array_equal(track.hz, np.where(HZ == OTHER, HZ, np.nan))
    head = take.with_suffix(".csv").read_text().splitlines()[:3]
    assert head[:2] == ["# truth: consensus", "# method: at least 3 of 4 trackers agree within 50 cents"]
    assert re.fullmatch(r"# trackers: swift-f0 \(numpy \S+\), praat \(numpy .*", head[2])
    soundfile.write(take, np.zeros(16_000), 16_000)
    with pytest.raises(Exception, match="was made from other audio, by its audio_sha256; annotate this clip"):
        read_clip(take, 16_000)
    assert run("take.wav", "--overwrite")[0] == 0
    assert read_clip(take, 16_000).f0.sha256 == track.sha256


def test_a_folder_goes_on_after_an_error(take: Path) -> None:
    Path("bad.wav").write_text("la la")
    code, out, err = run(".", "--out", "truth")
    assert (code, out) == (2, "truth/take.csv: consensus, 100 frames: 40 voiced, 50 unvoiced, 10 unknown\n")
    assert "error: bad.wav: cannot be decoded" in err


def test_an_annotation_in_another_unit_is_converted(take: Path) -> None:
    Path("midi").mkdir()
    Path("midi/notes.txt").write_text("0 57\n0.01 0\n0.02 58\n")
    assert run("take.wav", "--from", "midi/notes.txt", "--pitch-unit", "midi")[:2] == (
        0,
        "take.csv: from notes.txt, 3 frames: 2 voiced, 1 unvoiced, 0 unknown\n",
    )
    track = read_clip(take, 16_000).f0
    assert (track.kind, track.hz.tolist()) == ("annotated", pytest.approx([220, 0, 233.0819]))


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        ("take.csv", "", "take.csv: is the known f0 of take.wav already; --overwrite replaces it"),
        ("take.jams", "--overwrite", "take.jams: would be a second known f0 beside take.csv; delete it"),
        ("take.txt", "--from take.txt --pitch-unit midi", "take.txt: is the known f0 of take.wav already; move it to"),
        ("take-resynthesis.csv", "--method resynthesis", "take-resynthesis.csv: is the known f0 of take"),
        ("take-resynthesis.wav", "--method resynthesis", "take-resynthesis.wav: exists already; --overwrite"),
    ],
)  # fmt: skip
def test_what_a_user_wrote_is_not_replaced(take: Path, make: str, arguments: str, message: str) -> None:
    Path(make).write_text("0,60\n")
    code, _, err = run("take.wav", *arguments.split())
    assert (code, err.splitlines()[-1][: len("error: " + message)]) == (2, f"error: {message}")
    assert Path(make).read_text() == "0,60\n"


def test_what_has_no_consensus_or_no_package_is_one_line(take: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write("short.wav", np.zeros(100), 16_000)
    assert (
        run("short.wav")[2].splitlines()[-1] == "error: short.wav: has 0.006 s, at least 0.2 s are needed; record more"
    )
    silent = Tracker(lambda samples: Estimate(TIMES_S, 0 * HZ, HZ < 0, None))
    open_silent = tuple(trackers.OpenTracker(rival_named(name), silent) for name in CONSENSUS_VOTERS)
    monkeypatch.setattr(annotate, "open_trackers", lambda opened: open_silent)
    assert "take.wav: has no frame on which 3 of 4 trackers agree on a pitch; use a" in run("take.wav")[2]
    monkeypatch.setattr(annotate, "open_trackers", trackers.open_trackers)
    monkeypatch.setattr(rival, "find_spec", lambda name: None)
    assert run("take.wav")[2].splitlines()[-1] == (
        "error: swift-f0: swift-f0 is not installed; pip install 'pesto-workbench[annotate]'"
    )
