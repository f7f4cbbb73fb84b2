"""Times the programs of steps in the native host, and counts their operators."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np

from tools.docs.steps.record import NativeTimes
from workbench.export.operators.layer_names import LayerNames
from workbench.export.operators.planned import planned_instructions
from workbench.measure.native_speed import NativeTurns
from workbench.measure.operators.placement import place
from workbench.measure.speed import TimingPlan
from workbench.measure.spread import Spread
from workbench.measure.timing import as_calls, time_alternating
from workbench.runtime.native.session import NativeSession
from workbench.runtime.session import Floats

THREADS = 1
PLAN = TimingPlan(threads=THREADS, rounds=40, chunks_per_round=25, warmup_chunks=50)


def count_operators(profiler: Path, program: Path) -> int:
    """Returns how many operators the runtime reports inside the delegates of a call, as a profile counts them."""
    with NativeSession(profiler, program, THREADS) as session:
        stream = session.stream
        session.load_calls([np.zeros((stream.streams, stream.chunk_samples), np.float32)])
        events = session.trace(0, 1)
    placed = place(events.names, events.instructions, planned_instructions(program.read_bytes()), LayerNames({}, {}))
    return sum(bool(operator.backend) for operator in placed.operators)


def time_step(host: Path, base: Path, program: Path, samples: Floats) -> NativeTimes:
    """Times a program and the one that its step starts from, in turns, on (n,) float32 samples."""
    with ExitStack() as stack:
        sessions = {
            name: stack.enter_context(NativeSession(host, path, THREADS))
            for name, path in (("base", base), ("step", program))
        }
        calls = as_calls(samples, sessions["step"].stream, 1)
        ms = time_alternating({name: NativeTurns(session, calls) for name, session in sessions.items()}, PLAN)
    faster = Spread.over_rounds(np.median(ms["base"], axis=1) / np.median(ms["step"], axis=1))
    p50_us, base_p50_us = (1000 * float(np.median(ms[name])) for name in ("step", "base"))
    return NativeTimes(p50_us=p50_us, base_p50_us=base_p50_us, times_faster=faster)
