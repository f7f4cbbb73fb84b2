"""What a run stores of its frames: the frames, a picture of each clip, and the sound of the worst moments."""

from pathlib import Path

from workbench.audio.decode import Clip
from workbench.measure.alignment import reference_hz
from workbench.measure.paired_frames import PairedFrames
from workbench.progress import Progress
from workbench.records.frames.stored import ClipFrames, write_frames
from workbench.records.frames.worst_moments import save_clips_around, worst, worst_known
from workbench.records.unfinished.scores import picture_path
from workbench.report.plots.contours import contour_png
from workbench.runtime.session import frame_end_s
from workbench.runtime.state_protocol import protocol_of
from workbench.storage.atomic import write_atomic
from workbench.units import hz_to_semitones
from workbench.workflows.variant.prepare import PreparedVariant
from workbench.workflows.variant.score.clips import Scored


def store_frames(variant: PreparedVariant, scored: Scored, folder: Path, progress: Progress) -> None:
    """Writes `frames/`, `pictures/` and `moments/` of all scored clips to a variant's folder."""
    clip_frames = []
    with progress.stage("pictures", len(scored.frames)) as advance:
        for clip, pair in zip(variant.scored_clips, scored.frames, strict=True):
            time_s = frame_end_s(len(pair.baseline), variant.stream)
            write_frames(folder, pair, time_s)
            picture = _picture(variant, clip, pair, scored.scores.truth.delay_ms)
            write_atomic(picture_path(folder, clip.name), picture)
            clip_frames.append(ClipFrames(pair.name, time_s, pair.voiced, pair.baseline, pair.variant, pair.known_hz))
            advance(1)
        save_clips_around(folder, [*worst(clip_frames), *worst_known(clip_frames)], variant.scored_clips)


def _picture(variant: PreparedVariant, clip: Clip, pair: PairedFrames, delay_ms: float | None) -> bytes:
    """Returns a PNG of both sides, and of the known f0 if there is one."""
    known_semitones = None
    if clip.f0 is not None and delay_ms is not None:
        known_semitones = hz_to_semitones(reference_hz(clip.f0, len(pair.baseline), variant.stream, delay_ms))
    recipe = variant.recipe
    title, label = f"{variant.name}: {clip.name}", protocol_of(recipe.protocol).label
    if label:
        title = f"{label}\n{title}"
    return contour_png(
        pair,
        frame_end_s(len(pair.baseline), variant.stream),
        title,
        recipe.scoring.voiced_confidence,
        known_semitones,
        recipe.postprocess.confidence_threshold,
    )
