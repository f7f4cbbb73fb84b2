"""The confidence from which a frame has a pitch to show: derived on the calibration clips, and the table of it.

    python -m tools.docs.silence      measures, stores docs/records/silence.json, prints the threshold (10 minutes)

The rule: the lowest hundredth at which, on every stream, all frames of silence and of noise and at least 95 % of the
unvoiced frames of the calibration clips are below. Clips for scoring are not used.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tools.docs.formatting import table
from tools.docs.stored import RECORDS
from workbench.audio.clip_catalog import SYNTHETIC_CALIBRATE
from workbench.audio.decode import Clip
from workbench.export.metadata import DISPLAY_THRESHOLD
from workbench.measure.alignment import fit_alignment, reference_hz
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.session import Frames, run_chunks
from workbench.workflows.folders import open_catalog

RECORD = RECORDS / "silence.json"
STREAMS = ((48_000, 960), (48_000, 480), (44_100, 256), (16_000, 320))  # rate, chunk of one frame
MIRRORS = (0.0, 0.5, 1.0)
LEVELS_DB = (0, -20)  # relative to the clips
MIN_UNVOICED_BELOW = 0.95
_COLUMNS = {
    "sample_rate_hz": "rate (Hz)",
    "chunk_samples": "chunk",
    "mirror": "mirror",
    "level_db": "level (dB)",
    "silence_max": "silence, highest confidence",
    "noise_max": "noise, highest confidence",
    "unvoiced_below": "unvoiced frames without pitch",
    "voiced_below": "voiced frames without pitch",
}


@dataclass(frozen=True)
class Row:
    """One stream at one level: the highest confidence without a voice, and the shares of frames below the threshold."""

    sample_rate_hz: int
    chunk_samples: int
    mirror: float
    level_db: int
    silence_max: float
    noise_max: float
    unvoiced_below: float
    voiced_below: float
    needed: float


def measure(sample_rate_hz: int, chunk_samples: int, mirror: float, level_db: int) -> Row:
    """Runs upstream over the calibration clips at a level, and over a second of silence: one of the rows."""
    from workbench.measure.timing import BaselineSpec  # imports torch, and the table does without

    stream, catalog = StreamConfig(sample_rate_hz, chunk_samples, 1, mirror), open_catalog()
    session = BaselineSpec("mir-1k_g7", stream, "alwa", False).session(margins=False)
    clips = [catalog.read(name, sample_rate_hz) for name in catalog.match([f"{SYNTHETIC_CALIBRATE}/*"])]
    gain = np.float32(10 ** (level_db / 20))
    frames: list[Frames] = [run_chunks(session, gain * clip.samples) for clip in clips]
    return summarize(stream, level_db, clips, frames, run_chunks(session, np.zeros(sample_rate_hz, np.float32)))


def summarize(
    stream: StreamConfig, level_db: int, clips: Sequence[Clip], frames: Sequence[Frames], silent: Frames
) -> Row:
    """Returns the row of a stream, from the frames of upstream for each clip and for silence."""
    delay_ms = fit_alignment(list(zip(clips, frames, strict=True)), stream).delay_ms
    assert delay_ms is not None
    voiced, unvoiced, noise = [], [], []
    for clip, found in zip(clips, frames, strict=True):
        assert clip.f0 is not None
        is_voiced = reference_hz(clip.f0, len(found), stream, delay_ms) > 0
        voiced.append(found.confidence[is_voiced])
        (unvoiced if is_voiced.any() else noise).append(found.confidence[~is_voiced])
    outside = np.concatenate(unvoiced)
    highest = [float(silent.confidence.max()), float(np.concatenate(noise).max())]
    needed = max(*highest, float(np.quantile(outside, MIN_UNVOICED_BELOW, method="higher")))
    shares = [float((part < DISPLAY_THRESHOLD).mean()) for part in (outside, np.concatenate(voiced))]
    return Row(stream.sample_rate_hz, stream.chunk_samples, stream.mirror, level_db, *highest, *shares, needed)


def derived(rows: list[Row]) -> float:
    """Returns the threshold that the rule of this module gives."""
    needed = max(row.needed for row in rows)
    return float(np.floor(100 * needed + 1) / 100)  # above it: a frame at the threshold has a pitch


def stored_rows(path: Path = RECORD) -> list[Row]:
    """Returns the stored rows."""
    return [Row(**row) for row in json.loads(path.read_bytes())]


def silence() -> str:
    """Returns the table of the stored rows."""
    shown = [
        [
            *(str(getattr(row, name)) for name in ("sample_rate_hz", "chunk_samples", "mirror", "level_db")),
            *(f"{getattr(row, name):.3f}" for name in ("silence_max", "noise_max")),
            *(f"{getattr(row, name):.1%}" for name in ("unvoiced_below", "voiced_below")),
        ]
        for row in stored_rows()
    ]
    return table(shown, list(_COLUMNS.values()))


def main() -> None:
    import torch

    torch.set_num_threads(1)
    settings = [(*stream, mirror, level) for stream in STREAMS for mirror in MIRRORS for level in LEVELS_DB]
    rows = [measure(*setting) for setting in settings]
    RECORD.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    print(f"threshold {derived(rows):.2f}; the code has {DISPLAY_THRESHOLD}")


if __name__ == "__main__":
    main()
