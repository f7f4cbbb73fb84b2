"""The events that a runtime with an event tracer records while a program runs. The runtime of the wheel has one."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from workbench.record_model import RecordModel
from workbench.runtime.executorch import load_lowered_module
from workbench.runtime.session import Floats

NO_TRACER = "the installed executorch runtime records no events: it is built without an event tracer"


class Event(RecordModel):
    """Something that the runtime timed.

    Attributes:
        name: The runtime's name for it.
        p50_us: The median over calls.
    """

    name: str
    p50_us: float


def record_events(program: Path, calls: Sequence[Floats], state: Floats | None) -> list[Event]:
    """Runs a program and returns its events; none if the runtime records none. It is meant for a child process.

    The durations inside a delegate are whole microseconds, each cut off, so a short operator reads 0.

    Args:
        program: The exported file.
        calls: (streams, samples) float32 of each call.
        state: The empty state if the program takes it as an input, otherwise None.
    """
    module = load_lowered_module(program, record_events=True)
    states = [] if state is None else [torch.from_numpy(state)]
    for call in calls:
        module.forward([torch.from_numpy(call), *states])
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / "program.etdp"
        module.write_etdump_result_to_file(str(dump))  # without a tracer it writes nothing and reports no error
        if not dump.is_file() or not dump.stat().st_size:
            return []
        from executorch.devtools.inspector import Inspector, TimeScale

        inspector = Inspector(etdump_path=str(dump), target_time_scale=TimeScale.US)
        return [
            Event(name=event.name, p50_us=float(np.median(event.perf_data.raw)))
            for block in inspector.event_blocks
            for event in block.events
            if event.perf_data is not None
        ]
