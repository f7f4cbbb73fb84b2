"""A profile: a variant's program in the native host, with the time of each operator, and the peaks of the machine."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from workbench.errors import LoweringError, RecipeError
from workbench.export.executorch import LoweredStream, lower_traced, quantize_everywhere, quantize_parts
from workbench.export.executorch_targets import TARGETS
from workbench.export.program_file import ProgramFile
from workbench.export.toolchain.log import LOG_NAME, ToolchainLog
from workbench.measure.operators.figures import kind_figures, layer_figures, no_layer_reason, operator_figures, totals
from workbench.measure.operators.layer_costs import Layer, layers_in
from workbench.measure.operators.probe_times import time_probes
from workbench.measure.operators.recording import Hosts, Recording, record
from workbench.measure.operators.roofline import Peaks, Probe, peaks
from workbench.measure.speed import TimingPlan
from workbench.measure.timing import ORDER_SEED, as_calls
from workbench.progress import Progress
from workbench.record_model import now_utc
from workbench.records.environment import environment
from workbench.records.profile import Profile
from workbench.records.result import recipe_used
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.native.build import PROFILER, native_host
from workbench.runtime.process_info import cpu_instructions
from workbench.runtime.session import Floats
from workbench.storage.cache_folder import cache_folder
from workbench.storage.hashing import sha256_of
from workbench.storage.locks import exclusive
from workbench.workflows.profile.probes import build_probes
from workbench.workflows.variant.build import build, check_no_result_replaced, export_inputs
from workbench.workflows.variant.prepare import PreparedVariant

_EXCERPT_S = 4.0  # from the middle of the loudest clip, repeated as often as needed
_CALLS_PER_ROUND, _WARMUP_CALLS = 10, 50


def check(variant: PreparedVariant) -> None:
    """Raises RecipeError if the native host cannot run the program of a recipe."""
    recipe = variant.recipe
    if recipe.lowering.backend not in TARGETS:
        raise RecipeError(
            [
                f"{recipe.source}: lowering.backend: expected a backend of ExecuTorch for a profile ("
                f"{', '.join(TARGETS)}), got {recipe.lowering.backend}"
            ]
        )
    if recipe.lowering.scope == "network":
        raise RecipeError([f"{recipe.source}: lowering.scope: expected whole for a profile, got network"])


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
    """Builds the program in `folder`; times it and its operators in the native host, and the machine's peaks.

    A call is of the smallest size, and has the input of all streams.

    Args:
        variant: The variant, with its clips.
        folder: The folder of the program. It may hold an earlier profile.
        plan: As `timing_plan` returns it.
        progress: Receives the stages.
        fresh: Exports the program even if it is cached.
        store: The cache of programs of all runs.

    Raises:
        RecipeError: The native host cannot run a program of this recipe.
        NativeHostError: The host cannot be built, or it ended.
        LoweringError: The program cannot be exported, or comes out differently when it is exported again.
        ProgramError: The program does not run, or its operators cannot be timed on this system.
        WorkbenchError: The folder has a result whose program would be replaced, or another process uses it.
        ChangedError: The checkpoint or the source changed during the profile.
    """
    check(variant)
    with exclusive(folder):
        check_no_result_replaced(folder, variant, fresh)
        with progress.stage("native host"):
            hosts = Hosts(native_host(cache_folder("hosts")), native_host(cache_folder("hosts"), PROFILER))
        return _profile(variant, hosts, folder, plan, progress, fresh, store)


def _profile(
    variant: PreparedVariant,
    hosts: Hosts,
    folder: Path,
    plan: TimingPlan,
    progress: Progress,
    fresh: bool,
    store: Path | None,
) -> Profile:
    stream = variant.stream
    built = build(variant, folder, progress, fresh, store)
    with ToolchainLog(folder / LOG_NAME) as log:
        with progress.stage("layers"):
            lowered = _lower_again(variant, built.reused, log.showing(progress))
        if sha256_of(bytes(lowered.program.buffer)) != built.program.sha256:
            raise LoweringError(
                f"{folder / built.program.path}: the program comes out differently when it is exported again, so its "
                "operators have no layers; export it again with --fresh"
            )
        costs = layers_in(lowered.exported.module(check_guards=False), variant.model.example(stream.frames_per_chunk))
        probes = build_probes(sum(cost.bytes for cost in costs), log.showing(progress))
    clip = max(variant.scored_clips, key=lambda clip: float(np.square(clip.samples).mean()))  # no layer sees silence
    calls = as_calls(_middle(clip.samples, stream.sample_rate_hz), stream, stream.frames_per_chunk)
    with progress.stage("time", plan.rounds) as advance:
        recording = record(hosts, folder / built.program.path, lowered.layers, calls, plan, advance)
    with progress.stage("time the peaks"):
        rates = _measure_peaks(probes, plan)
    variant.check_unchanged()
    return _as_record(variant, built.program, clip.name, plan, recording, costs, rates)


def _lower_again(variant: PreparedVariant, model_is_float: bool, progress: Progress) -> LoweredStream:
    """Lowers the program once more, now with the layers of its operators; its bytes have to be the same.

    Args:
        variant: The variant.
        model_is_float: Whether the program was found rather than exported here, so that the model is not quantized yet.
        progress: Receives the stages.
    """
    inputs, recipe = export_inputs(variant), variant.recipe
    torch.set_num_threads(recipe.speed.threads)  # as in the export: the last bits of a range depend on it
    graph = None
    if inputs.rules.everywhere:
        graph = quantize_everywhere(inputs, progress)
    elif inputs.rules.parts and model_is_float:
        quantize_parts(inputs, progress)
    backend = recipe.lowering.backend
    assert backend != "onnx" and backend != "torchscript"
    return lower_traced(
        inputs.model,
        backend,
        graph,
        inputs.confidence_threshold,
        inputs.initial_state,
        inputs.segment_alignment,
        layers_of_quantized_parts=True,
    )


def _as_record(
    variant: PreparedVariant,
    program: ProgramFile,
    clip: str,
    plan: TimingPlan,
    recording: Recording,
    costs: Sequence[Layer],
    rates: Peaks,
) -> Profile:
    stream = variant.stream
    layers, instructions = layer_figures(recording, costs, rates), cpu_instructions()
    reasons = {}
    if layers is None:
        unplaced = next(operator for operator in recording.placement.operators if operator.layer is None)
        reasons["layers"] = no_layer_reason(recording, unplaced)
    if instructions is None:
        reasons["instructions"] = "this system does not list its processor's instructions"
    return Profile(
        created=now_utc(),
        recipe=recipe_used(variant.recipe, variant.checkpoint_sha256),
        environment=environment(plan.threads),
        instructions=instructions,
        program=program,
        sample_rate_hz=stream.sample_rate_hz,
        chunk_samples=stream.chunk_samples,
        frames_per_chunk=stream.frames_per_chunk,
        streams=stream.streams,
        mirror=stream.mirror,
        clip=clip,
        rounds=plan.rounds,
        calls_per_round=plan.chunks_per_round,
        warmup_calls=plan.warmup_chunks,
        seed=ORDER_SEED,
        totals=totals(recording, layers),
        layers=layers,
        kinds=kind_figures(recording),
        operators=operator_figures(recording),
        peaks=rates,
        null_reasons=reasons,
    )


def _middle(samples: Floats, sample_rate_hz: int) -> Floats:
    """Returns the middle of (n,) samples, at most _EXCERPT_S long."""
    count = min(len(samples), round(_EXCERPT_S * sample_rate_hz))
    start = (len(samples) - count) // 2
    return samples[start : start + count]


def _measure_peaks(probes: Sequence[Probe], plan: TimingPlan) -> Peaks:
    with tempfile.TemporaryDirectory() as name, IsolatedProcess() as child:
        modules: list[tuple[Path, Tensor]] = []
        for index, probe in enumerate(probes):
            path = Path(name) / f"peak-{index}.pte"
            path.write_bytes(probe.pte)
            modules.append((path, probe.inputs))
        times_ms = child.call(time_probes, modules, plan.threads, plan.rounds)
    return peaks(zip(probes, times_ms, strict=True))
