"""The deviation and the time of each call size, for a program that accepts several."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from workbench.measure.call_sizes import SizeFigures, size_figures, timed_sizes, with_times
from workbench.measure.speed import UNTIMED_CALLS_PER_TURN, TimingPlan
from workbench.measure.timing import time_pair_in_process
from workbench.progress import Progress
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.open_program import run_program
from workbench.runtime.session import Floats, Frames
from workbench.runtime.state_protocol import protocol_of
from workbench.workflows.variant.baseline import BaselineCache, Request
from workbench.workflows.variant.prepare import PreparedVariant
from workbench.workflows.variant.score.clips import pair_frames

_MAX_ROUNDS, _MIN_CALLS_PER_ROUND, _WARMUP_CALLS = 10, 2, 3  # a program may have hundreds of sizes
_MIN_UNTIMED_CALLS = 2


def score_sizes(
    variant: PreparedVariant, program: Path, delay_ms: float | None, cache: BaselineCache, progress: Progress
) -> tuple[SizeFigures, ...]:
    """Runs both sides through all scored clips in calls of one size, for every size.

    Args:
        variant: The variant, with its clips.
        program: Accepts all sizes of the variant's stream.
        delay_ms: The delay of the estimate after the known f0. None if it was not measured.
        cache: The baseline's frames. What is missing is added.
        progress: Receives the stage "sizes".

    Raises:
        ProgramError: The program does not run.
    """
    recipe, stream = variant.recipe, variant.stream
    torch.set_num_threads(recipe.speed.threads)
    figures = []
    with progress.stage("sizes", len(stream.sizes)) as advance, IsolatedProcess(copied=True) as child:
        for size in stream.sizes:
            call_samples = size * stream.hop_samples
            clips = [_pad_to_calls(clip.samples, call_samples) for clip in variant.scored_clips]
            baseline = _run_baseline(variant, cache, size)
            frames = _run_program(child, variant, program, clips, size)
            pairs = pair_frames(variant, baseline, frames, delay_ms)
            figures.append(size_figures(size, stream, pairs, recipe.scoring.voiced_confidence))
            advance(1)
    return tuple(figures)


def time_sizes(
    variant: PreparedVariant, program: Path, sizes: Sequence[SizeFigures], progress: Progress
) -> tuple[SizeFigures, ...]:
    """Times the calls of some sizes, on all scored clips. Returns the figures of all sizes.

    Args:
        variant: The variant, with its clips.
        program: Accepts all sizes of the variant's stream.
        sizes: What `score_sizes` returned.
        progress: Receives the stage "speed of sizes".

    Raises:
        ProgramError: The program does not run.
    """
    audio = np.concatenate([clip.samples for clip in variant.scored_clips])
    plan, timed = TimingPlan(**dict(variant.recipe.speed)), timed_sizes(variant.stream.sizes)
    figures = {each.frames_per_chunk: each for each in sizes}
    with progress.stage("speed of sizes", len(timed)) as advance, IsolatedProcess(copied=True) as child:
        for size in timed:
            padded = _pad_to_calls(audio, size * variant.stream.hop_samples)
            times = child.call(time_pair_in_process, variant.baseline, program, padded, plan_of_size(plan, size), size)
            figures[size] = with_times(figures[size], times)
            advance(1)
    return tuple(figures.values())


def plan_of_size(plan: TimingPlan, size: int) -> TimingPlan:
    """Returns the plan for calls of `size` frames, from that for calls of one frame: fewer calls, and fewer rounds."""
    return replace(
        plan,
        rounds=min(plan.rounds, _MAX_ROUNDS),
        chunks_per_round=max(_MIN_CALLS_PER_ROUND, plan.chunks_per_round // size),
        warmup_chunks=_WARMUP_CALLS,
        untimed_per_turn=max(_MIN_UNTIMED_CALLS, math.ceil(UNTIMED_CALLS_PER_TURN / size)),
    )


def _run_baseline(variant: PreparedVariant, cache: BaselineCache, size: int) -> list[Frames]:
    """Returns the baseline's frames of each scored clip, in calls of `size` frames."""
    threads, handling = variant.recipe.speed.threads, protocol_of(variant.recipe.protocol).baseline
    call_samples = size * variant.stream.hop_samples
    requests = [
        Request(replace(clip, samples=_pad_to_calls(clip.samples, call_samples)), handling, (size,))
        for clip in variant.scored_clips
    ]
    cache.compute(variant.baseline, threads, requests)
    return [cache.frames(variant.baseline, threads, request) for request in requests]


def _run_program(
    child: IsolatedProcess, variant: PreparedVariant, program: Path, clips: Sequence[Floats], size: int
) -> list[Frames]:
    """Returns the program's frames of each clip, in calls of `size` frames."""
    frames: list[Frames] = []
    for first in range(0, len(clips), variant.stream.streams):
        frames += child.call(
            run_program,
            program,
            clips[first : first + variant.stream.streams],
            [size],
            protocol_of(variant.recipe.protocol).variant,
            threads=variant.recipe.speed.threads,
        )
    return frames


def _pad_to_calls(samples: Floats, call_samples: int) -> Floats:
    """Returns (n,) samples with silence at the end, up to whole calls."""
    return np.pad(samples, (0, -len(samples) % call_samples))
