"""Golden audio and the frames that a program returns for it: what another machine has to reproduce."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.io import wavfile

from workbench.audio.clip_catalog import SYNTHETIC_SCORE, ClipCatalog
from workbench.bundle.verify_standalone import COLUMNS, WITHIN, load, run_clip
from workbench.errors import ProgramError, WorkbenchError
from workbench.private_names import executorch_runtime
from workbench.recipe.stream_config import StreamConfig
from workbench.record_model import RecordModel
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.session import Floats, chunk_schedule, random_sizes
from workbench.units import CENTS_PER_SEMITONE

# Another processor adds numbers in another order, which has the effect of other last bits in every sample. To measure
# this effect, every sample is changed by up to NUDGE of its value. The tolerance follows from the change of the frames.
# NUDGE is more than the rounding of a naive float32 sum over an analysis window (8192 ** 0.5 * 2 ** -24 = 5e-6).
NUDGE = 2.0**-16
NUDGES = 8
MARGIN = 4.0  # times the largest move by any nudge
MIN_TOLERANCE = (0.1 / CENTS_PER_SEMITONE, 1e-3, 1e-3)  # semitones; confidence; volume, relative
TIE_CENTS = 25.0  # if a nudge moves a frame further, two pitches tie on it: either is right
MIN_PITCH_FRAMES = 20
_NUDGE_SEED, _CALL_SIZES_SEED = 1, 2


class Tolerance(RecordModel):
    """How far frames of another machine may be from the expected ones, and how many frames are compared.

    Pitch is compared if confidence reaches the recipe's threshold and no nudge moves it to another pitch; confidence
    and volume always.
    """

    pitch_cents: float
    confidence: float
    volume_relative: float
    frames: int
    pitch_frames: int
    unsteady_frames: int
    nudge_relative: float = NUDGE
    nudges: int = NUDGES
    margin: float = MARGIN


@dataclass(frozen=True)
class Golden:
    """Audio for each stream, and the frames to expect.

    Attributes:
        clips: The names of the clips, one for each stream.
        audio: (streams, samples).
        calls: The number of frames of each call.
        expected: (3, streams, frames): pitch in semitones, confidence, volume.
        within: Like `expected`: how far a frame may be from it; inf if it is not compared.
        tolerance: The rule that `within` follows.
    """

    clips: tuple[str, ...]
    audio: Floats
    calls: tuple[int, ...]
    expected: Floats
    within: Floats
    tolerance: Tolerance


def record_golden(
    child: IsolatedProcess, program: Path, stream: StreamConfig, catalog: ClipCatalog, seconds: float, threshold: float
) -> Golden:
    """Runs a program over the start of a synthetic phrase for each of its streams.

    Args:
        child: The process in which it runs.
        program: Its file. If it takes several sizes of call, all of them are used, in random order.
        stream: Its stream configuration.
        catalog: Has the synthetic phrases.
        seconds: Duration of the audio.
        threshold: The confidence from which pitch is compared.

    Raises:
        ProgramError: The program does not run, or returns frames that are not finite.
        WorkbenchError: Too few frames have a pitch to compare, or the catalog has no synthetic clip.
    """
    clips = _phrases(catalog, stream.streams)
    samples = round(seconds * stream.sample_rate_hz)
    audio = np.zeros((stream.streams, samples), np.float32)
    for lane, name in zip(audio, clips, strict=True):
        phrase = catalog.read(name, stream.sample_rate_hz).samples[:samples]
        lane[: len(phrase)] = phrase
    sizes = random_sizes(stream, _CALL_SIZES_SEED) if stream.dynamic else None
    calls = tuple(chunk_schedule(samples, stream, sizes))
    audio = np.pad(audio, [(0, 0), (0, sum(calls) * stream.hop_samples - samples)])
    expected, *moved = child.call(_run_clips, program, [audio, *_nudged(audio)], list(calls))
    if not all(np.isfinite(frames).all() for frames in (expected, *moved)):
        raise ProgramError(f"{program}: returns NaN or infinity on the golden audio; a bundle needs finite frames")
    within, tolerance = _tolerance(expected, np.stack(moved), threshold)
    if tolerance.pitch_frames < MIN_PITCH_FRAMES:
        raise WorkbenchError(
            f"{program}: only {tolerance.pitch_frames} golden frames have a pitch to compare (at least "
            f"{MIN_PITCH_FRAMES} required); use more --seconds"
        )
    return Golden(clips, audio, calls, expected, within, tolerance)


def _nudged(audio: Floats) -> list[Floats]:
    """Copies of the audio, each with every sample changed by up to NUDGE of itself; silence stays silent."""
    random = np.random.default_rng(_NUDGE_SEED)
    return [(audio * (1 + NUDGE * random.uniform(-1, 1, audio.shape))).astype(np.float32) for _ in range(NUDGES)]


def _run_clips(path: Path, clips: list[Floats], frames_of_calls: list[int]) -> list[Floats]:
    """Runs a program's file over several clips, in this process; see `run_clip`."""
    executorch_runtime()  # before `load` imports it: this one does not import ExecuTorch's compiler
    program = load(path)
    return [run_clip(program, clip, frames_of_calls) for clip in clips]


def _phrases(catalog: ClipCatalog, streams: int) -> tuple[str, ...]:
    """Sung phrases of the synthetic set, one a stream; other clips of it where it has none."""
    clips = [name for name in catalog.clips() if name.startswith(f"{SYNTHETIC_SCORE}/")]
    sung = [name for name in clips if "/phrase" in name] or clips
    if not sung:
        raise WorkbenchError(f"{catalog.root}: no synthetic clip for scoring; a bundle contains no other audio")
    return tuple(sung[lane % len(sung)] for lane in range(streams))


def _tolerance(expected: Floats, moved: Floats, threshold: float) -> tuple[Floats, Tolerance]:
    """How far each frame may be from the expected one, from what the nudges did.

    Takes (3, streams, frames) expected and (nudges, 3, streams, frames) moved. Returns (3, streams, frames), inf if a
    frame's pitch is not compared, and the rule.
    """
    pitch, confidence, volume = np.abs(moved.astype(np.float64) - expected).max(0)
    voiced = expected[1] >= threshold
    unsteady = voiced & (pitch * CENTS_PER_SEMITONE > TIE_CENTS)
    steady = voiced & ~unsteady
    relative_volume = volume / np.maximum(np.abs(expected[2]), np.finfo(np.float32).tiny)
    largest_moves = (pitch[steady].max(initial=0.0), confidence.max(), relative_volume.max())
    pitch_within, confidence_within, volume_within = (
        max(MARGIN * float(move), least) for move, least in zip(largest_moves, MIN_TOLERANCE, strict=True)
    )
    within = np.empty_like(expected)
    within[0] = np.where(steady, pitch_within, np.inf)
    within[1] = confidence_within
    within[2] = volume_within * np.abs(expected[2])
    return within, Tolerance(
        pitch_cents=pitch_within * CENTS_PER_SEMITONE,
        confidence=confidence_within,
        volume_relative=volume_within,
        frames=expected[0].size,
        pitch_frames=int(steady.sum()),
        unsteady_frames=int(unsteady.sum()),
    )


def encode_wav(audio: Floats, sample_rate_hz: int) -> bytes:
    """Returns (channels, samples) as a WAV of 32-bit floats, every bit of them.

    soundfile is no substitute: it adds a PEAK chunk with the time of writing, and bundles are the same bytes each time.
    """
    content = io.BytesIO()
    wavfile.write(content, sample_rate_hz, np.ascontiguousarray(audio.T, np.float32))
    return content.getvalue()


def to_csv(golden: Golden) -> str:
    """Returns the expected frames as CSV, with nine digits a number: every bit of a float32."""
    rows = [",".join((*COLUMNS, *WITHIN))]
    first = 0
    for call, frames in enumerate(golden.calls):
        for frame in range(first, first + frames):
            for stream in range(golden.expected.shape[1]):
                numbers = (*golden.expected[:, stream, frame], *golden.within[:, stream, frame])
                rows.append(f"{call},{frame},{stream}," + ",".join(f"{number:.9g}" for number in numbers))
        first += frames
    return "\n".join(rows) + "\n"
