"""Times a program and its parts in one process. The parts run as a chain: each receives the outputs of those before it.

So a part finds the caches as it does in the program and receives real audio, and the pitch of the chain can be compared
with that of the program.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from workbench.errors import ProgramError, first_line
from workbench.measure.operators.parts import AUDIO, STATE
from workbench.measure.speed import Milliseconds, TimingPlan
from workbench.measure.timing import ORDER_SEED
from workbench.runtime.executorch import LoweredModule, load_lowered_module, set_num_threads
from workbench.runtime.session import Floats

PROGRAM, PARTS, EMPTY = "program", "parts", "empty"
_PROBE_CALLS = 3  # per turn; one call of a probe takes long enough to be timed


@dataclass(frozen=True)
class LoweredPart:
    """A lowered part: its file, and the names of the tensors that it takes and returns."""

    name: str
    file: Path
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class SingleModule:
    """A lowered module that is timed by itself, with its input: a probe, or the empty call."""

    name: str
    file: Path
    input: Tensor


@dataclass(frozen=True)
class ProfileProgram:
    """Everything that a profile times.

    Attributes:
        whole: The program.
        parts: Its parts, in the order in which they run.
        empty: A module that computes next to nothing: its call is what Python and the runtime take.
        probes: Modules that measure the peaks of the machine.
        calls: (streams, samples) float32 of each call. They start over at their end.
        state: The empty state if the program takes it as an input, otherwise None.
    """

    whole: LoweredPart
    parts: tuple[LoweredPart, ...]
    empty: SingleModule
    probes: tuple[SingleModule, ...]
    calls: Sequence[Floats]
    state: Floats | None


@dataclass(frozen=True)
class PartTimes:
    """Milliseconds, and the pitch of the first calls.

    Attributes:
        program_ms: (rounds, calls) of the program.
        empty_ms: (rounds, calls) of the empty module.
        parts_ms: (rounds, calls, parts).
        probes_ms: (rounds, calls) of each probe by name.
        program_semitones: (calls, streams, frames) of the program, from the start of the audio.
        chain_semitones: The same of the chain of parts.
    """

    program_ms: Milliseconds
    empty_ms: Milliseconds
    parts_ms: Milliseconds
    probes_ms: dict[str, Milliseconds]
    program_semitones: Floats
    chain_semitones: Floats


class _PartChain:
    """Parts that run one after the other. The whole program is a chain of one part."""

    def __init__(self, parts: Sequence[LoweredPart], state: Tensor | None) -> None:
        self.steps = [(part, load_lowered_module(part.file)) for part in parts]
        self.values: dict[str, Tensor] = {} if state is None else {STATE: state}

    def call(self, audio: Tensor, times_ms: Milliseconds) -> None:
        """Runs one call (streams, samples) and writes the (parts,) milliseconds."""
        self.values[AUDIO] = audio
        for index, (part, module) in enumerate(self.steps):
            inputs = [self.values[name] for name in part.inputs]
            returns_state = STATE in part.outputs  # it is an input of the next call, which may not overwrite it
            started_s = time.perf_counter()
            outputs = module.forward(inputs, clone_outputs=returns_state)
            times_ms[index] = 1000 * (time.perf_counter() - started_s)
            self.values.update(zip(part.outputs, outputs, strict=True))

    def warm_up(self, calls: Sequence[Tensor], count: int) -> Floats:
        """Runs the first `count` calls. Returns their pitch, (calls, streams, frames) semitones."""
        ignored_ms, semitones = np.empty(len(self.steps)), []
        for index in range(count):
            audio = calls[index % len(calls)]
            self.call(audio, ignored_ms)
            semitones.append(self.values["pitch"].reshape(len(audio), -1).numpy().copy())
        return np.stack(semitones)


def time_parts(program: ProfileProgram, plan: TimingPlan) -> PartTimes:
    """Times the program, its parts, the empty module and the probes in turns: warm-up, then rounds in shuffled order.

    It is meant for a child process, because it fixes the number of threads.

    Raises:
        ProgramError: If one of them does not load or run.
    """
    set_num_threads(plan.threads)
    try:
        return _time_parts(program, plan)
    except RuntimeError as error:
        raise ProgramError(f"the parts do not run as separate programs ({first_line(error)})") from error


def _time_parts(program: ProfileProgram, plan: TimingPlan) -> PartTimes:
    calls = [torch.from_numpy(call) for call in program.calls]
    state = None if program.state is None else torch.from_numpy(program.state)
    chains = {PROGRAM: _PartChain([program.whole], state), PARTS: _PartChain(program.parts, state)}
    singles = {
        single.name: (load_lowered_module(single.file), single.input) for single in (program.empty, *program.probes)
    }
    semitones = {name: chain.warm_up(calls, plan.warmup_chunks) for name, chain in chains.items()}
    for module, module_input in singles.values():
        module.forward([module_input])
    chains_ms = {
        name: np.empty((plan.rounds, plan.chunks_per_round, len(chain.steps))) for name, chain in chains.items()
    }
    singles_ms = {
        name: np.empty((plan.rounds, plan.chunks_per_round if name == program.empty.name else _PROBE_CALLS))
        for name in singles
    }
    order = np.random.default_rng(ORDER_SEED)
    for index in range(plan.rounds):
        first = plan.warmup_chunks + index * plan.chunks_per_round
        for name in map(str, order.permutation([*chains, *singles])):
            if name in singles:
                _time(*singles[name], singles_ms[name][index])
                continue
            for call, times_ms in enumerate(chains_ms[name][index]):
                chains[name].call(calls[(first + call) % len(calls)], times_ms)
    empty_ms = singles_ms.pop(program.empty.name)
    return PartTimes(
        program_ms=chains_ms[PROGRAM][..., 0],
        empty_ms=empty_ms,
        parts_ms=chains_ms[PARTS],
        probes_ms=singles_ms,
        program_semitones=semitones[PROGRAM],
        chain_semitones=semitones[PARTS],
    )


def _time(module: LoweredModule, module_input: Tensor, times_ms: Milliseconds) -> None:
    """Writes the (calls,) milliseconds of successive calls."""
    for index in range(len(times_ms)):
        started_s = time.perf_counter()
        module.forward([module_input], clone_outputs=False)
        times_ms[index] = 1000 * (time.perf_counter() - started_s)
