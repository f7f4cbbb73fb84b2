"""Times a program in the native host, in turns with the same program in the host that records its operators."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.export.operators.layer_names import LayerNames
from workbench.export.operators.planned import planned_instructions
from workbench.measure.operators.placement import Placement, place
from workbench.measure.speed import UNTIMED_CALLS_PER_TURN, TimingPlan
from workbench.measure.timing import ORDER_SEED
from workbench.runtime.native.session import CallTraces, NativeSession
from workbench.runtime.session import Floats

Microseconds = NDArray[np.float64]


@dataclass(frozen=True)
class Hosts:
    """The native host, and the one that can record operators."""

    plain: Path
    profiler: Path


@dataclass(frozen=True)
class Recording:
    """The times of a program in microseconds. A row of all is from the same round.

    Attributes:
        placement: The operators.
        program_us: (rounds, calls) in the plain host.
        recorded_us: (rounds, calls) while operators were recorded.
        operators_us: (rounds, calls, operators) of each operator. That of a kernel has what calling it takes.
        preparation_us: (rounds, calls) in delegates, before their first operators.
        rest_us: (rounds, calls) of a call that is in no kernel and no delegate.
    """

    placement: Placement
    program_us: Microseconds
    recorded_us: Microseconds
    operators_us: Microseconds
    preparation_us: Microseconds
    rest_us: Microseconds

    @property
    def sum_us(self) -> Microseconds:
        """(rounds, calls): everything that was recorded."""
        total: Microseconds = self.operators_us.sum(-1) + self.preparation_us + self.rest_us
        return total


def record(
    hosts: Hosts,
    program: Path,
    layers: LayerNames,
    calls: Sequence[Floats],
    plan: TimingPlan,
    advance: Callable[[int], None],
) -> Recording:
    """Times a program and its operators: warm-up, then rounds in which the two hosts take turns in shuffled order.

    Args:
        hosts: The two hosts.
        program: The exported file.
        layers: The layers that its operators come from.
        calls: (streams, samples) float32 of each call. They start over at their end.
        plan: Rounds, calls per round, warm-up calls and threads.
        advance: Receives how many rounds are done.

    Raises:
        ProgramError: The program does not run in the native host, or its operators cannot be timed on this system.
        NativeHostError: The host ended.
    """
    plain, traced = [], []
    order = np.random.default_rng(ORDER_SEED)
    with ExitStack() as open_sessions:
        timer = open_sessions.enter_context(NativeSession(hosts.plain, program, plan.threads))
        recorder = open_sessions.enter_context(NativeSession(hosts.profiler, program, plan.threads))
        for session in (timer, recorder):
            session.load_calls(calls)
        timer.time(0, plan.warmup_chunks)
        recorder.trace(0, plan.warmup_chunks)
        turn = UNTIMED_CALLS_PER_TURN + plan.chunks_per_round
        for index in range(plan.rounds):
            first = index * turn
            for is_plain in order.permutation([True, False]):
                if is_plain:
                    plain.append(timer.time(first, turn)[UNTIMED_CALLS_PER_TURN:])
                else:
                    traced.append(recorder.trace(first, turn))
            advance(1)
    events = traced[0]
    placement = place(events.names, events.instructions, planned_instructions(program.read_bytes()), layers)
    times = [_times(each, placement) for each in traced]
    operators_us, preparation_us, rest_us = (
        np.stack(rows)[:, UNTIMED_CALLS_PER_TURN:] for rows in zip(*times, strict=True)
    )
    recorded_us = np.stack([each.recorded_us for each in traced])[:, UNTIMED_CALLS_PER_TURN:]
    return Recording(placement, np.stack(plain), recorded_us, operators_us, preparation_us, rest_us)


def _times(traces: CallTraces, placement: Placement) -> tuple[Microseconds, Microseconds, Microseconds]:
    """Returns the times of the operators, (calls, operators), of preparing the delegates, and of the rest, (calls,).

    What follows the last operator of a delegate is the report of its times, which only recording takes.
    """
    durations_us = traces.ends_us - traces.starts_us
    preparation_us = np.zeros(len(durations_us))
    inside_us = durations_us[:, [*placement.kernels, *(delegate.event for delegate in placement.delegates)]].sum(1)
    for delegate in placement.delegates:
        if delegate.first is not None:
            preparation_us += traces.starts_us[:, delegate.first] - traces.starts_us[:, delegate.event]
    operators_us = durations_us[:, [operator.event for operator in placement.operators]]
    return operators_us, preparation_us, traces.calls_us - inside_us
