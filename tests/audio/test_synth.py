"""The synthetic clips against f0 estimated here: spectral peaks, instantaneous frequency, YIN's difference function."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import hilbert

from workbench.audio.synth import Rendering, render
from workbench.audio.synth_manifest import Entry, Glide, Manifest, Noise, Phrase, Silence, Tones, Vibrato, read_manifest
from workbench.audio.synth_oscillator import RENDER_RATE_HZ
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


def cents(hz: np.ndarray, reference_hz: np.ndarray) -> np.ndarray:
    return 1200 * np.log2(hz / reference_hz)


def runs(voiced: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], voiced.astype(int), [0]])))
    return list(zip(edges[::2], edges[1::2], strict=True))


def lowest_peak_hz(samples: np.ndarray) -> float:
    """The lowest strong spectral peak: a parabola through its log magnitude, exact for a Gaussian window."""
    window = np.exp(-0.5 * np.linspace(-5, 5, len(samples)) ** 2)
    log_magnitude = np.log(np.abs(np.fft.rfft(samples * window, 4 * len(samples))) + 1e-12)
    strong = log_magnitude > log_magnitude.max() - 3.0
    rising = np.diff(log_magnitude, prepend=-np.inf) > 0
    peak = int(np.flatnonzero(strong & rising & ~np.roll(rising, -1))[0])
    left, middle, right = log_magnitude[peak - 1 : peak + 2]
    offset = 0.5 * (left - right) / (left - 2 * middle + right)
    return float((peak + offset) * RATE / (4 * len(samples)))


def yin_hz(samples: np.ndarray, centre: int, lowest_hz: float = 45, highest_hz: float = 1400) -> float:
    """de Cheveigné and Kawahara (2002), steps 2 to 5, with windows centred so that the estimate belongs to `centre`."""
    window, lags = 1600, np.arange(int(RATE / lowest_hz))
    starts = [centre - (window + lag) // 2 for lag in lags]
    pairs = [(samples[a:], samples[a + lag :]) for a, lag in zip(starts, lags, strict=True)]
    difference = np.array([np.sum(np.square(one[:window] - other[:window])) for one, other in pairs])
    normalised = np.ones(len(lags))
    normalised[1:] = difference[1:] * lags[1:] / np.cumsum(difference[1:])
    first = int(RATE / highest_hz)
    below = np.flatnonzero(normalised[first:-1] < 0.01 + 1.5 * normalised[first:].min()) + first
    lag = int(below[0])
    while normalised[lag + 1] < normalised[lag]:
        lag += 1
    left, middle, right = difference[lag - 1 : lag + 2]
    return float(RATE / (lag + 0.5 * (left - right) / (left - 2 * middle + right)))


@pytest.mark.parametrize("name", ["tones-harmonic-low", "tones-sine", "tones-harmonic"])
def test_tones_have_the_pitch_of_the_manifest(manifest: Manifest, name: str) -> None:
    tones = entry(manifest, name)
    assert isinstance(tones, Tones)
    rendering = render(tones)
    notes = runs(rendering.f0_hz > 0)
    assert len(notes) == len(tones.notes)
    for (start, stop), semitones in zip(notes, tones.notes, strict=True):
        hz = 440 * 2 ** ((semitones - 69) / 12)
        np.testing.assert_allclose(rendering.f0_hz[start:stop], hz, rtol=1e-12)
        assert abs(cents(lowest_peak_hz(rendering.samples[start:stop]), hz)) < 0.5


def test_glide_has_its_f0_at_every_sample() -> None:
    glide = Glide(kind="glide", name="g", turns=(45, 81, 57), leg_s=1.0, harmonics=1, level_dbfs=-20)
    rendering = render(glide)
    instantaneous_hz = np.gradient(np.unwrap(np.angle(hilbert(rendering.samples)))) * RATE / (2 * np.pi)
    inside = slice(RATE // 5, -RATE // 5)
    turn = np.abs(np.arange(2 * RATE) - RATE)[inside] < RATE // 50
    error = cents(instantaneous_hz[inside], rendering.f0_hz[inside])[~turn]
    assert np.percentile(np.abs(error), 99) < 2  # 36 semitones a second: 0.6 ms of misalignment would be 2 cents
    assert abs(np.median(error)) < 0.1
    assert rendering.f0_hz[RATE] == pytest.approx(880.0, rel=1e-3)


def test_vibrato_has_its_rate_and_extent() -> None:
    vibrato = Vibrato(
        kind="vibrato", name="v", notes=((69, 5.0, 80),), note_s=2.0, gap_s=0.1, harmonics=1, level_dbfs=-20
    )
    samples = render(vibrato).samples
    hz = np.gradient(np.unwrap(np.angle(hilbert(samples))))[RATE // 5 : RATE // 5 + 8 * RATE // 5] * RATE / (2 * np.pi)
    deviation = cents(hz, np.array(440.0))
    spectrum = np.abs(np.fft.rfft(deviation)) / len(deviation) * 2
    assert np.argmax(spectrum[1:]) + 1 == 8  # 8 cycles in 1.6 s: 5 Hz
    assert spectrum[8] == pytest.approx(80, abs=0.5)


@pytest.mark.parametrize("name", ["phrase-soprano", "phrase-tenor", "phrase-bass"])
def test_phrases_have_their_f0(rendered: Callable[[str], Rendering], name: str) -> None:
    rendering = rendered(name)
    voiced = rendering.f0_hz > 0
    errors = [
        cents(yin_hz(rendering.samples, centre), rendering.f0_hz[centre])
        for centre in range(2400, len(voiced) - 2400, 6001)
        if voiced[centre - 2400 : centre + 2400].all()
    ]
    assert len(errors) > 25
    assert abs(np.median(errors)) < 1.5
    assert np.percentile(np.abs(errors), 90) < 15  # an estimate over 33 ms, while vowels, vibrato and jitter move


def test_phrase_follows_its_notes(manifest: Manifest) -> None:
    phrase = entry(manifest, "phrase-baritone")
    assert isinstance(phrase, Phrase)
    rendering, position_s = render(phrase), 0.0
    for note in phrase.notes:
        part = slice(round((position_s + 0.1) * RATE), round((position_s + note[1] - 0.1) * RATE))
        position_s += note[1]
        if len(note) == 2:
            assert not rendering.f0_hz[part].any()
        else:
            assert abs(np.median(69 + 12 * np.log2(rendering.f0_hz[part] / 440)) - note[0]) < 0.35


def test_vowels_have_their_formants(manifest: Manifest) -> None:
    """The strongest harmonic near F1 and F2, on a low note whose harmonics are close enough to show them."""
    singer = entry(manifest, "phrase-baritone").singer.model_copy(update={"formant_scale": 1.0, "vibrato_cents": 0})
    for vowel, formants_hz in (("iy", (270, 2290)), ("aa", (730, 1090)), ("eh", (530, 1840))):
        phrase = Phrase(kind="phrase", name="v", seed=1, singer=singer, notes=((38, 1.0, vowel),), level_dbfs=-25)
        samples = render(phrase).samples[RATE // 4 : 3 * RATE // 4]
        power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
        hz = np.fft.rfftfreq(len(samples), 1 / RATE)
        for formant_hz in formants_hz:
            near = np.abs(hz - formant_hz) < 200
            strongest_hz = hz[near][np.argmax(power[near])]
            assert abs(strongest_hz - formant_hz) < 75, (vowel, formant_hz)  # harmonics are 73 Hz apart


def test_high_tone_has_no_alias() -> None:
    """Between the harmonics of a high tone there is nothing: an alias would fall there."""
    tone = Tones(kind="tones", name="t", notes=(90.37,), note_s=1.0, gap_s=0.1, harmonics=400, level_dbfs=-20)
    rendering = render(tone)
    samples = rendering.samples[RATE // 10 : RATE * 9 // 10]
    magnitude = np.abs(np.fft.rfft(samples * np.blackman(len(samples))))
    hz, f0_hz = np.fft.rfftfreq(len(samples), 1 / RATE), rendering.f0_hz[RATE // 2]
    off_harmonic = np.abs((hz / f0_hz + 0.5) % 1 - 0.5) * f0_hz > 30
    assert 20 * np.log10(magnitude[off_harmonic].max() / magnitude.max()) < -90
    assert 20 * np.log10(magnitude[hz > 20_100].max() / magnitude.max()) < -90


def test_levels_are_those_of_the_manifest(manifest: Manifest, rendered: Callable[[str], Rendering]) -> None:
    def level_dbfs(rendering: Rendering, where: np.ndarray) -> float:
        return float(10 * np.log10(np.mean(rendering.samples[where] ** 2)))

    for name in ("phrase-soprano", "phrase-child-quiet", "tones-sine", "noise-white", "noise-pink"):
        rendering = rendered(name)
        voiced = rendering.f0_hz > 0
        assert voiced.any() != name.startswith("noise")
        where = voiced if voiced.any() else ~voiced
        assert level_dbfs(rendering, where) == pytest.approx(entry(manifest, name).level_dbfs, abs=1e-6)
    room = entry(manifest, "phrase-tenor-room")
    opening = np.arange(round(room.duration_s * RATE)) < 0.39 * RATE
    noise_dbfs = level_dbfs(rendered("phrase-tenor-room"), opening)
    assert noise_dbfs == pytest.approx(room.room.noise_dbfs, abs=2.0)  # pink: few low cycles


def test_noise_has_its_slope() -> None:
    for colour, slope_db in (("white", 0.0), ("pink", -3.01)):
        samples = render(Noise(kind="noise", name="n", seed=3, colour=colour, duration_s=10, level_dbfs=-20)).samples
        power = np.abs(np.fft.rfft(samples)) ** 2
        hz = np.fft.rfftfreq(len(samples), 1 / RATE)
        density = [np.mean(power[(hz >= low) & (hz < 2 * low)]) for low in (100, 200, 400, 800, 1600, 3200, 6400)]
        assert np.polyfit(np.arange(7), 10 * np.log10(density), 1)[0] == pytest.approx(slope_db, abs=0.15)


def test_silence_has_only_zeros(manifest: Manifest) -> None:
    silence = entry(manifest, "silence")
    assert isinstance(silence, Silence)
    rendering = render(silence)
    assert len(rendering.samples) == silence.duration_s * RATE
    assert not rendering.samples.any()
    assert not rendering.f0_hz.any()


def test_samples_depend_only_on_the_entry(manifest: Manifest) -> None:
    phrase = entry(manifest, "phrase-soprano").model_copy(
        update={"notes": ((72, 0.3, "aa"), ("rest", 0.2), (74, 0.3, "iy"))}
    )
    first, again, other = render(phrase), render(phrase), render(phrase.model_copy(update={"seed": 999}))
    assert first.samples.tobytes() == again.samples.tobytes()
    assert first.f0_hz.tobytes() == again.f0_hz.tobytes()
    assert first.samples.tobytes() != other.samples.tobytes()


def test_level_that_would_clip_raises() -> None:
    tone = Tones(kind="tones", name="loud", notes=(60,), note_s=0.1, gap_s=0.1, harmonics=1, level_dbfs=0)
    with pytest.raises(AudioError, match=r"^loud: clips at 0 dBFS; lower its level_dbfs in the manifest$"):
        render(tone)


def test_shipped_set_has_no_notes_in_both_roles(manifest: Manifest) -> None:
    durations_s = {role: sum(e.duration_s for e in getattr(manifest, role)) for role in ("calibrate", "score")}
    assert 40 <= durations_s["calibrate"] <= 60
    assert 60 <= durations_s["score"] <= 75

    def content(entries: tuple[Entry, ...]) -> list[object]:
        """What has to differ between the roles: the notes, and the singers."""
        notes = [getattr(e, "notes", None) or getattr(e, "turns", None) for e in entries]
        return [n for n in notes if n] + [e.singer for e in entries if isinstance(e, Phrase)]

    assert not [part for part in content(manifest.calibrate) if part in content(manifest.score)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("calibrate: [", "line 1: is not YAML"),
        ("- a", "is not a manifest; expected a mapping of keys to values, got a list"),
        (
            "calibrate: []\nscore:\n- {name: a, kind: silence, duration_s: 1e9}\n"
            "- {name: b, kind: silence, duration_s: .inf}",
            "score.0.silence.duration_s: Input should be less than or equal to 3600; "
            "score.1.silence.duration_s: Input should be a finite number; correct the entry",
        ),
        (
            "calibrate: [{name: a, kind: silence, duration_s: 1}]\nscore: [{name: a, kind: silence, duration_s: 2}]",
            "calibrate and score: name a used twice; correct the entry",
        ),
        (
            'calibrate: []\nscore: [{kind: "a\\tb\\nc"}]',  # found by fuzzing
            "score.0: kind: expected one of 'tones', 'glide', 'vibrato', 'phrase', 'noise', 'silence', got "
            "'a\\tb\\nc'; correct the entry",
        ),
        ('calibrate: []\nscore: [{kind: silence, name: A b, duration_s: 0, "n\\tame": a}]', "score.0.silence.name: "),
    ],
)
def test_bad_manifest_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "manifest.yaml"
    path.write_text(text)
    with pytest.raises(WorkbenchError, match=f"^{re.escape(f'{path}: {message}')}") as raised:
        read_manifest(path)
    assert str(raised.value).isprintable()
