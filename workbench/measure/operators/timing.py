"""A program and its parts timed in one process: the parts run as a chain, one handing on to the next, as in the whole.

So a part finds the caches as it would in the program, hears real audio, and what the chain says of pitch can be held
against what the program says.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from executorch.extension.pybindings import _portable_lib
from numpy.typing import NDArray
from torch import Tensor

from workbench.errors import ProgramError, first_line
from workbench.measure.operators.parts import AUDIO, RING
from workbench.measure.speed import TimingPlan
from workbench.measure.timing import ORDER_SEED
from workbench.runtime.executorch import set_num_threads
from workbench.runtime.session import Floats

PROGRAM, PARTS, EMPTY = "program", "parts", "empty"
_PROBE_CALLS = 3  # of a turn: each is long

Milliseconds = NDArray[np.float64]


@dataclass(frozen=True)
class LoweredPart:
    """A lowered part: its file, and the names of what it hears and makes."""

    name: str
    file: Path
    hears: tuple[str, ...]
    makes: tuple[str, ...]


@dataclass(frozen=True)
class Times:
    """Milliseconds: of the program and of an empty call (rounds, calls), of the parts (rounds, calls, parts), and of
    each probe (rounds, calls). `pitch_semitones` (calls, streams, frames) of the program and of the chain, from the
    start of the audio."""

    program_ms: Milliseconds
    empty_ms: Milliseconds
    parts_ms: Milliseconds
    probes_ms: dict[str, Milliseconds]
    program_semitones: Floats
    chain_semitones: Floats


class _PartChain:
    """Parts that hand on to each other; of one part, the program itself."""

    def __init__(self, steps: Sequence[LoweredPart], ring: Tensor | None) -> None:
        self.steps = [(step, _load(step.file), RING in step.makes) for step in steps]
        self.values: dict[str, Tensor] = {} if ring is None else {RING: ring}

    def call(self, audio: Tensor, times_ms: Milliseconds) -> None:
        """One call; writes (parts,) milliseconds."""
        values = self.values
        values[AUDIO] = audio
        for at, (step, module, copied) in enumerate(self.steps):
            heard = [values[name] for name in step.hears]
            begin = time.perf_counter()
            made = module.forward(heard, clone_outputs=copied)  # a ring that goes in again may not lie where it is made
            times_ms[at] = 1000 * (time.perf_counter() - begin)
            values.update(zip(step.makes, made, strict=True))


def times_here(
    program: LoweredPart,
    parts: Sequence[LoweredPart],
    empty: Path,
    probes: Mapping[str, tuple[Path, Tensor]],
    calls: Sequence[Floats],
    ring: Floats | None,
    plan: TimingPlan,
) -> Times:
    """All in turns: warm-up, then rounds in shuffled order. For a fresh process, through `Child`: it fixes the threads.

    `calls` are (streams, samples) each, and go round and round; `ring` is the empty memory where it is explicit.
    Raises ProgramError where one of them does not load or run.
    """
    set_num_threads(plan.threads)
    audio = [torch.from_numpy(call) for call in calls]
    try:
        return _times(program, parts, empty, probes, audio, None if ring is None else torch.from_numpy(ring), plan)
    except RuntimeError as error:
        raise ProgramError(f"the program's parts do not run alone ({first_line(error)})") from error


def _times(
    program: LoweredPart,
    parts: Sequence[LoweredPart],
    empty: Path,
    probes: Mapping[str, tuple[Path, Tensor]],
    audio: Sequence[Tensor],
    ring: Tensor | None,
    plan: TimingPlan,
) -> Times:
    chains = {PROGRAM: _PartChain([program], ring), PARTS: _PartChain(parts, ring)}
    alone = {EMPTY: (_load(empty), [torch.ones(1, 1)])} | {
        name: (_load(path), [inputs]) for name, (path, inputs) in probes.items()
    }
    semitones = {}
    for name, chain in chains.items():
        spent, said = np.empty(len(chain.steps)), []
        for at in range(plan.warmup_chunks):
            chain.call(audio[at % len(audio)], spent)
            said.append(chain.values["pitch"].reshape(len(audio[0]), -1).numpy().copy())
        semitones[name] = np.stack(said)
    for module, inputs in alone.values():
        module.forward(inputs)
    count = {name: plan.chunks_per_round if name == EMPTY else _PROBE_CALLS for name in alone}
    alone_ms = {name: np.empty((plan.rounds, count[name])) for name in alone}
    chain_ms = {
        name: np.empty((plan.rounds, plan.chunks_per_round, len(chain.steps))) for name, chain in chains.items()
    }
    order = np.random.default_rng(ORDER_SEED)
    for round_ in range(plan.rounds):
        for name in map(str, order.permutation([*chains, *alone])):
            if name in alone:
                _time(*alone[name], alone_ms[name][round_])
                continue
            for at, times_ms in enumerate(chain_ms[name][round_]):
                chains[name].call(
                    audio[(plan.warmup_chunks + round_ * plan.chunks_per_round + at) % len(audio)], times_ms
                )
    empty_ms = alone_ms.pop(EMPTY)
    return Times(chain_ms[PROGRAM][..., 0], empty_ms, chain_ms[PARTS], alone_ms, semitones[PROGRAM], semitones[PARTS])


def _load(path: Path) -> Any:
    return _portable_lib._load_for_executorch(str(path))


def _time(module: Any, inputs: list[Tensor], times_ms: Milliseconds) -> None:
    for at in range(len(times_ms)):
        begin = time.perf_counter()
        module.forward(inputs, clone_outputs=False)
        times_ms[at] = 1000 * (time.perf_counter() - begin)
