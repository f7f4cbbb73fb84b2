"""PESTO as one of the trackers: a contender of a bench behind the interface of the rivals."""

from functools import partial

import numpy as np

from workbench.export.metadata import DISPLAY_THRESHOLD
from workbench.measure.bench.worker import Contender
from workbench.rivals.rival import Estimate, Floats, Rival, Tracker
from workbench.runtime.session import frame_end_s, run_chunks
from workbench.units import semitones_to_hz

PESTO = "PESTO "
"""What the names of PESTO's rows begin with."""
_FLUSH_S = 0.2  # of silence, so that the end of a clip has frames too; no delay is longer


def as_rival(contender: Contender) -> Rival:
    """Returns a contender of a bench as a tracker. Its frames are at the ends of their chunks, as it returns them."""
    stream = contender.baseline.stream
    return Rival(
        name=f"{PESTO}{contender.name}",
        module="pesto",
        package="pesto-pitch",
        licence="LGPL-3.0-or-later",
        sample_rate_hz=stream.sample_rate_hz,
        hop_samples=stream.hop_samples,
        voicing="the network's confidence",
        default_threshold=DISPLAY_THRESHOLD,
        lookahead=f"half of the analysis window; with mirror {stream.mirror:g}, that share of it is zeros",
        advice="",
        load=partial(_load, contender),
    )


def _load(contender: Contender) -> Tracker:
    session = contender.session()
    stream = session.stream

    def track(samples: Floats) -> Estimate:
        silence = np.zeros(round(_FLUSH_S * stream.sample_rate_hz), np.float32)
        frames = run_chunks(session, np.concatenate([samples, silence]))
        voiced = frames.confidence >= DISPLAY_THRESHOLD
        hz = semitones_to_hz(frames.pitch_semitones)
        return Estimate(frame_end_s(len(frames), stream), hz, voiced, frames.confidence.astype(np.float64))

    return Tracker(
        track,
        (contender.file,),
        session.step,
        stream.chunk_samples / stream.sample_rate_hz,
        "its own stream, a call for each chunk",
    )
