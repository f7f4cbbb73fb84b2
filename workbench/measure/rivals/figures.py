"""The figures of one tracker."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.audio.annotations import PitchTrack, TruthKind
from workbench.measure.alignment import Alignment, TimedPitch, fit_timed
from workbench.measure.rivals.grid import OnGrid, kinds_of, on_grid, pooled
from workbench.measure.rivals.lookahead import Lookahead
from workbench.measure.rivals.step_times import StepTimes
from workbench.measure.truth import PitchAccuracy
from workbench.record_model import RecordModel
from workbench.rivals.rival import Estimate, Rival

_SHORTEST_DELAY_MS = -100  # a tracker may assign its frames to the beginning of their windows
_NO_WEIGHTS = "it has no weights: it is signal processing"
_NO_SCORE = "the tracker returns no score that a threshold could be applied to"
_NOT_FITTED = "the calibration clips do not have both voiced and unvoiced frames of known f0"
_NO_DELAY = "no calibration clip has a known, voiced f0"


class KindScores(RecordModel):
    """The accuracy of a tracker on the clips whose f0 is known in one way.

    Attributes:
        kind: How the f0 is known: "annotated" (by hand, or rendered), "consensus" or "resynthesis".
        default: The accuracy with the tracker's own decision of what is voiced.
        best: The accuracy at `best_threshold`. Null if there is none.
    """

    kind: TruthKind
    default: PitchAccuracy
    best: PitchAccuracy | None


class RivalFigures(RecordModel):
    """A tracker and its figures.

    Attributes:
        name: The name of the tracker.
        package: Its package.
        version: The version that is installed.
        licence: The licence of the package, as an SPDX expression.
        sample_rate_hz: The rate of the audio that it receives.
        hop_ms: The distance of its frames.
        voicing: How it decides that a frame is voiced.
        default_threshold: The smallest score of a voiced frame, by default. Null if it does not threshold a score.
        best_threshold: The threshold that has the largest recall less false alarms on the calibration clips. Null if
            the tracker returns no score.
        shift_ms: How far its frames are moved back, fitted to the calibration clips. PESTO's frames are at the ends of
            their chunks, those of the others where the tracker puts them. It is not the measured delay of a bench.
        scores: The accuracy on the scored clips, for each kind of truth.
        lookahead: The audio that a frame needs. Null if it was not measured.
        lookahead_rule: What of the method needs audio after a frame.
        streamed: How 20 ms of a stream are computed.
        time: The time for 20 ms of a stream, with one thread, in Python. Null if it was not measured.
        bytes: The files of weights that it loads; a program of PESTO is one file. Null if there are none.
        votes: Whether the tracker votes in a consensus, which is then unfair to the others.
        advice: When a user should take it instead of PESTO.
    """

    name: str
    package: str
    version: str
    licence: str
    sample_rate_hz: int
    hop_ms: float
    voicing: str
    default_threshold: float | None
    best_threshold: float | None
    shift_ms: float
    scores: tuple[KindScores, ...]
    lookahead: Lookahead | None
    lookahead_rule: str
    streamed: str
    time: StepTimes | None
    bytes: int | None
    votes: bool
    advice: str

    def score(self, kind: TruthKind) -> KindScores:
        """Returns the scores on the clips of a kind of truth that was scored."""
        return next(each for each in self.scores if each.kind == kind)


@dataclass(frozen=True)
class Streaming:
    """What a tracker needs as a stream, as `RivalFigures` has it; `time` is measured later."""

    lookahead: Lookahead | None
    streamed: str
    null_reasons: dict[str, str]


@dataclass(frozen=True, eq=False)
class Tracked:
    """A clip: its known f0, its length, and what a tracker returned for it."""

    known: PitchTrack
    duration_s: float
    estimate: Estimate


def fit(calibration: Sequence[Tracked]) -> Alignment:
    """Fits the delay of a tracker and its threshold to the calibration clips."""
    pairs = [
        (clip.known, TimedPitch(clip.estimate.times_s, clip.estimate.hz, clip.estimate.voicing)) for clip in calibration
    ]
    return fit_timed(pairs, _SHORTEST_DELAY_MS)


def figures(
    rival: Rival,
    version: str,
    weight_bytes: int | None,
    alignment: Alignment,
    scored: Sequence[Tracked],
    streaming: Streaming,
    votes: bool,
) -> RivalFigures:
    """Returns the figures of a tracker.

    Args:
        rival: The tracker.
        version: The version of its package.
        weight_bytes: The bytes of its weights, None if it has none.
        alignment: What `fit` returned. Its delay is not None.
        scored: The scored clips.
        streaming: What it needs as a stream.
        votes: Whether it votes in a consensus.
    """
    assert alignment.delay_ms is not None, _NO_DELAY
    scores = []
    for kind in kinds_of([clip.known for clip in scored]):
        parts = [
            on_grid(clip.known, clip.estimate, alignment.delay_ms, clip.duration_s)
            for clip in scored
            if clip.known.kind == kind
        ]
        scores.append(_scores(kind, pooled(parts), alignment.best_threshold))
    nulls = dict(streaming.null_reasons)
    if rival.default_threshold is None:
        nulls["default_threshold"] = "the tracker does not decide by a threshold"
    if alignment.best_threshold is None:
        scoreless = any(clip.estimate.voicing is None for clip in scored)
        nulls["best_threshold"] = _NO_SCORE if scoreless else _NOT_FITTED
    if weight_bytes is None:
        nulls["bytes"] = _NO_WEIGHTS
    return RivalFigures(
        name=rival.name,
        package=rival.package,
        version=version,
        licence=rival.licence,
        sample_rate_hz=rival.sample_rate_hz,
        hop_ms=1000 * rival.hop_samples / rival.sample_rate_hz,
        voicing=rival.voicing,
        default_threshold=rival.default_threshold,
        best_threshold=alignment.best_threshold,
        shift_ms=alignment.delay_ms,
        scores=tuple(scores),
        lookahead=streaming.lookahead,
        lookahead_rule=rival.lookahead,
        streamed=streaming.streamed,
        time=None,
        bytes=weight_bytes,
        votes=votes,
        advice=rival.advice,
        null_reasons=nulls,
    )


def _scores(kind: TruthKind, grid: OnGrid, best_threshold: float | None) -> KindScores:
    default = grid.accuracy(None)
    assert default is not None, "a clip of unknown f0 only is rejected before it is tracked"
    if best_threshold is None or grid.voicing is None:
        return KindScores(kind=kind, default=default, best=None, null_reasons={"best": "there is no best threshold"})
    return KindScores(kind=kind, default=default, best=grid.accuracy(best_threshold))


def frame_counts(known: Sequence[tuple[PitchTrack, float]], step_s: float) -> tuple[int, int]:
    """Returns how many moments of the grid have a known f0, and how many of them are voiced.

    Args:
        known: The f0 of each clip and its length in seconds.
        step_s: The distance of the moments.
    """
    hz = np.concatenate([np.empty(0), *(track.at(np.arange(0, duration_s, step_s)) for track, duration_s in known)])
    return int((~np.isnan(hz)).sum()), int((hz > 0).sum())
