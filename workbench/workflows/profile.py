"""Where the time of a recipe's program goes: built whole, then in parts, all of it timed in one run."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from workbench.errors import RecipeError
from workbench.export.executorch import lower_module, quantize_parts
from workbench.measure.operators.events import NO_TRACER, Event, record_events
from workbench.measure.operators.figures import PartCosts, figures
from workbench.measure.operators.parts import AUDIO, STATE, cut
from workbench.measure.operators.roofline import Probe
from workbench.measure.operators.timing import (
    EMPTY,
    PROGRAM,
    LoweredPart,
    ProfileProgram,
    SingleModule,
    time_parts,
)
from workbench.measure.process_info import cpu_instructions
from workbench.measure.speed import TimingPlan
from workbench.measure.timing import ORDER_SEED, as_calls
from workbench.progress import Progress
from workbench.record_model import now_utc
from workbench.records.environment import environment
from workbench.records.profile import Profile
from workbench.records.result import recipe_used
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.session import Floats
from workbench.storage.locks import exclusive
from workbench.workflows.probes import build_probes
from workbench.workflows.variant import build as building
from workbench.workflows.variant.prepare import PreparedVariant

_SECONDS = 4.0  # of audio, from the middle of the loudest clip; it goes round and round
_EVENT_CALLS = 50
_CALLS_PER_ROUND, _WARMUP_CALLS = 10, 50


class _Add(torch.nn.Module):
    """As good as nothing: what is left of a call is Python's and the runtime's."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1.0


def check(job: PreparedVariant) -> None:
    """Raise RecipeError for a recipe whose program has no parts to time."""
    source, lowering = job.recipe.source, job.recipe.lowering
    if job.recipe.quantization.everywhere:
        raise RecipeError([f"{source}: quantization.everywhere: a graph quantized at once has no parts to time"])
    if lowering.backend != "xnnpack":
        raise RecipeError(
            [f"{source}: lowering.backend: only xnnpack has a peak to hold parts to, got {lowering.backend}"]
        )
    if job.recipe.state == "none":
        raise RecipeError([f"{source}: state: parts are timed with a memory, internal or explicit, got none"])


def timing_plan(threads: int, rounds: int) -> TimingPlan:
    """Returns the plan for everything that is timed."""
    return TimingPlan(threads, rounds, _CALLS_PER_ROUND, _WARMUP_CALLS)


def profile(
    job: PreparedVariant,
    folder: Path,
    plan: TimingPlan,
    progress: Progress,
    fresh: bool = False,
    store: Path | None = None,
) -> Profile:
    """Build the program in `folder`, and time it, its parts and what measures the machine.

    A call is of the smallest size, and has the input of all streams.

    Raises:
        RecipeError: The program has no parts to time.
        LoweringError, ProgramError: The program, or a part of it, cannot be exported or run.
        WorkbenchError: The folder has a result whose program would be replaced.
        ChangedError: The checkpoint or the source changed meanwhile.
    """
    check(job)
    with exclusive(folder):
        building.check_no_result_replaced(folder, job, fresh)
        return _profiled(job, folder, plan, progress, fresh, store)


def _profiled(
    job: PreparedVariant, folder: Path, plan: TimingPlan, progress: Progress, fresh: bool, store: Path | None
) -> Profile:
    recipe, stream = job.recipe, job.stream
    built = building.build(job, folder, progress, fresh, store)
    program = built.program
    if built.reused and job.quantized:
        torch.set_num_threads(recipe.speed.threads)
        quantize_parts(building.export_inputs(job), progress)  # a program does not describe its parts
    # the loudest, so that no part runs on silence
    clip = max(job.scored_clips, key=lambda clip: float(np.square(clip.samples).mean()))
    calls = as_calls(_middle(clip.samples, stream.sample_rate_hz), stream, stream.frames_per_chunk)
    torch.set_num_threads(plan.threads)
    state = job.model.zero_state().numpy() if recipe.state == "explicit" else None
    states = () if state is None else (STATE,)
    whole = LoweredPart(PROGRAM, folder / program.path, (AUDIO, *states), (*job.model.outputs, *states))
    with tempfile.TemporaryDirectory() as scratch_folder:
        scratch = Path(scratch_folder)
        parts, costs = _lower_parts(job, calls, scratch, progress)
        probes = build_probes(sum(part.weight_bytes for part in costs), progress)
        timed = ProfileProgram(
            whole, tuple(parts), _empty_module(scratch), _write_probes(probes, scratch), calls, state
        )
        with progress.stage("time"), IsolatedProcess() as child:
            times = child.call(time_parts, timed, plan)
    events = _events(whole.file, calls[:_EVENT_CALLS], state)
    job.check_unchanged()
    found = figures(costs, probes, times)
    instructions = cpu_instructions()
    nulls = {} if events else {"events": NO_TRACER}
    if instructions is None:
        nulls["instructions"] = "this system does not list its processor's instructions"
    return Profile(
        created=now_utc(),
        recipe=recipe_used(recipe, job.checkpoint_sha256),
        environment=environment(plan.threads),
        instructions=instructions,
        program=program,
        sample_rate_hz=stream.sample_rate_hz,
        chunk_samples=stream.chunk_samples,
        frames_per_chunk=stream.frames_per_chunk,
        streams=stream.streams,
        mirror=stream.mirror,
        clip=clip.name,
        rounds=plan.rounds,
        calls_per_round=plan.chunks_per_round,
        warmup_calls=plan.warmup_chunks,
        seed=ORDER_SEED,
        totals=found.totals,
        parts=found.parts,
        peaks=found.peaks,
        events=events or None,
        null_reasons=nulls,
    )


def _middle(samples: Floats, sample_rate_hz: int) -> Floats:
    count = min(len(samples), round(_SECONDS * sample_rate_hz))
    begin = (len(samples) - count) // 2
    return samples[begin : begin + count]


def _lower_parts(
    job: PreparedVariant, calls: Sequence[Floats], folder: Path, progress: Progress
) -> tuple[list[LoweredPart], list[PartCosts]]:
    """Writes each part as a separate program. Returns the programs, and the cost of each part before it is timed."""
    progress.report("parts", 0, 1)
    parts = cut(job.model, [torch.from_numpy(call) for call in calls])
    lowered, costs = [], []
    for index, part in enumerate(parts):
        progress.report("parts", index, len(parts))
        path = folder / f"{part.name}.pte"
        pte, weight_bytes = lower_module(part.module, part.example, "xnnpack")
        path.write_bytes(pte)
        lowered.append(LoweredPart(part.name, path, part.inputs, part.outputs))
        costs.append(PartCosts(part.name, part.layers, weight_bytes))
    progress.report("parts", len(parts), len(parts))
    return lowered, costs


def _empty_module(folder: Path) -> SingleModule:
    path = folder / "empty.pte"
    path.write_bytes(lower_module(_Add(), (torch.ones(1, 1),), "xnnpack")[0])
    return SingleModule(EMPTY, path, torch.ones(1, 1))


def _write_probes(probes: Sequence[Probe], folder: Path) -> tuple[SingleModule, ...]:
    modules = []
    for index, probe in enumerate(probes):
        path = folder / f"peak-{index}.pte"
        path.write_bytes(probe.pte)
        modules.append(SingleModule(probe.name, path, probe.inputs))
    return tuple(modules)


def _events(program: Path, calls: list[Floats], state: Floats | None) -> tuple[Event, ...]:
    with IsolatedProcess() as child:
        return tuple(child.call(record_events, program, calls, state))
