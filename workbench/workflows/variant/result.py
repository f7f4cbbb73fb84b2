"""A variant's result as a record: begun, completed with what is missing, judged and stored."""

from collections.abc import Sequence
from pathlib import Path

from workbench.audio.corpora.used import corpora_used
from workbench.audio.decode import Clip
from workbench.audit.verdict import judge_result
from workbench.measure.call_sizes import no_sizes
from workbench.measure.tones.delay import Delay
from workbench.measure.tones.steadiness import Steadiness
from workbench.record_model import now_utc
from workbench.records.environment import environment
from workbench.records.result import AlgorithmicLatency, ClipUsed, Result, recipe_used
from workbench.records.unfinished.staging import commit
from workbench.runtime.state_protocol import protocol_of
from workbench.workflows.variant.prepare import PreparedVariant

_MEASURED = ("program", "deviation", "floor", "truth", "speed")


def begin_result(variant: PreparedVariant) -> Result:
    """Returns the result of a variant of which nothing is measured yet."""
    recipe = variant.recipe
    return Result(
        created=now_utc(),
        fingerprint=variant.fingerprint,
        recipe=recipe_used(recipe, variant.checkpoint_sha256),
        environment=environment(recipe.speed.threads),
        audio=clips_used(variant.calibration_clips, variant.scored_clips),
        corpora=corpora_used(
            [clip.name for clip in variant.calibration_clips], [clip.name for clip in variant.scored_clips]
        ),
        latency=AlgorithmicLatency(
            algorithmic_ms=variant.model.algorithmic_ms, depends_on_chunking=variant.stream.depends_on_chunking
        ),
        protocol=protocol_of(recipe.protocol),
        **dict.fromkeys(_MEASURED),
        null_reasons=dict.fromkeys(_MEASURED, "not measured yet"),
    )


def clips_used(calibrate: Sequence[Clip], score: Sequence[Clip]) -> tuple[ClipUsed, ...]:
    """Returns the clips as a record has them."""
    return tuple(
        ClipUsed(
            name=clip.name,
            role=role,
            sha256=clip.sha256,
            f0_sha256=clip.f0.sha256 if clip.f0 else "",
            seconds=clip.duration_s,
            channel=clip.channel,
            decoder=clip.decoder,
            conditions=clip.conditions,
        )
        for role, clips in (("calibrate", calibrate), ("score", score))
        for clip in clips
    )


def without_figures(result: Result, variant: PreparedVariant, reason: str, **sections: object) -> Result:
    """Returns the result with some sections, and with the reason for each that it does not have."""
    absent = [name for name in _MEASURED if sections.get(name, getattr(result, name)) is None]
    sections.setdefault("delay", Delay.absent(reason))
    sections.setdefault("steadiness", Steadiness.absent(reason))
    if variant.stream.dynamic:
        sections["deviation_over_sizes"] = no_sizes(reason)
    return result.replace(**sections, null_reasons=dict.fromkeys(absent, reason))


def judge(result: Result, variant: PreparedVariant) -> Result:
    """Returns the result with the verdict that the variant's recipe asks for."""
    return judge_result(result, variant.recipe.gates, variant.recipe.scoring.min_voiced_frames)


def commit_result(result: Result, variant: PreparedVariant, folder: Path) -> Path | None:
    """Stores the result and moves in the files that were staged for it. Returns where the earlier one is archived.

    Raises ChangedError if the checkpoint or the source changed since the variant was prepared.
    """
    variant.check_unchanged()
    return commit(result, folder)
