"""Noise of a known level; and, slow, a real program whose accuracy falls with it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.project import write_project
from tests.measure.test_truth import RATE_HZ, clip
from workbench.audio.annotations import PitchTrack
from workbench.audio.clip_catalog import ClipCatalog
from workbench.errors import AudioError
from workbench.measure.truth.noise import pink_noise, with_noise
from workbench.progress import Progress
from workbench.records.noise import NOISE_NAME, read_noise
from workbench.workflows.load_recipes import load_variants
from workbench.workflows.noise import measure_with_noise
from workbench.workflows.store_results import store_noise
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


@pytest.mark.slow
def test_accuracy_falls_with_the_noise(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    catalog = ClipCatalog(project / "calib_audio")
    (recipe,) = load_variants([project / "least.yaml"], catalog)
    (variant,) = load_clips([prepare(recipe)], catalog, None, Progress())
    noise = measure_with_noise(variant, tmp_path / "out", (20.0, -20.0), Progress())
    store_noise(noise, tmp_path / "out")
    assert read_noise(tmp_path / "out" / NOISE_NAME) == noise
    assert [(level.group, level.snr_db) for level in noise.levels] == [
        ("no noise", None),
        ("20 dB", 20),
        ("-20 dB", -20),
    ]
    clean, some, much = (level.variant.rpa50 for level in noise.levels)
    assert clean > 0.95 and some > 0.9 and much < 0.5
    assert all(abs(level.variant.rpa50 - level.baseline.rpa50) < 0.02 for level in noise.levels)
    unknown = replace(variant, scored_clips=tuple(replace(each, f0=None) for each in variant.scored_clips))
    with pytest.raises(AudioError, match="no scored clip has a known, voiced f0"):
        measure_with_noise(unknown, tmp_path / "none", (0.0,), Progress())
