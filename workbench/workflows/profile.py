"""Where the time of a recipe's program goes: built whole, then in parts, all of it timed in one run."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from workbench.errors import RecipeError
from workbench.export.executorch import lower_module, quantize_parts
from workbench.measure.operators.events import NO_TRACER, Event, events_here
from workbench.measure.operators.figures import Counted, figures
from workbench.measure.operators.parts import AUDIO, RING, cut
from workbench.measure.operators.roofline import probes
from workbench.measure.operators.timing import PROGRAM, LoweredPart, times_here
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
from workbench.workflows.variant import build as building
from workbench.workflows.variant.prepare import PreparedVariant

_SECONDS = 4.0  # of audio, from the middle of the loudest clip; it goes round and round
_EVENT_CALLS = 50


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


def profile(
    job: PreparedVariant,
    folder: Path,
    plan: TimingPlan,
    progress: Progress,
    fresh: bool = False,
    store: Path | None = None,
) -> Profile:
    """Build the program in `folder`, and time it, its parts and what measures the machine.

    A call is of the smallest size, and hears all streams. Raises RecipeError as `check`, LoweringError and ProgramError
    as `building.build`, also of a part, WorkbenchError as `building.check_free`, and ChangedError as
    `Job.check_unchanged`.
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
        quantize_parts(building.export_inputs(job), progress)  # a program tells nothing of its parts
    # the loudest, so that no part runs on silence
    clip = max(job.scored_clips, key=lambda clip: float(np.square(clip.samples).mean()))
    calls = as_calls(_middle(clip.samples, stream.sample_rate_hz), stream, stream.frames_per_chunk)
    torch.set_num_threads(plan.threads)
    ring = job.model.zero_state().numpy() if recipe.state == "explicit" else None
    memory = () if ring is None else (RING,)
    whole = LoweredPart(PROGRAM, folder / program.path, (AUDIO, *memory), (*job.model.outputs, *memory))
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        steps, counted = _lower_parts(job, calls, place, progress)
        asked = probes(sum(part.weight_bytes for part in counted), progress)
        probed = {probe.name: (place / f"peak-{at}.pte", probe.inputs) for at, probe in enumerate(asked)}
        for probe in asked:
            probed[probe.name][0].write_bytes(probe.pte)
        (place / "empty.pte").write_bytes(lower_module(_Add(), (torch.ones(1, 1),), "xnnpack")[0])
        progress.report("time", 0, 1)
        with IsolatedProcess() as child:
            times = child.call(times_here, whole, steps, place / "empty.pte", probed, calls, ring, plan)
        progress.report("time", 1, 1)
    events = _events(whole.file, calls[:_EVENT_CALLS], ring)
    job.check_unchanged()
    totals, found, at_most = figures(counted, asked, times)
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
        totals=totals,
        parts=found,
        peaks=at_most,
        events=events or None,
        null_reasons=nulls,
    )


def _middle(samples: Floats, sample_rate_hz: int) -> Floats:
    count = min(len(samples), round(_SECONDS * sample_rate_hz))
    begin = (len(samples) - count) // 2
    return samples[begin : begin + count]


def _lower_parts(
    job: PreparedVariant, calls: Sequence[Floats], place: Path, progress: Progress
) -> tuple[list[LoweredPart], list[Counted]]:
    """Each part as a program of its own in `place`, and what it costs on paper."""
    progress.report("parts", 0, 1)
    parts = cut(job.model, [torch.from_numpy(call) for call in calls])
    steps, counted = [], []
    for at, part in enumerate(parts):
        progress.report("parts", at, len(parts))
        path = place / f"{part.name}.pte"
        pte, size = lower_module(part.module, part.example, "xnnpack")
        path.write_bytes(pte)
        steps.append(LoweredPart(part.name, path, part.inputs, part.outputs))
        counted.append(Counted(part.name, part.layers, size))
    progress.report("parts", len(parts), len(parts))
    return steps, counted


def _events(program: Path, calls: list[Floats], ring: Floats | None) -> tuple[Event, ...]:
    with IsolatedProcess() as child:
        return tuple(child.call(events_here, program, calls, ring))
