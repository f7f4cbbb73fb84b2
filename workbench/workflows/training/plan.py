"""The batches of clips that a student is trained on, and those that it is tested on, each with its key in the cache."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from workbench.audio.decode import Clip
from workbench.audio.synth_manifest import SYNTH_VERSION
from workbench.distill.batches import Batch
from workbench.distill.clips import CLIPS_VERSION, Audio, recorded_batch, synthetic_batch, varied_batch
from workbench.records.environment import dependencies
from workbench.workflows.variant.fingerprint import canonical_sha256
from workbench.workflows.variant.prepare import PreparedVariant

_HELD_OUT = 1_000_000  # the number of the synthetic batch for the test, which no training batch has
_HELD_OUT_CLIPS = 24
_LIBRARIES = ("numpy", "scipy", "soxr", "torch", "pesto-pitch")


@dataclass(frozen=True)
class DataPlan:
    """What to train on and what to test on; `recordings` has the calibration clips if they are for the test."""

    training: tuple[Batch, ...]
    synthetic: Batch
    recordings: Batch | None


def plan_data(variant: PreparedVariant) -> DataPlan:
    """Returns the batches of a recipe. The calibration clips are in them, but never a scoring clip.

    Args:
        variant: The teacher with its clips.
    """
    data, mirror = variant.recipe.student.data, variant.recipe.mirror
    clips = variant.calibration_clips
    training = [
        _synthetic(
            variant,
            f"training clips {batch + 1} of {data.batches}",
            batch,
            data.clips_per_batch,
            data.mirrors[batch % len(data.mirrors)],
        )
        for batch in range(data.batches)
    ]
    if data.calibration_clips == "train":
        training.append(_recorded(variant, "recordings to train on", clips, varied=True))
    held_out = min(_HELD_OUT_CLIPS, data.clips_per_batch)
    return DataPlan(
        tuple(training),
        _synthetic(variant, "held-out clips", _HELD_OUT, held_out, mirror),
        _recorded(variant, "held-out recordings", clips) if clips and data.calibration_clips == "held-out" else None,
    )


def _synthetic(variant: PreparedVariant, name: str, batch: int, clips: int, mirror: float) -> Batch:
    settings = variant.recipe.student
    data, rate_hz = settings.data, variant.stream.sample_rate_hz
    key = _key(variant, mirror, "synthetic", SYNTH_VERSION, batch, clips, settings.augmentation.model_dump(mode="json"))
    render = partial(synthetic_batch, data, settings.augmentation, rate_hz, batch, clips)
    return Batch(name, key, clips, render, mirror)


def _recorded(variant: PreparedVariant, name: str, clips: tuple[Clip, ...], varied: bool = False) -> Batch:
    settings, mirror = variant.recipe.student, variant.recipe.mirror
    augmentation = settings.augmentation.model_dump(mode="json") if varied else None
    key = _key(variant, mirror, "recorded", [clip.identity for clip in clips], augmentation)

    def read(advance: Callable[[int], None]) -> Audio:
        audio = (
            varied_batch(clips, settings.data, settings.augmentation)
            if varied
            else recorded_batch(clips, settings.data)
        )
        advance(1)
        return audio

    return Batch(name, key, 1, read, mirror)


def _key(variant: PreparedVariant, mirror: float, *parts: object) -> str:
    stream, data = variant.stream, variant.recipe.student.data
    libraries = {name: version for name, version in dependencies().items() if name in _LIBRARIES}
    return canonical_sha256(
        CLIPS_VERSION,
        variant.checkpoint_sha256,
        [stream.sample_rate_hz, stream.hop_samples, mirror],
        [data.seed, data.clip_seconds],
        libraries,
        parts,
    )
