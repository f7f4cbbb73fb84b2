"""All that the page shows of one variant."""

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from workbench.audio.clip_catalog import ClipCatalog
from workbench.audit.clock import Clock
from workbench.measure.speed import Speed
from workbench.records.frames.stored import ClipFrames, read_frames
from workbench.records.frames.worst_moments import Moment, sound_of, worst, worst_known
from workbench.records.metrics import GateResult, Verdict
from workbench.records.result import RESULT_NAME
from workbench.records.run_folders import StoredResult
from workbench.report.columns import METRIC_COLUMNS, Column
from workbench.report.html.accuracy import AccuracyChart, accuracy_charts
from workbench.report.html.charts import (
    BarChart,
    NoiseChart,
    RangeChart,
    TimeChart,
    WeightBar,
    byte_charts,
    noise_chart,
    range_charts,
    time_chart,
    weight_bars,
)
from workbench.report.html.contours import Baselines, ContourView, Histogram, contour, histogram

Sounds = dict[str, str]
"""Data URIs by key: variants of one stream share their worst moments."""
_VERDICT_ORDER: dict[Verdict, int] = {"pass": 0, "inconclusive": 1, "fail": 2}


@dataclass(frozen=True)
class Cell:
    """A cell of the table of variants; its sort key is "" if there is no number, which is sorted last."""

    text: str
    sort_key: float | str


@dataclass(frozen=True)
class MomentView:
    """A moment with a key of `Sounds`, or why there is none; `known_frames` is 0 unless it is against the known f0."""

    clip: str
    at_s: float
    from_s: float
    cents: float | None
    sound: str | None
    no_sound_reason: str
    wrong_frames: int
    known_frames: int


@dataclass(frozen=True)
class VariantView:
    """Figures as the result has them; what the page shows of a variant in charts, tables and text."""

    name: str
    description: str
    verdict: Verdict
    verdict_order: int
    fair: bool
    protocol: str
    reasons: tuple[str, ...]
    cells: list[Cell]
    gates: tuple[GateResult, ...]
    p95_cents: float | None
    max_cents: float | None
    floor_p95_cents: float | None
    bytes: int | None
    speed: Speed | None
    voiced_frames: int | None
    frames: int | None
    voiced_by: list[str]
    histogram: Histogram | None
    clips: list[ContourView]
    moments: list[MomentView]
    known_moments: list[MomentView]
    accuracy_charts: list[AccuracyChart]
    missing_frames: str
    byte_charts: list[BarChart]
    weight_bars: list[WeightBar]
    time_chart: TimeChart | None
    range_charts: list[RangeChart]
    noise_chart: NoiseChart | None

    def chart_data(self, clock: Clock) -> dict[str, Any]:
        """Returns what the scripts of the page draw, for JSON; the speedup is by the clock that all variants have."""
        timed = self.speed.native if self.speed and clock == "native" else self.speed
        return {
            "name": self.name,
            "verdict": self.verdict,
            "fair": self.fair,
            "gates": [{"metric": gate.metric, "limit": gate.limit} for gate in self.gates],
            "p95_cents": self.p95_cents,
            "max_cents": self.max_cents,
            "bytes": self.bytes,
            "speedup": timed.speedup.model_dump(include={"p50", "low", "high"}) if timed else None,
            "clips": [asdict(clip) for clip in self.clips],
            "moments": [asdict(moment) for moment in (*self.moments, *self.known_moments)],
        }


def variant_view(
    stored: StoredResult,
    name: str,
    baselines: Baselines,
    sounds: Sounds,
    catalog: ClipCatalog | None,
    columns: Sequence[Column] = METRIC_COLUMNS,
) -> VariantView:
    """Collects what the page shows of a variant.

    Args:
        stored: The result with its folder, which has frames, sounds and perhaps a profile.
        name: The name in the page, unique in it.
        baselines: Receives the frames of baselines, which variants share.
        sounds: Receives the sounds, which variants share.
        catalog: Clips to cut sounds from if the run kept none.
        columns: The columns of the table of all variants.

    Raises:
        WorkbenchError: Frames or a profile beside the result cannot be read.
    """
    result = stored.result
    deviation = result.deviation
    scored = [clip.name for clip in result.audio if clip.role == "score"] if deviation else []
    clips = _frames(stored, scored)
    return VariantView(
        name=name,
        description=result.recipe.resolved.get("description", ""),
        verdict=result.verdict,
        verdict_order=_VERDICT_ORDER[result.verdict],
        fair=result.protocol.fair,
        protocol=result.protocol.label,
        reasons=result.reasons,
        cells=[Cell(column.text(result), _or_empty(column.sort_key(result))) for column in columns],
        gates=result.gates,
        p95_cents=deviation.pitch.p95_cents if deviation else None,
        max_cents=deviation.pitch.max_cents if deviation else None,
        floor_p95_cents=result.floor.pitch.p95_cents if result.floor else None,
        bytes=result.program.bytes if result.program else None,
        speed=result.speed,
        voiced_frames=deviation.voiced_frames if deviation else None,
        frames=deviation.frames if deviation else None,
        voiced_by=sorted({clip.voiced_by for clip in deviation.clips}) if deviation else [],
        histogram=histogram(clips),
        clips=[contour(clip, baselines) for clip in clips],
        moments=[_moment_view(moment, stored, sounds, catalog) for moment in worst(clips)],
        known_moments=[_moment_view(moment, stored, sounds, catalog) for moment in worst_known(clips)],
        accuracy_charts=accuracy_charts(stored),
        missing_frames=_missing_frames(stored, clips, scored),
        byte_charts=byte_charts(result),
        weight_bars=weight_bars(result),
        time_chart=time_chart(stored),
        range_charts=range_charts(result),
        noise_chart=noise_chart(result),
    )


def _or_empty(key: float | None) -> float | str:
    return "" if key is None else key


def _frames(stored: StoredResult, scored: Sequence[str]) -> list[ClipFrames]:
    """The frames beside the result; none for an archived one, as those in the folder are of a later one."""
    if not stored.current:
        return []
    found = [read_frames(stored.folder, clip) for clip in scored]
    return [frames for frames in found if frames is not None]


def _moment_view(moment: Moment, stored: StoredResult, sounds: Sounds, catalog: ClipCatalog | None) -> MomentView:
    wav, reason = sound_of(moment, stored.result, stored.folder, catalog)
    key = None if wav is None else _shared_key(f"data:audio/wav;base64,{base64.b64encode(wav).decode()}", sounds)
    return MomentView(
        moment.clip,
        moment.at_s,
        moment.from_s,
        moment.cents,
        key,
        reason,
        moment.wrong_frames,
        moment.known_frames,
    )


def _shared_key(uri: str, sounds: Sounds) -> str:
    """The key of a sound, which is added if it is new."""
    for key, known in sounds.items():
        if known == uri:
            return key
    key = f"s{len(sounds)}"
    sounds[key] = uri
    return key


def _missing_frames(stored: StoredResult, clips: Sequence[ClipFrames], scored: Sequence[str]) -> str:
    """Why there are no frames, or not of every clip; "" if there are."""
    if stored.result.deviation is None:
        return f"Nothing was compared: {stored.result.null_reasons['deviation']}"
    if not stored.current:
        return f"The frames in this folder belong to its {RESULT_NAME}, a later result, so no contour can be drawn."
    if not clips:
        return "The frames that this run compared are not beside its result, so no contour can be drawn."
    missing = len(scored) - len(clips)
    return f"The frames of {missing} of {len(scored)} clips are not beside the result." if missing else ""
