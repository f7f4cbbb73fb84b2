"""Times the probes that measure the peak rates of the machine."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from workbench.errors import ProgramError, first_line
from workbench.measure.speed import Milliseconds
from workbench.measure.timing import ORDER_SEED
from workbench.runtime.executorch import load_lowered_module, set_num_threads

_CALLS = 3  # per turn; one call of a probe takes long enough to be timed


def time_probes(modules: Sequence[tuple[Path, Tensor]], threads: int, rounds: int) -> list[Milliseconds]:
    """Times lowered modules with their inputs in rounds of shuffled order.

    It is meant for a child process, because it fixes the number of threads.

    Returns:
        The (rounds,) milliseconds of the fastest call of each round, for each module.

    Raises:
        ProgramError: If one of them does not load or run.
    """
    set_num_threads(threads)
    times_ms = np.empty((len(modules), rounds, _CALLS))
    try:
        loaded = [(load_lowered_module(path), example) for path, example in modules]
        for module, example in loaded:
            module.forward([example])
        order = np.random.default_rng(ORDER_SEED)
        for turn in range(rounds):
            for index in order.permutation(len(loaded)):
                module, example = loaded[index]
                for call in range(_CALLS):
                    started_s = time.perf_counter()
                    module.forward([example], clone_outputs=False)
                    times_ms[index, turn, call] = 1000 * (time.perf_counter() - started_s)
    except RuntimeError as error:
        raise ProgramError(f"a probe of the machine does not run ({first_line(error)})") from error
    return list(times_ms.min(-1))
