"""The deviation and the time of each call size, for a program that accepts several."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from workbench.measure.call_sizes import SizeFigures, size_figures, timed_sizes
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


def compute_baseline_of_sizes(variant: PreparedVariant, cache: BaselineCache) -> None:
    """Computes the baseline's frames of every call size, so that `score_sizes` reads them."""
    for size in variant.stream.sizes:
        _run_baseline(variant, cache, size)


def score_sizes(
    variant: PreparedVariant, program: Path, delay_ms: float | None, cache: BaselineCache, progress: Progress
) -> tuple[SizeFigures, ...]:
    """Runs both sides through all scored clips in calls of one size, for every size, and times some of the sizes.

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
    audio = np.concatenate([clip.samples for clip in variant.scored_clips])
    timed = timed_sizes(stream.sizes)
    figures = []
    stage = progress.stage("sizes", len(stream.sizes))
    with stage as advance, IsolatedProcess(copied=True) as scorer, IsolatedProcess(copied=True) as timer:
        for size in stream.sizes:
            call_samples = size * stream.hop_samples
            clips = [_pad_to_calls(clip.samples, call_samples) for clip in variant.scored_clips]
            baseline = _run_baseline(variant, cache, size)
            frames = _run_program(scorer, variant, program, clips, size)
            times = None
            if size in timed:
                padded, plan = _pad_to_calls(audio, call_samples), plan_of_size(TimingPlan(**dict(recipe.speed)), size)
                times = timer.call(time_pair_in_process, variant.baseline, program, padded, plan, size)
            pairs = pair_frames(variant, baseline, frames, delay_ms)
            figures.append(size_figures(size, stream, pairs, recipe.scoring.voiced_confidence, times))
            advance(1)
    return tuple(figures)


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
