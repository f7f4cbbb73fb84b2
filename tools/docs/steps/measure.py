"""Builds and runs the program of a step, and compares it with upstream PESTO and with the program without the step."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from tools.docs.steps.record import NOT_TIMED, ClipFigures, FromBase, Step
from tools.docs.steps.studies import PlannedStep
from tools.docs.steps.timing import THREADS, count_operators
from workbench.audio.clip_catalog import ClipCatalog
from workbench.audio.decode import Clip
from workbench.export.program_file import PTE_NAME
from workbench.measure.alignment import fit_alignment
from workbench.measure.deviation import Deviation, deviation
from workbench.measure.operators.recording import Hosts
from workbench.progress import Progress
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.open_program import run_program
from workbench.runtime.session import Frames
from workbench.workflows.variant.baseline import BaselineCache, Request
from workbench.workflows.variant.build import build
from workbench.workflows.variant.prepare import PreparedVariant, load_clips, prepare
from workbench.workflows.variant.score.clips import pair_frames


class Measurement:
    """Measures steps. They share the clips, upstream's frames of them, and the process that runs the programs.

    Args:
        catalog: The clips that recipes name.
        folder: Where the programs are, one folder for each.
        store: The cache of programs of all runs.
        hosts: The native hosts.
        child: The process that runs the programs.
    """

    def __init__(self, catalog: ClipCatalog, folder: Path, store: Path, hosts: Hosts, child: IsolatedProcess) -> None:
        self._catalog, self._folder, self._store, self._hosts, self._child = catalog, folder, store, hosts, child
        self._upstream = BaselineCache()
        self._scored: dict[str, list[Frames]] = {}  # by the name of the recipe
        self._clips: tuple[tuple[Clip, ...], tuple[Clip, ...]] | None = None

    def program(self, recipe: str) -> Path:
        """Returns the path of the program of a recipe."""
        return self._folder / recipe / PTE_NAME

    def prepare(self, step: PlannedStep) -> PreparedVariant:
        """Returns the variant of a step with its clips, which are the same for all steps."""
        torch.set_num_threads(THREADS)
        variant = prepare(step.recipe)
        if self._clips is None:
            (loaded,) = load_clips([variant], self._catalog, None, Progress())
            self._clips = loaded.calibration_clips, loaded.scored_clips
        calibrate, score = self._clips
        return replace(variant, calibration_clips=calibrate, scored_clips=score)

    def measure(self, step: PlannedStep, variant: PreparedVariant) -> Step:
        """Builds the program of a step and returns its figures without times. The base is in the folder already."""
        one_clip = replace(variant, calibration_clips=variant.calibration_clips[:1])  # no step has a fixed range
        program = build(one_clip, self._folder / variant.name, Progress(), store=self._store).program
        calibration = [(clip, self._baseline(variant, clip)) for clip in variant.calibration_clips]
        delay_ms = fit_alignment(calibration, variant.stream).delay_ms
        calibrating = replace(variant, scored_clips=variant.calibration_clips)
        found = [
            _deviation(each, [self._baseline(each, clip) for clip in each.scored_clips], frames, delay_ms)
            for each, frames in (
                (calibrating, self._run(variant.name, calibrating.scored_clips)),
                (variant, self._frames(variant.name, variant)),
            )
        ]
        of_base, frames = self._frames(step.base, variant), self._frames(variant.name, variant)
        moved = _deviation(variant, of_base, frames, delay_ms)
        return Step(
            study=step.study,
            name=step.name,
            recipe=variant.name,
            keys=step.keys,
            fingerprint=variant.fingerprint,
            sha256=program.sha256,
            bytes=program.bytes,
            operators=count_operators(self._hosts.profiler, self.program(variant.name)),
            calibrate=ClipFigures.of(found[0]),
            score=ClipFigures.of(found[1]),
            from_base=FromBase(
                p95_cents=moved.pitch.p95_cents,
                max_cents=moved.pitch.max_cents,
                max_confidence=moved.confidence.max,
            ),
            native=None,
            null_reasons={"native": NOT_TIMED},
        )

    def _baseline(self, variant: PreparedVariant, clip: Clip) -> Frames:
        return self._upstream.frames(variant.baseline, THREADS, Request(clip, "continuous", (1,)))

    def _frames(self, recipe: str, variant: PreparedVariant) -> list[Frames]:
        """Returns the frames of a program over the clips that the variant scores."""
        if recipe not in self._scored:
            self._scored[recipe] = self._run(recipe, variant.scored_clips)
        return self._scored[recipe]

    def _run(self, recipe: str, clips: Iterable[Clip]) -> list[Frames]:
        path = self.program(recipe)
        return [self._child.call(run_program, path, [clip.samples], threads=THREADS)[0] for clip in clips]


def _deviation(
    variant: PreparedVariant, baseline: Sequence[Frames], frames: Sequence[Frames], delay_ms: float | None
) -> Deviation:
    return deviation(pair_frames(variant, baseline, frames, delay_ms), variant.recipe.scoring.voiced_confidence)
