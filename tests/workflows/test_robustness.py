"""Noise of a known level, gain, and ranges of pitch; and, slow, a real program whose accuracy falls with noise."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.project import write_project
from tests.measure.test_truth import RATE_HZ, clip
from workbench.audio.annotations import PitchTrack
from workbench.audio.clip_catalog import ClipCatalog
from workbench.audio.pitch_ranges import RANGES, PitchRange
from workbench.audio.synth import render
from workbench.audio.synth_manifest import Phrase, read_manifest
from workbench.errors import AudioError
from workbench.measure.truth.conditions import pink_noise, with_gain, with_noise
from workbench.progress import Progress
from workbench.records.robustness import ROBUSTNESS_NAME, read_robustness
from workbench.workflows.load_recipes import load_variants
from workbench.workflows.robustness import measure_robustness
from workbench.workflows.store_results import store_robustness
from workbench.workflows.variant.prepare import load_clips, prepare

TIMES_S = np.arange(0, 1, 0.005)
HALF_SUNG = PitchTrack(TIMES_S, np.where(TIMES_S < 0.5, 220.0, 0.0))
SILENT = PitchTrack(TIMES_S, np.zeros(len(TIMES_S)))


@pytest.mark.parametrize("snr_db", [20, 0])
def test_the_ratio_is_that_of_the_voiced_part(snr_db: float) -> None:
    """The voice has a power of 0.02 in its voiced half, and nothing in the other, where only the noise is left."""
    voice = np.float32(
        0.2 * np.sin(2 * np.pi * 220 * np.arange(RATE_HZ) / RATE_HZ) * (np.arange(RATE_HZ) < RATE_HZ / 2)
    )
    sung, silent = replace(clip(HALF_SUNG), samples=voice), clip(SILENT, "silence")
    noisy, only_noise = with_noise([sung, silent], snr_db)
    power = np.square(noisy.samples - voice).mean()
    assert 10 * np.log10(0.02 / power) == pytest.approx(snr_db, abs=0.05)
    assert 10 * np.log10(0.02 / np.square(only_noise.samples).mean()) == pytest.approx(snr_db, abs=0.05)
    assert (noisy.name, noisy.f0) == (sung.name, sung.f0) and noisy.sha256 != sung.sha256
    again, _ = with_noise([sung, silent], snr_db)
    np.testing.assert_array_equal(again.samples, noisy.samples)


def test_pink_noise_has_equal_power_in_every_octave() -> None:
    noise = pink_noise(10 * RATE_HZ, RATE_HZ, "a")
    power, hz = np.abs(np.fft.rfft(noise)) ** 2, np.fft.rfftfreq(len(noise), 1 / RATE_HZ)
    octaves = [power[(hz >= low) & (hz < 2 * low)].sum() for low in (50, 200, 800, 3200, 12_800)]
    assert 10 * np.log10(max(octaves) / min(octaves)) < 1
    assert power[hz < 19].sum() < 1e-9 * power.sum()
    assert not np.array_equal(noise, pink_noise(10 * RATE_HZ, RATE_HZ, "b"))


def test_gain_clips_at_full_scale() -> None:
    voice = np.float32([0.6, -0.6, 0.01, 0])
    (louder,), (softer,) = (with_gain([replace(clip(HALF_SUNG), samples=voice)], gain_db) for gain_db in (6, -40))
    np.testing.assert_allclose(louder.samples, [1, -1, 0.01 * 10**0.3, 0], rtol=1e-6)
    np.testing.assert_allclose(softer.samples, voice / 100, rtol=1e-6)


@pytest.mark.parametrize("pitch_range", RANGES, ids=lambda each: each.name)
def test_voices_stay_in_their_range_and_are_no_other_clips(pitch_range: PitchRange) -> None:
    """A sung voice is rendered in part: its highest and its lowest note."""
    entries = pitch_range.entries()
    assert entries == pitch_range.entries() and len({entry.name for entry in entries}) == 4
    assert 18 <= sum(entry.duration_s for entry in entries) <= 22
    for entry in entries:
        if isinstance(entry, Phrase):
            notes = sorted(note for note in entry.notes if note[0] != "rest")
            entry = entry.model_copy(update={"notes": (("rest", 0.1), notes[0], notes[-1], ("rest", 0.1))})
        hz = render(entry).f0_hz
        assert hz[hz > 0].min() >= pitch_range.low_hz and hz.max() <= pitch_range.high_hz
        assert hz.max() > 0.55 * pitch_range.high_hz and hz[hz > 0].min() < 2 * pitch_range.low_hz
    seeds = {entry.seed for each in RANGES for entry in each.entries() if isinstance(entry, Phrase)}
    manifest = read_manifest(Path(__file__).parents[2] / "calib_audio" / "manifest.yaml")
    assert len(seeds) == 8
    assert not seeds & {getattr(entry, "seed", None) for entry in (*manifest.calibrate, *manifest.score)}


@pytest.mark.slow
def test_accuracy_falls_with_the_noise(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    catalog = ClipCatalog(project / "calib_audio")
    (recipe,) = load_variants([project / "least.yaml"], catalog)
    (variant,) = load_clips([prepare(recipe)], catalog, None, Progress())
    record = measure_robustness(variant, tmp_path / "out", (20.0, -20.0), (-40.0,), Progress(), ranges=False)
    store_robustness(record, tmp_path / "out")
    assert read_robustness(tmp_path / "out" / ROBUSTNESS_NAME) == record
    names = [each.group for each in record.conditions]
    assert names == ["clean", "noise at 20 dB", "noise at -20 dB", "gain of -40 dB"]
    clean, some, much, soft = (each.variant for each in record.conditions)
    assert clean.rpa50 > 0.95 and some.rpa50 > 0.9 and much.rpa50 < 0.5
    assert soft.rpa50 > 0.95 and soft.voicing_recall < 0.5 < clean.voicing_recall
    assert all(abs(each.rpa50_change) < 0.02 and not each.below_baseline for each in record.conditions)
    unknown = replace(variant, scored_clips=tuple(replace(each, f0=None) for each in variant.scored_clips))
    with pytest.raises(AudioError, match="no scored clip has a known, voiced f0"):
        measure_robustness(unknown, tmp_path / "none", (0.0,), (), Progress())
