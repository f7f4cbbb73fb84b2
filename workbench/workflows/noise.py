"""A measurement with noise: a variant's program is built, then both sides receive the same noisy clips."""

import time
from collections.abc import Sequence
from pathlib import Path

import torch

from workbench.audio.annotations import TRUTH_KINDS
from workbench.audio.decode import Clip
from workbench.errors import AudioError, RecipeError
from workbench.measure.alignment import fit_alignment
from workbench.measure.truth.groups import group_accuracy
from workbench.measure.truth.kinds import known_frames
from workbench.measure.truth.noise import with_noise
from workbench.progress import Progress
from workbench.record_model import now_utc
from workbench.records.environment import environment
from workbench.records.noise import Noise, NoiseLevel
from workbench.records.result import recipe_used
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.open_program import run_program
from workbench.runtime.session import Frames
from workbench.runtime.state_protocol import StateHandling, protocol_of
from workbench.storage.locks import exclusive
from workbench.workflows.variant.baseline import BaselineCache
from workbench.workflows.variant.build import build_to_run, check_no_result_replaced
from workbench.workflows.variant.prepare import PreparedVariant

_Sides = list[tuple[Clip, Frames, Frames]]


def measure_with_noise(
    variant: PreparedVariant,
    folder: Path,
    snrs_db: Sequence[float],
    progress: Progress,
    fresh: bool = False,
    store: Path | None = None,
    baselines: Path | None = None,
) -> Noise:
    """Builds the program in `folder` and measures its accuracy without noise and at each signal-to-noise ratio.

    Args:
        variant: The variant, with its clips.
        folder: The folder of the program. It may hold an earlier measurement, or the run of this variant.
        snrs_db: The ratios.
        progress: Receives the stages.
        fresh: Exports the program, and runs the baseline, even if they are cached.
        store: The cache of programs of all runs.
        baselines: The cache of the baseline's frames.

    Raises:
        RecipeError: The recipe has several streams.
        AudioError: No scored clip has a voiced known f0, or no calibration clip, so that the delay is unknown.
        LoweringError: The program cannot be exported.
        ProgramError: The program does not run here.
        WorkbenchError: The folder has a result whose program would be replaced, or another process uses it.
        ChangedError: The checkpoint or the source changed during the measurement.
    """
    recipe, stream, source = variant.recipe, variant.stream, variant.recipe.source
    if stream.streams > 1:
        raise RecipeError([f"{source}: streams: expected 1 for a measurement with noise, got {stream.streams}"])
    clips = [clip for clip in variant.scored_clips if clip.f0 is not None]
    if not any((clip.f0.hz > 0).any() for clip in clips if clip.f0 is not None):
        raise AudioError(f"{source}: no scored clip has a known, voiced f0; write one beside the audio, as NAME.csv")
    torch.set_num_threads(recipe.speed.threads)
    cache = BaselineCache(baselines, fresh)
    with exclusive(folder):
        check_no_result_replaced(folder, variant, fresh)
        program = build_to_run(variant, folder, progress, fresh, store)
        started_at, protocol = time.perf_counter(), protocol_of(recipe.protocol)

        def run_baseline(clip: Clip, handling: StateHandling) -> Frames:
            sizes = (stream.frames_per_chunk,)
            return cache.frames(variant.baseline, recipe.speed.threads, clip, handling, sizes)

        alignment = fit_alignment(
            [(clip, run_baseline(clip, "continuous")) for clip in variant.calibration_clips], stream
        )
        if alignment.delay_ms is None:
            raise AudioError(
                f"{source}: no calibration clip has a known, voiced f0, so the delay is unknown; name some"
            )
        levels: list[NoiseLevel] = []
        with progress.stage("noise", len(snrs_db) + 1) as advance, IsolatedProcess() as child:
            for snr_db in (None, *snrs_db):
                noisy = clips if snr_db is None else with_noise(clips, snr_db)
                audio = [clip.samples for clip in noisy]
                handling, threads = protocol.variant, recipe.speed.threads
                found = child.call(run_program, folder / program.path, audio, None, handling, threads=threads)
                expected = [run_baseline(clip, protocol.baseline) for clip in noisy]
                sides = list(zip(noisy, expected, found, strict=True))
                levels += _levels(variant, sides, alignment.delay_ms, snr_db)
                advance(1)
        variant.check_unchanged()
    return Noise(
        created=now_utc(),
        recipe=recipe_used(recipe, variant.checkpoint_sha256),
        environment=environment(recipe.speed.threads),
        program=program,
        clips=tuple(clip.name for clip in clips),
        delay_ms=alignment.delay_ms,
        threshold=recipe.scoring.voiced_confidence,
        levels=tuple(levels),
        took_s=time.perf_counter() - started_at,
    )


def _levels(variant: PreparedVariant, sides: _Sides, delay_ms: float, snr_db: float | None) -> list[NoiseLevel]:
    """Returns the accuracy for each kind of truth that the clips have."""
    levels = []
    for kind in TRUTH_KINDS:
        frames = known_frames(
            [side for side in sides if side[0].f0 and side[0].f0.kind == kind], variant.stream, delay_ms
        )
        if frames is None:
            continue
        name = "no noise" if snr_db is None else f"{snr_db:g} dB"
        group = group_accuracy("snr", name, frames, variant.recipe.scoring.voiced_confidence)
        nulls = {**group.null_reasons, **({"snr_db": "no noise was added"} if snr_db is None else {})}
        figures = {field: getattr(group, field) for field in type(group).model_fields if field != "null_reasons"}
        levels.append(NoiseLevel(**figures, kind=kind, snr_db=snr_db, null_reasons=nulls))
    return levels
