"""A variant ready to run: every mistake that a user can make is found here, before anything is written."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.audio.clip_catalog import ClipCatalog, check_disjoint, check_unique_file_names
from workbench.audio.decode import Clip, find_audio, read_clip, warn_of_conditions
from workbench.errors import AudioError, ChangedError
from workbench.measure.timing import BaselineSpec
from workbench.model.checkpoint import baseline_checkpoint, checkpoint_path, checkpoint_sha256
from workbench.model.streaming import StreamingPesto
from workbench.model.student.card import read_card
from workbench.model.student.load import load_student
from workbench.model.upstream import load_upstream
from workbench.progress import Progress
from workbench.quantize.scopes import check_scopes
from workbench.recipe import Channel, Recipe
from workbench.recipe.patterns import is_student
from workbench.recipe.stream_config import StreamConfig
from workbench.workflows.variant.fingerprint import (
    SourceHashes,
    program_fingerprint,
    result_fingerprint,
    source_hashes,
)


@dataclass(frozen=True, eq=False)
class PreparedVariant:
    """A recipe with its model and its clips.

    The hashes of the checkpoint and of the source were taken before either was used: files may change during a run.
    """

    recipe: Recipe
    baseline: BaselineSpec
    model: StreamingPesto
    checkpoint_sha256: str
    source: SourceHashes
    calibration_clips: tuple[Clip, ...] = ()
    scored_clips: tuple[Clip, ...] = ()

    @property
    def name(self) -> str:
        return self.recipe.name

    @property
    def stream(self) -> StreamConfig:
        return self.baseline.stream

    @property
    def quantized(self) -> bool:
        return bool(self.recipe.quantization.parts) or self.recipe.quantization.everywhere

    @property
    def needs_calibration(self) -> bool:
        """Whether the program depends on the calibration clips."""
        return self.recipe.quantization.needs_audio

    @property
    def program_fingerprint(self) -> str:
        """The hash of everything that the program depends on."""
        return program_fingerprint(
            self.recipe, self.stream, self.checkpoint_sha256, self.source, self.calibration_clips
        )

    @property
    def fingerprint(self) -> str:
        """The hash of everything that the numbers of the result depend on."""
        clips = (*self.calibration_clips, *self.scored_clips)
        return result_fingerprint(self.recipe, self.program_fingerprint, self.source, clips)

    def check_unchanged(self) -> None:
        """Raises ChangedError if the checkpoint or the source is not what it was when the variant was prepared."""
        checkpoint = self.recipe.checkpoint
        if checkpoint_sha256(checkpoint) != self.checkpoint_sha256:
            raise ChangedError(f"{checkpoint_path(checkpoint)}: changed while it was used; run again")
        if source_hashes() != self.source:
            raise ChangedError("the workbench's own code changed while it was used; run again")


def prepare(recipe: Recipe) -> PreparedVariant:
    """Loads the model of a recipe.

    Raises:
        CheckpointError: The checkpoint cannot be used.
        ModelError: There is no such stream.
        RecipeError: A quantization rule matches no layer.
    """
    hashes = checkpoint_sha256(recipe.checkpoint), source_hashes()
    stream = recipe.stream_config
    baseline = BaselineSpec(baseline_checkpoint(recipe.checkpoint), stream, recipe.reduction, recipe.trust_checkpoint)
    upstream = load_upstream(baseline.checkpoint, stream, recipe.reduction, recipe.trust_checkpoint)
    student = load_student(recipe.checkpoint, stream.sample_rate_hz)
    model = StreamingPesto(
        upstream, stream, recipe.implementations, recipe.state, recipe.outputs, recipe.lowering.scope, student
    )
    check_scopes(model, recipe.quantization)
    return PreparedVariant(recipe, baseline, model, *hashes)


def prepare_all(recipes: Sequence[Recipe], progress: Progress) -> list[PreparedVariant]:
    """Loads the models of several recipes. Raises what `prepare` raises."""
    variants = []
    with progress.stage("model", len(recipes)) as advance:
        for recipe in recipes:
            variants.append(prepare(recipe))
            advance(1)
    return variants


def load_clips(
    variants: Sequence[PreparedVariant], catalog: ClipCatalog, audio: Path | None, progress: Progress
) -> list[PreparedVariant]:
    """Returns the variants with their clips, each at the variant's rate. Renders synthetic clips that are missing.

    Warns once of what is wrong with the recordings among them.

    Args:
        variants: Prepared variants. A clip that several use is read once.
        catalog: The clips that recipes name.
        audio: A file or a folder to score in place of the clips that the recipes name.
        progress: Receives the stages.

    Raises:
        AudioError: A clip cannot be used, there is none, one is in both roles, or two would share a file name.
    """

    @functools.cache
    def read(key: str | Path, rate_hz: int, channel: Channel) -> Clip:
        if isinstance(key, str):
            return catalog.read(key, rate_hz, channel)
        return read_clip(key, rate_hz, channel=channel)

    given = find_audio(audio) if audio is not None else None
    _render(catalog, progress)
    loaded = []
    with progress.stage("audio", len(variants)) as advance:
        for variant in variants:
            rate_hz, chosen = variant.stream.sample_rate_hz, variant.recipe.audio
            keys = catalog.match(chosen.clip_patterns("score")) if given is None else given
            calibrate = [
                read(name, rate_hz, chosen.channel) for name in catalog.match(chosen.clip_patterns("calibrate"))
            ]
            score = [read(key, rate_hz, chosen.channel) for key in keys]
            _check_clips(variant, calibrate, score, catalog)
            loaded.append(replace(variant, calibration_clips=tuple(calibrate), scored_clips=tuple(score)))
            advance(1)
    warn_of_conditions(
        clip for each in loaded for clip in (*each.calibration_clips, *each.scored_clips) if not catalog.renders(clip)
    )
    return loaded


def _render(catalog: ClipCatalog, progress: Progress) -> None:
    rendered = 0

    def report(_: str) -> None:
        nonlocal rendered
        progress.report("render synthetic clips", rendered, len(catalog.clips()))
        rendered += 1

    catalog.render(report)


def _check_clips(variant: PreparedVariant, calibrate: list[Clip], score: list[Clip], catalog: ClipCatalog) -> None:
    source = variant.recipe.source
    if variant.needs_calibration and not calibrate:
        raise AudioError(
            f"{source}: audio.calibrate matches no clip in {catalog.root}, and int8 needs some; name existing clips"
        )
    if not score:
        raise AudioError(f"{source}: audio.score matches no clip in {catalog.root}; name existing clips")
    check_disjoint(calibrate, score)
    if is_student(variant.recipe.checkpoint):
        trained_on = set(read_card(checkpoint_path(variant.recipe.checkpoint)).trained_on)
        seen = [clip.name for clip in score if not trained_on.isdisjoint(clip.content_sha256)]
        if seen:
            raise AudioError(f"{source}: audio.score: the student was trained on {', '.join(seen)}; score other clips")
    check_unique_file_names(score)
