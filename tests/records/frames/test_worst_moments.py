"""Which frames are the worst moments, and the sound around them."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.helpers.records.report_run import CLIPS, OFF, RATE_HZ, clip_of, frames_of, make_run
from workbench.audio.clip_catalog import ClipCatalog
from workbench.records.frames.worst_moments import MOMENTS_FOLDER, sound_of, wav_of, worst, worst_known
from workbench.records.run_folders import find_results


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outputs") / "a run"
    make_run(folder)
    return folder


def test_worst_frames_are_in_order_and_a_second_apart() -> None:
    found = worst([frames_of("a", OFF), frames_of("b", {7: 5.0})])
    # frame 30 is nearer than a second to 10 and to 59, which is 0.98 s after 10 and so left out too
    assert [(moment.clip, round(moment.at_s, 3)) for moment in found] == [("a", 0.22), ("a", 2.42), ("b", 0.16)]
    assert [moment.cents for moment in found] == pytest.approx([50, -30, 5], abs=1e-3)
    assert [round(moment.from_s, 3) for moment in found] == [0, 1.92, 0]


def test_worst_skips_equal_and_unvoiced_frames() -> None:
    assert [worst(frames) for frames in ([], [frames_of("a", {})], [frames_of("a", {2: 500.0})])] == [[], [], []]


def test_worst_puts_a_frame_that_is_not_finite_first() -> None:
    found = worst([frames_of("a", {20: 3000.0, 100: float("nan")})])
    assert [moment.cents for moment in found] == [None, pytest.approx(3000, abs=1e-2)]
    assert len(worst([frames_of(name, {50: 1.0}) for name in "abcdefg"])) == 5


def test_worst_seconds_against_the_known_f0_have_most_wrong_frames() -> None:
    """Frames 20 to 29 and 100 to 104 are a semitone off; frame 60 is 30 cents off; the f0 of 120 to 149 is unknown."""
    clip = frames_of("a", {60: 30.0, **dict.fromkeys([*range(20, 30), *range(100, 105), 130], 100.0)})
    known_hz = 440 * 2 ** ((clip.baseline.pitch_semitones.astype(float) - 69) / 12)
    known_hz[:10], known_hz[120:] = 0, np.nan
    first, second = worst_known([replace(clip, known_hz=known_hz), frames_of("no known f0", OFF)])
    assert (first.wrong_frames, first.known_frames, round(first.at_s, 2)) == (10, 40, 0.52)
    assert (second.wrong_frames, round(second.at_s, 2)) == (5, 2.06)
    assert [first.cents, second.cents] == pytest.approx([100, 100], abs=1e-2)
    assert first.from_s <= 20 * 0.02 and first.from_s + 1 >= 30 * 0.02
    assert first.file_name == "a-0.520s-known-f0.wav"


def test_wav_of_cuts_the_second_around_the_moment() -> None:
    """A click in silence is in the sound where it was, minus the start of the second."""
    samples = np.zeros(3 * 48_000, np.float32)
    samples[round(2.0 * 48_000) : round(2.01 * 48_000)] = 0.5
    (moment,) = worst([frames_of("a", {99: 10.0})])
    assert (moment.at_s, moment.from_s) == (pytest.approx(2.0), pytest.approx(1.5))
    content = wav_of(moment, samples, 48_000)
    sound, rate_hz = soundfile.read(io.BytesIO(content))
    info = soundfile.info(io.BytesIO(content))
    assert (rate_hz, info.channels, info.subtype, info.format) == (12_000, 1, "PCM_16", "WAV")
    assert len(sound) == 12_000
    loud = np.flatnonzero(np.abs(sound) > 0.25) / rate_hz
    assert (loud[0], loud[-1]) == (pytest.approx(0.5, abs=2e-3), pytest.approx(0.51, abs=2e-3))


def test_wav_of_keeps_a_rate_below_12_khz() -> None:
    (moment,) = worst([frames_of("a", {10: 10.0})])
    sound, rate_hz = soundfile.read(io.BytesIO(wav_of(moment, np.full(4000, 0.5, np.float32), 8000)))
    assert (len(sound), rate_hz) == (4000, 8000)


def test_sound_of_uses_the_run_then_the_same_clip(run: Path, tmp_path: Path) -> None:
    (tmp_path / "manifest.yaml").write_text("calibrate: []\nscore: []\n")
    tone = clip_of("plain")
    (tmp_path / "sung").mkdir()
    soundfile.write(tmp_path / "sung" / "plain.wav", tone.samples, RATE_HZ)
    record = find_results([run / "a"])[0].result
    moment = worst([frames_of(CLIPS[1], {7: 5.0})])[0]
    kept, why = sound_of(moment, record, run / "a", None)
    assert kept is not None and kept.startswith(b"RIFF") and why == ""

    catalog = ClipCatalog(tmp_path)
    assert sound_of(moment, record, tmp_path, catalog) == (
        None,
        "the run stored no audio of it, and the clip of that name has changed since",
    )
    used = record.audio[1].model_copy(update={"sha256": catalog.read("sung/plain", RATE_HZ).sha256})
    same = record.model_copy(update={"audio": (used,)})
    found, why = sound_of(moment, same, tmp_path, catalog)
    assert why == ""
    sound, _ = soundfile.read(io.BytesIO(found))
    expected, _ = soundfile.read(io.BytesIO(kept))
    assert np.abs(sound[200:-200] - expected[200:-200]).max() < 0.01  # resampled whole, or only the second
    assert sound_of(moment, record, tmp_path, None) == (
        None,
        "the run stored no audio of it, and there is no clip of that name",
    )


def test_save_clips_replaces_those_of_an_earlier_run(run: Path) -> None:
    assert len(list((run / "a" / MOMENTS_FOLDER).iterdir())) == 3
    make_run(run)
    assert len(list((run / "a" / MOMENTS_FOLDER).iterdir())) == 3
