"""What a runtime with an event tracer records of a program while it runs. That of the wheel has none."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from executorch.extension.pybindings import _portable_lib

from workbench.record_model import RecordModel
from workbench.runtime.session import Floats

NO_TRACER = "the installed executorch runtime records no events: it is built without an event tracer"


class Event(RecordModel):
    """Something that the runtime timed, by the name that it gives it; median over calls, in microseconds."""

    name: str
    p50_us: float


def events_here(program: Path, calls: Sequence[Floats], ring: Floats | None) -> list[Event]:
    """The events of a program over some calls, none where the runtime records none. For a process of its own, through
    `Child`. Reading what was recorded was never run: it takes a runtime built with EXECUTORCH_ENABLE_EVENT_TRACER."""
    module = _portable_lib._load_for_executorch(str(program), enable_etdump=True)
    memory = [] if ring is None else [torch.from_numpy(ring)]
    for call in calls:
        module.forward([torch.from_numpy(call), *memory])
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / "program.etdp"
        module.write_etdump_result_to_file(str(dump))  # without a tracer it writes nothing, and says nothing
        if not dump.is_file() or not dump.stat().st_size:
            return []
        from executorch.devtools import Inspector

        inspector = Inspector(etdump_path=str(dump), target_time_scale="us")
        return [
            Event(name=event.name, p50_us=float(np.median(event.perf_data.raw)))
            for block in inspector.event_blocks
            for event in block.events
            if event.perf_data is not None
        ]
