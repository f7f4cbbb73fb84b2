"""Known f0 with a mistake that people make, beside tones that are rendered here and tracked by upstream."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mir_eval
import numpy as np
import pytest

from tests.cli.bad_input_cases import MANIFEST
from workbench.audio import Clip, ClipCatalog, read_pitch_track
from workbench.measure.alignment import fit_alignment
from workbench.measure.f0_misfit import find_misfits
from workbench.measure.timing import BaselineSpec
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.session import Frames, run_chunks

STREAM = StreamConfig(16_000, 320, 1, 1.0)
A, B = "synthetic/calibrate/tone", "synthetic/score/sine"
Rows = tuple[np.ndarray, np.ndarray]


def midi(hz: np.ndarray) -> np.ndarray:
    return np.where(hz > 0, 69 + 12 * np.log2(np.maximum(hz, 1) / 440), 0)


def cents(hz: np.ndarray) -> np.ndarray:
    return np.where(hz > 0, mir_eval.melody.hz2cents(np.maximum(hz, 1)), 0)


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Clip, Frames]]:
    """Two clips of three seconds, A low and B high, each with the frames of upstream."""
    root = tmp_path_factory.mktemp("calib_audio")
    long = (
        MANIFEST.replace("[57]", "[45, 50, 57]").replace("[69]", "[69, 74, 66]").replace("note_s: 0.2", "note_s: 0.9")
    )
    (root / "manifest.yaml").write_text(long.replace("-40", "-20").replace("harmonics: 1,", "harmonics: 5,"))
    catalog, session = ClipCatalog(root), BaselineSpec("mir-1k_g7", STREAM, "alwa", False).session()
    clips = [catalog.read(name, STREAM.sample_rate_hz) for name in (A, B)]
    return [(clip, run_chunks(session, clip.samples)) for clip in clips]


def misfits_of(
    tones: list[tuple[Clip, Frames]], path: Path, header: str, times: np.ndarray, values: np.ndarray
) -> list:
    """The misfits if the known f0 of A is a file with these columns."""
    path.write_text(header + "".join(f"{time:.6f},{value:.9f}\n" for time, value in zip(times, values, strict=True)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clip = replace(tones[0][0], f0=read_pitch_track(path))
    return list(find_misfits([(clip, tones[0][1]), tones[1]], STREAM, fit_alignment(tones, STREAM).delay_ms))


@pytest.mark.parametrize(
    ("header", "change", "explanation"),
    [
        ("", lambda s, hz: (s, midi(hz)), "its values are MIDI notes"),
        ("", lambda s, hz: (s, 100 * midi(hz)), "its values are hundredths of MIDI notes"),
        ("", lambda s, hz: (s, cents(hz)), "its values are cents above 10 Hz"),
        ("time,midi\n", lambda s, hz: (s, hz), "its values are hertz"),
        ("ms,hertz\n", lambda s, hz: (s, hz), "its times are seconds"),
        ("ms,hz\n", lambda s, hz: (s, midi(hz)), "its times are seconds and its values are MIDI notes"),
        ("", lambda s, hz: (s, hz / 2), "it is raised by an octave"),
        ("", lambda s, hz: (s, 2 * hz), "it is lowered by an octave"),
    ],
)
def test_what_was_done_to_a_file_is_found(
    header: str, change: Callable[..., Rows], explanation: str, tones: list[tuple[Clip, Frames]], tmp_path: Path
) -> None:
    f0 = tones[0][0].f0
    (misfit,) = misfits_of(tones, tmp_path / "a.csv", header, *change(f0.times_s, f0.hz))
    assert (misfit.clip, misfit.explanation) == (A, explanation)
    assert misfit.right_frames < 0.1 * misfit.voiced_frames or misfit.voiced_frames < 5
    assert misfit.explained_right_frames > 0.9 * misfit.explained_voiced_frames > 90


def test_files_that_were_swapped_or_copied_are_found(tones: list[tuple[Clip, Frames]]) -> None:
    (a, frames_a), (b, frames_b) = tones
    swapped = [(replace(a, f0=b.f0), frames_a), (replace(b, f0=a.f0), frames_b)]
    assert [misfit.explanation for misfit in find_misfits(swapped, STREAM, 25.0)] == [
        f"it belongs to {B}",
        f"it belongs to {A}",
    ]
    copied = [(replace(a, f0=b.f0), frames_a), (b, frames_b)]
    assert [(misfit.clip, misfit.explanation) for misfit in find_misfits(copied, STREAM, 25.0)] == [
        (A, f"it belongs to {B}")
    ]


def test_what_fits_or_has_no_explanation_is_no_misfit(tones: list[tuple[Clip, Frames]], tmp_path: Path) -> None:
    f0 = tones[0][0].f0
    assert misfits_of(tones, tmp_path / "a.csv", "", f0.times_s, f0.hz) == []
    assert misfits_of(tones, tmp_path / "a.csv", "", f0.times_s, 1.3 * f0.hz) == []
    assert misfits_of(tones, tmp_path / "a.csv", "", f0.times_s, 0 * f0.hz) == []
