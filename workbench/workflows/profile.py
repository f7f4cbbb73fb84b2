"""A profile: a variant's program and its parts, each as a separate program, timed in one run."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from workbench.errors import RecipeError
from workbench.export.executorch import lower_module, quantize_parts
from workbench.export.toolchain_log import LOG_NAME, ToolchainLog
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
from workbench.measure.speed import TimingPlan
from workbench.measure.timing import ORDER_SEED, as_calls
from workbench.progress import Progress
from workbench.record_model import now_utc
from workbench.records.environment import environment
from workbench.records.profile import Profile
from workbench.records.result import recipe_used
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.process_info import cpu_instructions
from workbench.runtime.session import Floats
from workbench.storage.locks import exclusive
from workbench.workflows.probes import build_probes
from workbench.workflows.variant.build import build, check_no_result_replaced, export_inputs
from workbench.workflows.variant.prepare import PreparedVariant

_EXCERPT_S = 4.0  # from the middle of the loudest clip, repeated as often as needed
_EVENT_CALLS = 50
_CALLS_PER_ROUND, _WARMUP_CALLS = 10, 50


@dataclass(frozen=True)
class _LoweredParts:
    """The parts of a program, each as a separate program, and the cost of each before it is timed."""

    programs: tuple[LoweredPart, ...]
    costs: tuple[PartCosts, ...]


class _Add(torch.nn.Module):
    """A module that computes almost nothing: its time is the overhead of a call in Python and the runtime."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1.0


def check(variant: PreparedVariant) -> None:
    """Raises RecipeError if the program of a recipe has no parts that can be timed."""
    recipe = variant.recipe
    source, backend = recipe.source, recipe.lowering.backend
    if recipe.quantization.everywhere:
        raise RecipeError([f"{source}: quantization.everywhere: a graph quantized as a whole has no parts to time"])
    if backend != "xnnpack":
        raise RecipeError([f"{source}: lowering.backend: expected xnnpack for a profile, got {backend}"])
    if recipe.state == "none":
        raise RecipeError([f"{source}: state: expected internal or explicit for a profile, got none"])


def timing_plan(threads: int, rounds: int) -> TimingPlan:
    """Returns the plan for everything that is timed."""
    return TimingPlan(threads, rounds, _CALLS_PER_ROUND, _WARMUP_CALLS)


def profile(
    variant: PreparedVariant,
    folder: Path,
    plan: TimingPlan,
    progress: Progress,
    fresh: bool = False,
    store: Path | None = None,
) -> Profile:
    """Builds the program in `folder`; times it, its parts, and the probes that measure the machine.

    A call is of the smallest size, and has the input of all streams.

    Args:
        variant: The variant, with its clips.
        folder: The folder of the program. It may hold an earlier profile.
        plan: As `timing_plan` returns it.
        progress: Receives the stages.
        fresh: Exports the program even if it is cached.
        store: The cache of programs of all runs.

    Raises:
        RecipeError: The program has no parts to time.
        LoweringError: The program, or a part of it, cannot be exported.
        ProgramError: The program, or a part of it, does not run.
        WorkbenchError: The folder has a result whose program would be replaced, or another process uses it.
        ChangedError: The checkpoint or the source changed during the profile.
    """
    check(variant)
    with exclusive(folder):
        check_no_result_replaced(folder, variant, fresh)
        return _profile(variant, folder, plan, progress, fresh, store)


def _profile(
    variant: PreparedVariant, folder: Path, plan: TimingPlan, progress: Progress, fresh: bool, store: Path | None
) -> Profile:
    recipe, stream = variant.recipe, variant.stream
    built = build(variant, folder, progress, fresh, store)
    program = built.program
    if built.reused and variant.quantized:  # the parts are cut from the model, which has to be quantized as well
        torch.set_num_threads(recipe.speed.threads)
        with ToolchainLog(folder / LOG_NAME) as log:
            quantize_parts(export_inputs(variant), log.showing(progress))
    clip = max(variant.scored_clips, key=lambda clip: float(np.square(clip.samples).mean()))  # no part runs on silence
    calls = as_calls(_middle(clip.samples, stream.sample_rate_hz), stream, stream.frames_per_chunk)
    torch.set_num_threads(plan.threads)
    state = variant.model.zero_state().numpy() if recipe.state == "explicit" else None
    states = () if state is None else (STATE,)
    whole = LoweredPart(PROGRAM, folder / program.path, (AUDIO, *states), (*variant.model.outputs, *states))
    with tempfile.TemporaryDirectory() as scratch_folder:
        scratch = Path(scratch_folder)
        with ToolchainLog(folder / LOG_NAME) as log:
            parts = _lower_parts(variant, calls, scratch, log.showing(progress))
            probes = build_probes(sum(part.weight_bytes for part in parts.costs), log.showing(progress))
            timed = ProfileProgram(
                whole, parts.programs, _empty_module(scratch), _write_probes(probes, scratch), calls, state
            )
        with progress.stage("time"), IsolatedProcess() as child:
            times = child.call(time_parts, timed, plan)
    events = _record_events(whole.file, calls[:_EVENT_CALLS], state)
    variant.check_unchanged()
    found = figures(parts.costs, probes, times)
    instructions = cpu_instructions()
    null_reasons = {} if events else {"events": NO_TRACER}
    if instructions is None:
        null_reasons["instructions"] = "this system does not list its processor's instructions"
    return Profile(
        created=now_utc(),
        recipe=recipe_used(recipe, variant.checkpoint_sha256),
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
        null_reasons=null_reasons,
    )


def _middle(samples: Floats, sample_rate_hz: int) -> Floats:
    """Returns the middle of (n,) samples, at most _EXCERPT_S long."""
    count = min(len(samples), round(_EXCERPT_S * sample_rate_hz))
    start = (len(samples) - count) // 2
    return samples[start : start + count]


def _lower_parts(variant: PreparedVariant, calls: Sequence[Floats], folder: Path, progress: Progress) -> _LoweredParts:
    """Lowers each part and writes it to `folder`."""
    parts = cut(variant.model, [torch.from_numpy(call) for call in calls])
    programs, costs = [], []
    with progress.stage("parts", len(parts)) as advance:
        for part in parts:
            path = folder / f"{part.name}.pte"
            pte, weight_bytes = lower_module(part.module, part.example, "xnnpack")
            path.write_bytes(pte)
            programs.append(LoweredPart(part.name, path, part.inputs, part.outputs))
            costs.append(PartCosts(part.name, part.layers, weight_bytes))
            advance(1)
    return _LoweredParts(tuple(programs), tuple(costs))


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


def _record_events(program: Path, calls: list[Floats], state: Floats | None) -> tuple[Event, ...]:
    with IsolatedProcess() as child:
        return tuple(child.call(record_events, program, calls, state))
