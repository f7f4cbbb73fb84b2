"""Calls at the pace of their audio, beside a process that wants the machine too."""

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.synchronize import Event

import numpy as np
from numpy.typing import NDArray

from workbench.errors import WorkbenchError
from workbench.runtime.session import Floats, Session

_BUSY_SAMPLES = 4_000_000  # 16 MB a pass: it takes memory's bandwidth as well as a core


@contextmanager
def background_load() -> Iterator[None]:
    """A second process, at work from the first line of the block to its last: one thread, without a pause."""
    context = multiprocessing.get_context("spawn")
    working = context.Event()
    process = context.Process(target=_work, args=(working,), daemon=True)
    process.start()
    try:
        if not working.wait(60):
            raise WorkbenchError("the busy process did not start; run it again on a machine with more memory")
        yield
    finally:
        process.terminate()
        process.join()


def _work(working: Event) -> None:
    samples = np.ones(_BUSY_SAMPLES, np.float32)
    working.set()
    parent = multiprocessing.parent_process()
    assert parent is not None
    while parent.is_alive():  # one that was killed cannot end this process
        np.multiply(samples, np.float32(0.5), out=samples)
        samples += np.float32(0.5)


def response_times(session: Session, calls: Sequence[Floats], count: int, period_ms: float) -> NDArray[np.float64]:
    """(count,) milliseconds from when a call was due to when it was done: one is due each period, and starts late where
    the one before is not done. More than the period is a missed deadline. The calls start over where they end."""
    late_ms = np.empty(count)
    began = time.perf_counter()
    for at in range(count):
        due = began + at * period_ms / 1000
        time.sleep(max(0.0, due - time.perf_counter()))
        session.step(calls[at % len(calls)])
        late_ms[at] = 1000 * (time.perf_counter() - due)
    return late_ms
