"""The synthetic clips: their f0 against the frequency of their fundamental, their timbre and level, their entries."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from scipy.ndimage import minimum_filter1d
from scipy.signal import oaconvolve

from workbench.audio.synth import Rendering, render
from workbench.audio.synth_manifest import (
    RENDER_RATE_HZ,
    Entry,
    Glide,
    Manifest,
    Noise,
    Phrase,
    Tones,
    Vibrato,
    read_manifest,
)
from workbench.audio.synth_oscillator import rms
from workbench.errors import AudioError, WorkbenchError

ROOT = Path(__file__).parents[2] / "calib_audio"
RATE = RENDER_RATE_HZ


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return read_manifest(ROOT / "manifest.yaml")


def entry(manifest: Manifest, name: str) -> Entry:
    return next(e for e in (*manifest.calibrate, *manifest.score) if e.name == name)


@pytest.fixture(scope="module")
def rendered(manifest: Manifest) -> Callable[[str], Rendering]:
    """A clip of the shipped set, rendered once for all tests."""
    return cache(lambda name: render(entry(manifest, name)))


def deviation_cents(rendering: Rendering) -> np.ndarray:
    """Returns how far the fundamental is from the annotated f0, at each sample that is 50 ms from any unvoiced one."""
    turn = np.exp(-2j * np.pi * np.cumsum(rendering.f0_hz) / RATE)
    window = np.hanning(RATE // 20)
    fundamental = oaconvolve(rendering.samples * turn, window / window.sum(), "same")
    error_hz = np.gradient(np.unwrap(np.angle(fundamental))) * RATE / (2 * np.pi)
    voiced = minimum_filter1d(rendering.f0_hz, RATE // 10) > 0
    assert np.abs(fundamental[voiced]).min() > 0.03 * rms(rendering.samples[voiced])
    return 1200 * np.log2(1 + error_hz[voiced] / rendering.f0_hz[voiced])


def power_spectrum(samples: np.ndarray, window: Callable[[int], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Returns frequencies in hertz, and the power at each."""
    return np.fft.rfftfreq(len(samples), 1 / RATE), np.abs(np.fft.rfft(samples * window(len(samples)))) ** 2


@pytest.mark.parametrize(
    "name", ["tones-harmonic-high", "glide-arch", "vibrato-bass", "phrase-soprano", "phrase-tenor"]
)
def test_sound_has_the_annotated_f0(rendered: Callable[[str], Rendering], name: str) -> None:
    error_cents = deviation_cents(rendered(name))
    assert len(error_cents) > 3 * RATE
    assert abs(np.median(error_cents)) < 0.2
    assert np.percentile(np.abs(error_cents), 95) < 4


@pytest.mark.parametrize("name", ["phrase-soprano", "phrase-bass"])
def test_phrases_follow_their_notes(manifest: Manifest, rendered: Callable[[str], Rendering], name: str) -> None:
    f0_hz, position_s = rendered(name).f0_hz, 0.0
    for pitch, duration_s, *_ in entry(manifest, name).notes:
        inner_hz = f0_hz[round((position_s + 0.1) * RATE) : round((position_s + duration_s - 0.1) * RATE)]
        position_s += duration_s
        if pitch == "rest":
            assert not inner_hz.any()
        else:
            assert np.median(69 + 12 * np.log2(inner_hz / 440)) == pytest.approx(pitch, abs=0.2)
    assert len(f0_hz) == round(position_s * RATE)


def test_glide_and_vibrato_follow_their_entry() -> None:
    glide = Glide(kind="glide", name="g", turns=(45, 81, 57), leg_s=1.0, harmonics=1, level_dbfs=-20)
    np.testing.assert_allclose(render(glide).f0_hz[[RATE // 2, RATE]], [440 * 2**-0.5, 880], rtol=1e-3)
    note = (69, 5.0, 80)
    vibrato = Vibrato(kind="vibrato", name="v", notes=(note,), note_s=2.0, gap_s=0.1, harmonics=1, level_dbfs=-20)
    pitch_cents = 1200 * np.log2(render(vibrato).f0_hz[RATE // 5 : 9 * RATE // 5] / 440)
    spectrum = np.abs(np.fft.rfft(pitch_cents)) / len(pitch_cents) * 2
    assert np.argmax(spectrum) == 8  # 8 cycles in 1.6 s: 5 Hz
    assert spectrum[8] == pytest.approx(80, abs=0.5)


def test_vowels_have_their_formants(manifest: Manifest) -> None:
    """The strongest harmonic near F1 and F2, on a low note whose harmonics are close enough to show them."""
    singer = entry(manifest, "phrase-baritone").singer.model_copy(update={"formant_scale": 1.0, "vibrato_cents": 0})
    for vowel, formants_hz in (("iy", (270, 2290)), ("aa", (730, 1090)), ("eh", (530, 1840))):
        phrase = Phrase(kind="phrase", name="v", seed=1, singer=singer, notes=((38, 1.0, vowel),), level_dbfs=-25)
        hz, power = power_spectrum(render(phrase).samples[RATE // 4 : 3 * RATE // 4], np.hanning)
        for formant_hz in formants_hz:
            near = np.abs(hz - formant_hz) < 200
            strongest_hz = hz[near][np.argmax(power[near])]
            assert abs(strongest_hz - formant_hz) < 75, (vowel, formant_hz)  # harmonics are 73 Hz apart


def test_high_tone_has_no_alias() -> None:
    """Between the harmonics of a high tone there is nothing: an alias would fall there."""
    tone = Tones(kind="tones", name="t", notes=(90.37,), note_s=1.0, gap_s=0.1, harmonics=400, level_dbfs=-20)
    rendering = render(tone)
    hz, power = power_spectrum(rendering.samples[RATE // 10 : RATE * 9 // 10], np.blackman)
    f0_hz = rendering.f0_hz[RATE // 2]
    off_harmonic = np.abs((hz / f0_hz + 0.5) % 1 - 0.5) * f0_hz > 30
    assert 10 * np.log10(power[off_harmonic | (hz > 20_100)].max() / power.max()) < -90


def test_levels_are_those_of_the_manifest(manifest: Manifest, rendered: Callable[[str], Rendering]) -> None:
    for name in ("phrase-soprano", "phrase-child-quiet", "tones-sine", "noise-white", "noise-pink"):
        rendering = rendered(name)
        voiced = rendering.f0_hz > 0
        assert voiced.any() != name.startswith("noise")
        sound = rendering.samples[voiced] if voiced.any() else rendering.samples
        assert 20 * np.log10(rms(sound)) == pytest.approx(entry(manifest, name).level_dbfs, abs=1e-6)
    opening = rendered("phrase-tenor-room").samples[: round(0.39 * RATE)]
    room = entry(manifest, "phrase-tenor-room").room
    assert 20 * np.log10(rms(opening)) == pytest.approx(room.noise_dbfs, abs=2.0)  # pink: few low cycles
    loud = Tones(kind="tones", name="loud", notes=(60,), note_s=0.1, gap_s=0.1, harmonics=1, level_dbfs=0)
    with pytest.raises(AudioError, match="loud: clips at 0 dBFS"):
        render(loud)


@pytest.mark.parametrize(("colour", "slope_db"), [("white", 0.0), ("pink", -3.01)])
def test_noise_has_its_slope(colour: Literal["white", "pink"], slope_db: float) -> None:
    noise = render(Noise(kind="noise", name="n", seed=3, colour=colour, duration_s=10, level_dbfs=-20))
    hz, power = power_spectrum(noise.samples, np.ones)
    density = [np.mean(power[(hz >= low) & (hz < 2 * low)]) for low in (100, 200, 400, 800, 1600, 3200, 6400)]
    assert np.polyfit(np.arange(7), 10 * np.log10(density), 1)[0] == pytest.approx(slope_db, abs=0.15)


def test_samples_depend_only_on_the_entry(manifest: Manifest) -> None:
    notes = ((72, 0.3, "aa"), ("rest", 0.2), (74, 0.3, "iy"))
    phrase = entry(manifest, "phrase-soprano").model_copy(update={"notes": notes})
    first, again, other = render(phrase), render(phrase), render(phrase.model_copy(update={"seed": 999}))
    assert first.samples.tobytes() == again.samples.tobytes() != other.samples.tobytes()
    assert first.f0_hz.tobytes() == again.f0_hz.tobytes()


def test_shipped_set_has_no_notes_in_both_roles(manifest: Manifest) -> None:
    def content(entries: tuple[Entry, ...]) -> list[object]:
        """What has to differ between the roles: the notes, and the singers."""
        notes = [getattr(e, "notes", None) or getattr(e, "turns", None) for e in entries]
        return [n for n in notes if n] + [e.singer for e in entries if isinstance(e, Phrase)]

    assert 40 <= sum(clip.duration_s for clip in manifest.calibrate) <= 60
    assert 60 <= sum(clip.duration_s for clip in manifest.score) <= 75
    assert not [part for part in content(manifest.calibrate) if part in content(manifest.score)]


SILENCE = "{name: a, kind: silence, duration_s: 1}"
ONLY_RESTS = """score: [{name: a, kind: phrase, seed: 1, level_dbfs: -9, notes: [[rest, 1], [rest, 2]], singer: {
    formant_scale: 1, open_quotient: 1, tilt_hz: 999, breath_db: -9, jitter_cents: 9, shimmer_db: 1, vibrato_hz: 5,
    vibrato_cents: 9, scoop_cents: 9}}]"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"calibrate: [{SILENCE}]\nscore: [{SILENCE}]", "calibrate and score: name a used twice; correct the entry"),
        ("score: [{kind: silence, name: a, duration_s: .inf}]", "score.0.silence.duration_s: Input should be a finite"),
        ("score: [{kind: silence, name: a, duration_s: 1e-6}]", "score.0.silence.duration_s: Input should be greater"),
        (ONLY_RESTS, "score.0.phrase.notes: expected at least one note, got only rests; correct the entry"),
        ('score: [{kind: "a\\tb\\nc"}]', "score.0: kind: expected one of 'tones', 'glide',"),  # found by fuzzing
        ('score: [{kind: silence, name: A b, duration_s: 1, "n\\tame": a}]', "score.0.silence.name: "),
    ],
    ids=["name-twice", "infinite", "no-sample", "only-rests", "kind", "key"],
)
def test_bad_manifest_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "manifest.yaml"
    path.write_text(text if text.startswith("calibrate") else f"calibrate: []\n{text}")
    with pytest.raises(WorkbenchError, match=f"^{re.escape(f'{path}: {message}')}") as raised:
        read_manifest(path)
    assert str(raised.value).isprintable()
