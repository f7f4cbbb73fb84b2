"""Both sides on the same chunks of the same clips: deviation, noise floor, and accuracy against known f0."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from workbench.audio.decode import Clip
from workbench.errors import ProgramError
from workbench.export.metadata import DISPLAY_THRESHOLD
from workbench.measure.alignment import fit_alignment, reference_hz
from workbench.measure.contour import contour
from workbench.measure.deviation import deviation
from workbench.measure.f0_misfit import find_misfits
from workbench.measure.floor import floor
from workbench.measure.paired_frames import PairedFrames
from workbench.measure.tones.delay import Delay
from workbench.measure.tones.steadiness import Steadiness
from workbench.measure.truth import truth
from workbench.measure.truth.advised_threshold import AdvisedThreshold, advised_threshold
from workbench.progress import Progress, StageTimer
from workbench.records.frames.external import ExternalFrames
from workbench.records.result import Scores
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.open_program import run_program
from workbench.runtime.session import Frames
from workbench.runtime.state_protocol import protocol_of
from workbench.workflows.variant.baseline import BaselineCache, Request
from workbench.workflows.variant.prepare import PreparedVariant
from workbench.workflows.variant.score.requests import baseline_requests, batches, sizes_of_batch
from workbench.workflows.variant.score.tones import delay_and_steadiness

NOT_RENDERED = "the program did not run here, so it has no frames of rendered tones"


@dataclass(frozen=True)
class Scored:
    """The sections of a result that scoring fills, and both sides of each scored clip, in order."""

    scores: Scores
    frames: tuple[PairedFrames, ...]


@dataclass(frozen=True)
class VariantRun:
    """The frames of each scored clip, and of rendered and calibration clips: None if the program does not run here."""

    scored: list[Frames]
    rendered: list[Frames] | None = None
    calibration: list[Frames] | None = None


class VariantFrames(Protocol):
    """The side that is compared with the baseline."""

    def call_sizes(self, clip: Clip, batch: int) -> tuple[int, ...]:
        """Returns the sizes of the calls for a clip, in frames. They repeat until the clip ends."""

    def run(self, progress: Progress, rendered: Sequence[Clip]) -> VariantRun:
        """Returns the frames of each scored and each rendered clip. Raises ProgramError if there are none."""


class ProgramFrames:
    """Frames of a program that runs here, in child processes."""

    def __init__(self, variant: PreparedVariant, program: Path) -> None:
        self._variant, self._program = variant, program
        self._handling = protocol_of(variant.recipe.protocol).variant
        self._batches = batches(variant)

    def call_sizes(self, clip: Clip, batch: int) -> tuple[int, ...]:
        """Returns all sizes that the program accepts, in random order."""
        return sizes_of_batch(self._variant.stream, batch)

    def run(self, progress: Progress, rendered: Sequence[Clip]) -> VariantRun:
        """Returns the frames of all clips. Raises ProgramError if a second run gives others for the first ones."""
        frames: list[Frames] = []
        with (
            progress.stage("run the program", len(self._variant.scored_clips)) as advance,
            IsolatedProcess(copied=True) as child,
        ):
            for batch, clips in enumerate(self._batches):
                frames += self._run(child, clips, self.call_sizes(clips[0], batch))
                advance(len(clips))
            rendered_frames = self._run(child, rendered, None)
            calibration = [clip for clip in self._variant.calibration_clips if clip.f0 is not None]
            calibration_frames = (
                self._run(child, calibration, self.call_sizes(calibration[0], 0)) if calibration else []
            )
        self._check_repeats(frames)
        return VariantRun(frames, rendered_frames, calibration_frames)

    def _run(
        self, child: IsolatedProcess, clips: Sequence[Clip], sizes: tuple[int, ...] | None, times: int = 1
    ) -> list[Frames]:
        return child.call(
            run_program,
            self._program,
            [clip.samples for clip in clips],
            sizes,
            self._handling,
            times=times,
            threads=self._variant.recipe.speed.threads,
        )

    def _check_repeats(self, frames: Sequence[Frames]) -> None:
        """Raises ProgramError if the program returns other frames in a second process, after a run and a reset."""
        with IsolatedProcess() as child:  # not a copy: addresses in memory differ
            clips = self._batches[0]
            repeated = self._run(child, clips, self.call_sizes(clips[0], 0), times=2)
        for clip, first, second in zip(clips, frames, repeated, strict=False):
            if not _equal(first, second):
                raise ProgramError(
                    f"{self._program}: returned other frames for {clip.name} in a second process, after a reset"
                )


class RecordedFrames:
    """Frames that a program gave elsewhere, on a phone for example, by the name of their clip."""

    def __init__(self, variant: PreparedVariant, frames: Mapping[str, ExternalFrames]) -> None:
        self._variant, self._frames = variant, frames

    def call_sizes(self, clip: Clip, batch: int) -> tuple[int, ...]:
        """Returns the sizes of the calls as they were recorded; random sizes for a calibration clip."""
        if clip.name in self._frames:
            return self._frames[clip.name].calls
        return sizes_of_batch(self._variant.stream, batch)

    def run(self, progress: Progress, rendered: Sequence[Clip]) -> VariantRun:
        """Returns the frames as they were recorded; none of rendered clips."""
        return VariantRun([self._frames[clip.name].frames for clip in self._variant.scored_clips])


def score(
    variant: PreparedVariant,
    frames: VariantFrames,
    cache: BaselineCache,
    progress: Progress,
    timer: StageTimer,
) -> Scored:
    """Compares a variant with upstream on all scored clips.

    Both sides receive the same chunks, of sizes in random order if the program accepts several. The baseline receives
    each clip by itself; a program of several streams receives as many clips at once.

    Args:
        variant: The variant, with its clips.
        frames: The variant's side.
        cache: The baseline's frames. What is missing is added.
        progress: Receives the stages.
        timer: Receives how long they took.

    Raises:
        ProgramError: The program does not run, or returns other frames when it runs again.
    """
    recipe, stream, threshold = variant.recipe, variant.stream, variant.recipe.scoring.voiced_confidence
    with timer.stage("score"):
        torch.set_num_threads(recipe.speed.threads)  # as in the timing
        requests = baseline_requests(variant, frames.call_sizes)
        with progress.stage("run the baseline", len(requests.all)) as advance:

            def run_baseline(asked: Sequence[Request]) -> list[Frames]:
                found: dict[int, Frames] = {}
                # in random order: processes that need the same frames at the same time then run different clips
                for number in random.sample(range(len(asked)), len(asked)):
                    found[number] = cache.frames(variant.baseline, recipe.speed.threads, asked[number])
                    advance(1)
                return [found[number] for number in range(len(asked))]

            cache.compute(variant.baseline, recipe.speed.threads, requests.all)
            calibration = list(zip(variant.calibration_clips, run_baseline(requests.calibration), strict=True))
            alignment = fit_alignment(calibration, stream)
            baseline = run_baseline(requests.scored)
            dithered = run_baseline(requests.dithered)
            rendered_baseline = run_baseline(requests.rendered)
        ran = frames.run(progress, [request.clip for request in requests.rendered])
        variant_frames = ran.scored
        delay, steadiness = Delay.absent(NOT_RENDERED), Steadiness.absent(NOT_RENDERED)
        if ran.rendered is not None:
            delay, steadiness = delay_and_steadiness(rendered_baseline, ran.rendered, stream)
        pairs = pair_frames(variant, baseline, variant_frames, alignment.delay_ms)
        floor_pairs = [replace(pair, variant=moved) for pair, moved in zip(pairs, dithered, strict=True)]
        misfits = find_misfits(
            [*calibration, *zip(variant.scored_clips, baseline, strict=True)],
            stream,
            variant.model.algorithmic_ms if alignment.delay_ms is None else alignment.delay_ms,
        )
        accuracies = truth(variant.scored_clips, baseline, variant_frames, stream, threshold, alignment)
        scores = Scores(
            deviation=deviation(pairs, threshold),
            floor=floor(floor_pairs),
            truth=accuracies.replace(misfits=misfits),
            contour=contour(pairs),
            delay=delay,
            steadiness=steadiness,
            advised_threshold=_advised_threshold(variant, ran, alignment.delay_ms),
        )
    return Scored(scores, tuple(pairs))


def _advised_threshold(variant: PreparedVariant, ran: VariantRun, delay_ms: float | None) -> AdvisedThreshold:
    if ran.calibration is None:
        return AdvisedThreshold.absent("the program did not run here, so it has no frames of the calibration clips")
    known = [clip for clip in variant.calibration_clips if clip.f0 is not None]
    stated = variant.recipe.postprocess.confidence_threshold
    return advised_threshold(
        list(zip(known, ran.calibration, strict=True)),
        list(zip(variant.scored_clips, ran.scored, strict=True)),
        variant.stream,
        delay_ms,
        DISPLAY_THRESHOLD if stated is None else stated,
    )


def pair_frames(
    variant: PreparedVariant, baseline: Sequence[Frames], frames: Sequence[Frames], delay_ms: float | None
) -> list[PairedFrames]:
    """Returns both sides clip by clip, with the frames in which the pitch is compared.

    These are the voiced frames of the known f0, `delay_ms` later, or else those in which the baseline is confident.
    """
    threshold, pairs = variant.recipe.scoring.voiced_confidence, []
    for clip, expected, found in zip(variant.scored_clips, baseline, frames, strict=True):
        if clip.f0 is None or delay_ms is None:
            pair = PairedFrames(clip.name, expected, found, expected.confidence >= threshold, "baseline confidence")
        else:
            known_hz = reference_hz(clip.f0, len(expected), variant.stream, delay_ms)
            pair = PairedFrames(clip.name, expected, found, known_hz > 0, "known f0", known_hz)
        pairs.append(pair)
    return pairs


def _equal(first: Frames, second: Frames) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name), equal_nan=True)
        for name in ("pitch_semitones", "confidence", "volume")
    )
