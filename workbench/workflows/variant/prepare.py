"""A variant ready to run: all that can be the user's mistake is found here, before anything is written."""

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workbench.audio.corpus import Corpus, check_disjoint, check_unique_file_names
from workbench.audio.decode import Clip, find_audio, read_clip
from workbench.errors import AudioError, ChangedError
from workbench.export.backends import EXPORTERS
from workbench.measure.timing import BaselineSpec
from workbench.model.checkpoint import checkpoint_path, checkpoint_sha256
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.progress import Progress
from workbench.quantize.pt2e import check_scopes
from workbench.recipe import Recipe
from workbench.recipe.stream_config import StreamConfig
from workbench.records.environment import cpu, dependencies
from workbench.workflows.variant.fingerprint import canonical_sha256, code_sha256, floating_point_platform


@dataclass
class PreparedVariant:
    """A recipe with its model and its clips. The hashes are of the checkpoint and of the code before either was used:
    both are read again and again while a job is at work."""

    recipe: Recipe
    baseline: BaselineSpec
    model: StreamingPesto
    checkpoint_sha256: str
    code_sha256: str
    calibrate: list[Clip] = field(default_factory=list)
    score: list[Clip] = field(default_factory=list)

    @property
    def stream(self) -> StreamConfig:
        return self.baseline.stream

    @property
    def quantized(self) -> bool:
        return bool(self.recipe.quantization.parts) or self.recipe.quantization.everywhere

    @property
    def program_fingerprint(self) -> str:
        """Hash of all that the program depends on: nothing else has to be the same for it to be used again."""
        asked = self.recipe.resolved()
        parts = (
            "reduction",
            "state",
            "outputs",
            "frontend",
            "frontend_tolerance",
            "lowering",
            "quantization",
            "postprocess",
        )
        parts_asked = {part: asked[part] for part in parts}
        heard: list[object] = [clip.sha256 for clip in self.calibrate] if self.quantized else []
        if self.quantized:  # the last bits of a range depend on the threads, what stability compares on the threshold
            heard += [self.recipe.speed.threads, self.recipe.scoring.voiced_confidence]
        libraries = dependencies() | EXPORTERS[self.recipe.lowering.backend].extra.versions()
        return canonical_sha256(
            self.checkpoint_sha256,
            repr(self.stream),
            parts_asked,
            heard,
            libraries,
            self.code_sha256,
            floating_point_platform(),
        )

    @property
    def fingerprint(self) -> str:
        """Hash of all that the figures depend on: of the recipe, all but what only judges or describes them, and the
        machine that times are of."""
        asked = self.recipe.resolved()
        del asked["description"], asked["gates"], asked["scoring"]["min_voiced_frames"]
        clips = [[clip.name, clip.sha256, clip.f0 and clip.f0.sha256] for clip in self.clips]
        return canonical_sha256(self.program_fingerprint, asked, clips, cpu(), os.cpu_count())

    @property
    def clips(self) -> list[Clip]:
        return [*self.calibrate, *self.score]

    def check_unchanged(self) -> None:
        """Raise ChangedError where the checkpoint or the code is another than when the job began: what came of both
        would be taken for what either gives."""
        checkpoint = self.recipe.checkpoint
        if checkpoint_sha256(checkpoint) != self.checkpoint_sha256:
            raise ChangedError(f"{checkpoint_path(checkpoint)}: changed while it was used; run again")
        if code_sha256() != self.code_sha256:
            raise ChangedError("the workbench's own code changed while it was used; run again")


def prepare(recipe: Recipe) -> PreparedVariant:
    """Load the model of a recipe. Raises CheckpointError or ModelError where the recipe asks for what cannot be."""
    before = checkpoint_sha256(recipe.checkpoint), code_sha256()
    stream = recipe.stream_config
    baseline = BaselineSpec(recipe.checkpoint, stream, recipe.reduction, recipe.trust_checkpoint)
    upstream = load_upstream(recipe.checkpoint, stream, recipe.reduction, recipe.trust_checkpoint)
    model = StreamingPesto(
        upstream, stream, recipe.implementations, recipe.state, recipe.outputs, recipe.lowering.scope
    )
    check_scopes(model, recipe.quantization)
    return PreparedVariant(recipe, baseline, model, *before)


def load_clips(jobs: Sequence[PreparedVariant], corpus: Corpus, audio: Path | None, progress: Progress) -> None:
    """Give each job its clips, at its rate, rendering what is missing. `audio` (a file or folder) scores in place of
    the recipe's own choice.

    Raises AudioError for a clip that cannot be used, for none at all, for one that calibrates and scores, and for two
    whose files would share a name.
    """

    @functools.cache
    def read(key: str | Path, rate_hz: int) -> Clip:
        return corpus.read(key, rate_hz) if isinstance(key, str) else read_clip(key, rate_hz)

    given = find_audio(audio) if audio is not None else None
    rendered = 0

    def told(_: str) -> None:
        nonlocal rendered
        progress.report("render synthetic clips", rendered, len(corpus.clips()))
        rendered += 1

    corpus.render(told)
    for at, job in enumerate(jobs):
        progress.report("audio", at, len(jobs))
        rate_hz, wanted = job.stream.sample_rate_hz, job.recipe.audio
        job.calibrate = [read(name, rate_hz) for name in corpus.match(wanted.calibrate)]
        scored = corpus.match(wanted.score) if given is None else given
        job.score = [read(key, rate_hz) for key in scored]
        if job.quantized and not job.calibrate:
            raise AudioError(
                f"{job.recipe.source}: audio.calibrate finds no clip in {corpus.root}, and int8 is calibrated on some; "
                "name some that exist"
            )
        if not job.score:
            raise AudioError(f"{job.recipe.source}: audio.score finds no clip in {corpus.root}; name some that exist")
        check_disjoint(job.calibrate, job.score)
        check_unique_file_names(job.score)
    progress.report("audio", len(jobs), len(jobs))
