"""Times a stream of each tracker that was tracked: one child process each, all open, in alternating rounds."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from workbench.audio.decode import Clip
from workbench.measure.rivals.figures import RivalFigures
from workbench.measure.rivals.lookahead import Lookahead
from workbench.measure.rivals.step_times import FAILURES, ROUNDS, StepTimes, reason_of, step_times, time_rounds
from workbench.measure.rivals.worker import RivalWorker
from workbench.progress import Progress
from workbench.rivals.rival import Rival
from workbench.runtime.isolation import IsolatedProcess

_LIMIT_S = 600.0  # of opening a tracker, and of a turn: it ends a tracker that hangs


def with_times(
    tracked: Sequence[tuple[Rival, RivalFigures]], reference: str, clip: Clip, progress: Progress
) -> tuple[RivalFigures, ...]:
    """Returns the figures with the times of a stream, or with the reason why there is none.

    Args:
        tracked: The trackers with their figures.
        reference: The name of the tracker that the ratios are to. It may be missing, then there are no ratios.
        clip: The audio of the stream.
        progress: Receives the stages.
    """
    times, reasons = _timed(tracked, reference, clip, progress)
    return tuple(
        figures.replace(
            time=times.get(rival.name),
            null_reasons={
                **{name: reason for name, reason in figures.null_reasons.items() if name != "time"},
                **({} if rival.name in times else {"time": reasons[rival.name]}),
            },
        )
        for rival, figures in tracked
    )


def _timed(
    tracked: Sequence[tuple[Rival, RivalFigures]], reference: str, clip: Clip, progress: Progress
) -> tuple[dict[str, StepTimes], dict[str, str]]:
    """Returns the times of the trackers, and the reasons of those that failed, by name."""
    turns, steps, unopened = {}, {}, {}
    with ExitStack() as stack:
        with progress.stage("open all trackers", len(tracked)) as advance:
            for rival, figures in tracked:
                child = stack.enter_context(IsolatedProcess(_LIMIT_S))
                try:
                    worker = child.start(RivalWorker, rival)
                    window_s = window_of(figures.lookahead, rival)
                    steps[rival.name] = worker.call(RivalWorker.open_stream, clip.path, window_s)
                    turns[rival.name] = partial(worker.call, RivalWorker.turn_ms)
                except FAILURES as error:
                    unopened[rival.name] = reason_of(rival.name, error)
                advance(1)
        with progress.stage("time in rounds", ROUNDS) as advance:
            times_ms, failed = time_rounds(turns, partial(advance, 1))
    return step_times(times_ms, steps, reference), unopened | failed


def window_of(lookahead: Lookahead | None, rival: Rival) -> float:
    """Returns the length of the smallest window that gives the same frame, in seconds."""
    around_ms = (lookahead.past_ms or 0.0) + (lookahead.future_ms or 0.0) if lookahead else 0.0
    return max(around_ms, 0.0) / 1000 + rival.hop_samples / rival.sample_rate_hz
