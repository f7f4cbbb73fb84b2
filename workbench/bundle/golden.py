"""Golden audio and the frames that a program answers it with: what another machine has to reproduce."""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.audio.corpus import SYNTHETIC_SCORE, Corpus
from workbench.bundle import verify_standalone as standalone
from workbench.bundle.verify_standalone import COLUMNS, WITHIN
from workbench.errors import ProgramError, WorkbenchError
from workbench.recipe.stream_config import StreamConfig
from workbench.record_model import RecordModel
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.session import Floats, chunk_schedule, random_sizes
from workbench.units import CENTS_PER_SEMITONE

# Another processor's kernels add up in another order: as if every sample were off by some of its last bits. So each
# sample is moved by up to NUDGE of itself, more than a float32 sum of a whole analysis window (8192 taps) loses even
# when it is added up naively (8192 ** 0.5 * 2 ** -24 = 5e-6), and what that moves decides how far a frame may be.
NUDGE = 2.0**-16
NUDGES = 8
MARGIN = 4.0  # times the furthest that any nudge moved a frame
LEAST = (0.1 / CENTS_PER_SEMITONE, 1e-3, 1e-3)  # semitones; confidence; volume, relative
TIE_CENTS = 25.0  # moved further by a nudge, two pitches tie on this frame: either is right
FEWEST_FRAMES = 20
_SEED, _CALLS_SEED = 1, 2


class Tolerance(RecordModel):
    """How far another machine's frames may be from the expected ones, and how many of them are compared.

    Pitch where confidence reaches the recipe's threshold and no nudge moves it by a jump; the others everywhere."""

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
    """Clips by name, (streams, samples) audio, frames of each call, (3, streams, frames) expected, and how near."""

    clips: tuple[str, ...]
    audio: Floats
    calls: tuple[int, ...]
    expected: Floats
    within: Floats  # like `expected`; inf where it is not compared
    tolerance: Tolerance


def record_golden(
    child: IsolatedProcess, program: Path, stream: StreamConfig, corpus: Corpus, seconds: float, threshold: float
) -> Golden:
    """Roll a program, in the child, over the start of a synthetic phrase for each of its streams.

    A program of several sizes is called with all of them, in random order. `threshold`: confidence from which pitch is
    compared. Raises ProgramError where the program does not run or gives frames that are not finite, WorkbenchError
    where too little is left to compare.
    """
    clips = _phrases(corpus, stream.streams)
    samples = round(seconds * stream.sample_rate_hz)
    audio = np.zeros((stream.streams, samples), np.float32)
    for lane, name in zip(audio, clips, strict=True):
        heard = corpus.read(name, stream.sample_rate_hz).samples[:samples]
        lane[: len(heard)] = heard
    sizes = random_sizes(stream, _CALLS_SEED) if stream.dynamic else None
    calls = tuple(chunk_schedule(samples, stream, sizes))
    audio = np.pad(audio, [(0, 0), (0, sum(calls) * stream.hop_samples - samples)])
    order = np.random.default_rng(_SEED)
    nudged = [
        (audio * (1 + NUDGE * order.uniform(-1, 1, audio.shape))).astype(np.float32)  # silence stays silent
        for _ in range(NUDGES)
    ]
    expected, *moved = child.call(standalone.run_clips, program, [audio, *nudged], list(calls))
    if not all(np.isfinite(frames).all() for frames in (expected, *moved)):
        raise ProgramError(
            f"{program}: gives NaN or infinity on the golden audio, which no bundle can promise; mend it"
        )
    within, tolerance = _tolerance(expected, np.stack(moved), threshold)
    if tolerance.pitch_frames < FEWEST_FRAMES:
        raise WorkbenchError(
            f"{program}: only {tolerance.pitch_frames} golden frames have a pitch to compare, wants {FEWEST_FRAMES}; "
            "give more --seconds"
        )
    return Golden(clips, audio, calls, expected, within, tolerance)


def _phrases(corpus: Corpus, streams: int) -> tuple[str, ...]:
    """Sung phrases of the synthetic set, one a stream; other clips of it where it has none."""
    clips = [name for name in corpus.clips() if name.startswith(f"{SYNTHETIC_SCORE}/")]
    sung = [name for name in clips if "/phrase" in name] or clips
    if not sung:
        raise WorkbenchError(f"{corpus.root}: no synthetic clip that scores, and a bundle passes on no other audio")
    return tuple(sung[lane % len(sung)] for lane in range(streams))


def _tolerance(expected: Floats, moved: Floats, threshold: float) -> tuple[Floats, Tolerance]:
    """(3, streams, frames) expected and (nudges, 3, streams, frames) moved -> how far each may be, and the rule."""
    furthest = np.abs(moved.astype(np.float64) - expected).max(0)
    pitch, confidence, volume = furthest
    voiced = expected[1] >= threshold
    unsteady = voiced & (pitch * CENTS_PER_SEMITONE > TIE_CENTS)
    steady = voiced & ~unsteady
    relative = volume / np.maximum(np.abs(expected[2]), np.finfo(np.float32).tiny)
    worst = (pitch[steady].max(initial=0.0), confidence.max(), relative.max())
    pitch_within, confidence_within, volume_within = (
        max(MARGIN * float(move), least) for move, least in zip(worst, LEAST, strict=True)
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


def wav(audio: Floats, sample_rate_hz: int) -> bytes:
    """(channels, samples) as a WAV of 32-bit floats: every bit of what was fed."""
    channels, samples = audio.shape
    data = np.ascontiguousarray(audio.T, "<f4").tobytes()
    form = struct.pack("<HHIIHHH", 3, channels, sample_rate_hz, 4 * channels * sample_rate_hz, 4 * channels, 32, 0)
    parts = ((b"fmt ", form), (b"fact", struct.pack("<I", samples)), (b"data", data))
    body = b"WAVE" + b"".join(name + struct.pack("<I", len(content)) + content for name, content in parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def to_csv(golden: Golden) -> str:
    """The expected frames as CSV, nine digits to a number, which is every bit of a float32."""
    rows = [",".join((*COLUMNS, *WITHIN))]
    frame = 0
    for call, frames in enumerate(golden.calls):
        for at in range(frame, frame + frames):
            for stream in range(golden.expected.shape[1]):
                numbers = (*golden.expected[:, stream, at], *golden.within[:, stream, at])
                rows.append(f"{call},{at},{stream}," + ",".join(f"{number:.9g}" for number in numbers))
        frame += frames
    return "\n".join(rows) + "\n"
