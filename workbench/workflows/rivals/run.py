"""Runs each tracker in its child process. One that is missing, fails or crashes is a row that says so."""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from workbench.audio.decode import Clip
from workbench.measure.bench.worker import Contender
from workbench.measure.rivals.figures import RivalFigures, Streaming, Tracked, figures, fit, frame_counts
from workbench.measure.rivals.grid import GRID_S
from workbench.measure.rivals.pesto import as_rival
from workbench.measure.rivals.step_times import FAILURES, reason_of
from workbench.measure.rivals.worker import RivalWorker
from workbench.progress import Progress
from workbench.record_model import now_utc
from workbench.records.bench import NotRun
from workbench.records.environment import environment
from workbench.records.rivals import ClipSet, Rivals
from workbench.rivals.catalogue import CONSENSUS_VOTERS
from workbench.rivals.rival import HIGHEST_HZ, LOWEST_HZ, Rival
from workbench.runtime.isolation import IsolatedProcess, Worker
from workbench.workflows.rivals.comparison import Comparison
from workbench.workflows.rivals.timing import window_of, with_times

_LIMIT_S = 3600.0  # of a clip; it ends a tracker that hangs, and must not end a slow one
_NOT_MEASURED = "left out by --no-speed"
_NOT_TIMED = "the command ended before the trackers were timed"


def run_rivals(
    comparison: Comparison,
    contenders: Sequence[Contender],
    not_built: Mapping[str, str],
    progress: Progress,
    keep: Callable[[Rivals], None],
    speed: bool = True,
) -> Rivals:
    """Tracks all clips with each tracker, PESTO first, and then times their streams in alternating rounds.

    Args:
        comparison: The other trackers, and the clips.
        contenders: PESTO's programs and eager.
        not_built: The reasons of those that could not be built, by name.
        progress: Receives the stages.
        keep: Called with the record after each tracker and after the times, so that an interrupt loses neither.
        speed: Measures the audio that a frame needs, and the time of a stream.
    """
    finished: list[tuple[Rival, RivalFigures]] = []
    not_run = [NotRun(name=name, reason=reason) for name, reason in not_built.items()]
    here = environment(1)

    def record(trackers: Sequence[RivalFigures]) -> Rivals:
        return Rivals(
            created=now_utc(),
            environment=here,
            grid_ms=1000 * GRID_S,
            lowest_hz=LOWEST_HZ,
            highest_hz=HIGHEST_HZ,
            calibration=_clip_sets(comparison.calibration)[0],
            scored=tuple(_clip_sets(comparison.scored)),
            trackers=tuple(trackers),
            not_run=tuple(not_run),
        )

    everyone = (*map(as_rival, contenders), *comparison.rivals)
    for rival in everyone:
        try:
            finished.append((rival, _measure(rival, comparison, progress, speed)))
        except FAILURES as error:
            not_run.append(NotRun(name=rival.name, reason=reason_of(rival.name, error)))
        keep(record([figures for _, figures in finished]))
    if not (speed and finished):
        return record([figures for _, figures in finished])
    timed = record(with_times(finished, everyone[0].name, _low_voice(comparison.calibration), progress))
    keep(timed)
    return timed


def _measure(rival: Rival, comparison: Comparison, progress: Progress, speed: bool) -> RivalFigures:
    calibration, scored = comparison.calibration, comparison.scored
    steps = len(calibration) + len(scored) + (1 if speed else 0)
    with progress.stage(rival.name, steps) as advance, IsolatedProcess(_LIMIT_S) as child:
        worker = child.start(RivalWorker, rival)

        def track(clip: Clip) -> Tracked:
            assert clip.f0 is not None
            tracked = Tracked(clip.f0, clip.duration_s, worker.call(RivalWorker.track, clip.path, clip.channel))
            advance(1)
            return tracked

        alignment = fit([track(clip) for clip in calibration if clip.f0 is not None])
        assert alignment.delay_ms is not None, "load_clips checks that a calibration clip is voiced"
        results = [track(clip) for clip in scored]
        streaming = Streaming(None, "", dict.fromkeys(("lookahead", "time"), _NOT_MEASURED))
        if speed:
            streaming = _streaming(worker, _low_voice(calibration), alignment.delay_ms, rival)
            advance(1)
        weight_bytes = worker.call(RivalWorker.weight_bytes)
    votes = rival.name in CONSENSUS_VOTERS
    return figures(rival, _version(rival.package), weight_bytes, alignment, results, streaming, votes)


def _streaming(worker: Worker[RivalWorker], clip: Clip, delay_ms: float, rival: Rival) -> Streaming:
    lookahead = worker.call(RivalWorker.lookahead, clip.path, delay_ms)
    streamed = worker.call(RivalWorker.streamed, window_of(lookahead, rival))
    return Streaming(lookahead, streamed, {"time": _NOT_TIMED})


def _low_voice(clips: Sequence[Clip]) -> Clip:
    """Returns the clip with the lowest voice, of those with much voice: the windows of low notes are the longest."""
    voiced = {clip: clip.f0.at(np.arange(0, clip.duration_s, GRID_S)) for clip in clips if clip.f0 is not None}
    voiced = {clip: hz[hz > 0] for clip, hz in voiced.items()}
    most = max(map(len, voiced.values()))
    return min((clip for clip in voiced if 2 * len(voiced[clip]) >= most), key=lambda clip: np.median(voiced[clip]))


def _clip_sets(clips: Sequence[Clip]) -> list[ClipSet]:
    sets = []
    for kind in dict.fromkeys(clip.f0.kind for clip in clips if clip.f0 is not None):
        of_kind = [clip for clip in clips if clip.f0 is not None and clip.f0.kind == kind]
        known = [(clip.f0, clip.duration_s) for clip in of_kind if clip.f0 is not None]
        frames, voiced = frame_counts(known, GRID_S)
        names = tuple(clip.name for clip in of_kind)
        sets.append(ClipSet(kind=kind, clips=names, frames=frames, voiced_frames=voiced))
    return sets


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
