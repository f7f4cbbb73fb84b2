"""One variant as the page tells it: plain data, figures as the record has them."""

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.audio.corpus import Corpus
from workbench.quantize.results import TensorRange
from workbench.records.frames import ClipFrames, read_frames
from workbench.records.metrics import GateResult
from workbench.records.result import RESULT_NAME, Result
from workbench.records.run_folders import StoredResult
from workbench.records.worst_moments import Moment, sound_of, worst
from workbench.report.formatting import result_cells, weakest_layer
from workbench.report.html.axis import linear_axis
from workbench.report.html.contours import Baselines, contour, histogram

Sounds = dict[str, str]  # data URIs by key: variants of one stream share their worst moments
PROFILE = "profile.json"  # as in audit.profile, which loads torch: only where there is one
_ORDER = {"pass": 0, "inconclusive": 1, "fail": 2}


def variant_view(
    kept: StoredResult, name: str, baselines: Baselines, sounds: Sounds, corpus: Corpus | None
) -> dict[str, Any]:
    """All that the page shows of a variant; what it shares with others goes into `baselines` and `sounds`.

    Raises WorkbenchError where frames or a profile beside the record cannot be read.
    """
    record = kept.record
    scored = [clip.name for clip in record.audio if clip.role == "score"] if record.deviation else []
    near = scored if kept.current else []  # else what lies in the folder is another record's
    clips = [found for clip in near if (found := read_frames(kept.folder, clip)) is not None]
    pitch = record.deviation.pitch if record.deviation else None
    return {
        "name": name,
        "run": kept.run,
        "description": record.recipe.resolved.get("description", ""),
        "verdict": record.verdict,
        "fair": record.protocol.fair,
        "protocol": record.protocol.label,
        "reasons": list(record.reasons),
        "cells": {**result_cells(record), "variant": name, "verdict": record.verdict},
        "order": _order(record, name),
        "gates": [_gate(gate) for gate in record.gates],
        "p95_cents": pitch.p95_cents if pitch else None,
        "max_cents": pitch.max_cents if pitch else None,
        "floor_p95_cents": record.floor.pitch.p95_cents if record.floor else None,
        "bytes": record.program.bytes if record.program else None,
        "speed": record.speed.model_dump(mode="json") if record.speed else None,
        "voiced_frames": record.deviation.voiced_frames if record.deviation else None,
        "frames": record.deviation.frames if record.deviation else None,
        "voiced_by": sorted({clip.voiced_by for clip in record.deviation.clips}) if record.deviation else [],
        "histogram": histogram(clips),
        "clips": [contour(clip, baselines) for clip in clips],
        "moments": [_moment(moment, kept, sounds, corpus) for moment in worst(clips)],
        "without_frames": _without_frames(kept, clips, scored),
        "bytes_by": _bytes_by(record),
        "time_by": _time_by(kept),
        "ranges": _ranges(record.program.ranges) if record.program else [],
        "gaps": _gaps(record),
    }


def _order(record: Result, name: str) -> dict[str, float | str | None]:
    """What each column of the table is sorted by."""
    deviation, program, speed, truth = record.deviation, record.program, record.speed, record.truth
    return {
        "variant": name,
        "verdict": _ORDER[record.verdict],
        "pitch p95 (cents)": deviation.pitch.p95_cents if deviation else None,
        "max": deviation.pitch.max_cents if deviation else None,
        "voiced / all frames": deviation.voiced_frames if deviation else None,
        "confidence max": deviation.confidence.max if deviation else None,
        "rpa50 baseline → variant": truth.variant.rpa50 if truth and truth.variant else None,
        "bytes": program.bytes if program else None,
        "p50 (ms)": speed.variant.p50_ms if speed else None,
        "times faster": speed.speedup_p50 if speed else None,
    }


def _gate(gate: GateResult) -> dict[str, Any]:
    return {
        "metric": gate.metric,
        "limit": gate.limit,
        "value": gate.value,
        "passed": gate.passed,
        "reason": gate.null_reasons.get("passed", ""),
    }


def _moment(moment: Moment, kept: StoredResult, sounds: Sounds, corpus: Corpus | None) -> dict[str, Any]:
    wav, why = sound_of(moment, kept.record, kept.folder, corpus)
    uri = None if wav is None else f"data:audio/wav;base64,{base64.b64encode(wav).decode()}"
    key = next((key for key, known in sounds.items() if known == uri), None)
    if uri is not None and key is None:
        key = f"s{len(sounds)}"
        sounds[key] = uri
    return {
        "clip": moment.clip,
        "at_s": moment.at_s,
        "from_s": moment.from_s,
        "cents": moment.cents,
        "sound": key,
        "silent_because": why,
    }


def _without_frames(kept: StoredResult, clips: Sequence[ClipFrames], scored: Sequence[str]) -> str:
    """Why there is no contour and no distribution, where there is none."""
    if kept.record.deviation is None:
        return f"Nothing was compared: {kept.record.null_reasons['deviation']}"
    if not kept.current:
        return f"Frames belong to the {RESULT_NAME} of their folder, which this is not, so no contour can be drawn."
    if not clips:
        return "The frames that this run compared are not beside its record, so no contour can be drawn."
    missing = len(scored) - len(clips)
    return f"The frames of {missing} of {len(scored)} clips are not beside the record." if missing else ""


def _bytes_by(record: Result) -> list[dict[str, Any]]:
    """Where the bytes are, largest first; widths in percent of the largest bar."""
    program = record.program
    if program is None:
        return []

    def bars(title: str, found: Mapping[str, int]) -> dict[str, Any]:
        largest = max(found.values(), default=0) or 1
        rows = [
            {"name": name.replace("_", " "), "bytes": size, "width": 100 * size / largest}
            for name, size in sorted(found.items(), key=lambda item: -item[1])
        ]
        return {"title": title, "rows": rows}

    return [
        bars("Weights and constants by part of the model", program.bytes_by_part),
        bars("The file by what it holds", program.bytes_by_kind),
    ]


def _time_by(kept: StoredResult) -> dict[str, Any] | None:
    """Time of each part, its spread and its bound, of a profile that lies beside the record; widths in percent."""
    program, path = kept.record.program, kept.folder / PROFILE
    if program is None or not kept.current or not path.is_file():
        return None
    from workbench.records.profile import read_profile

    profile = read_profile(path)
    if profile is None or profile.program.sha256 != program.sha256:
        return None  # of another program, it tells nothing of this one
    axis = linear_axis(part.net_us.high for part in profile.parts if part.net_us)
    rows = [
        {
            "name": part.name,
            "net_us": part.net_us.p50 if part.net_us else None,
            "net_at": axis.at(part.net_us.p50) if part.net_us else None,
            "low_at": axis.at(part.net_us.low) if part.net_us else None,
            "high_at": axis.at(part.net_us.high) if part.net_us else None,
            "bound_us": part.bound.us if part.bound else None,
            "bound_at": axis.at(part.bound.us) if part.bound else None,
            "macs": part.macs,
            "weight_bytes": part.weight_bytes,
        }
        for part in profile.parts
    ]
    totals = profile.totals
    return {"rows": rows, "ticks": axis.ticks(), "program_us": totals.program_us.p50, "explained": totals.explained.p50}


def _ranges(ranges: Sequence[TensorRange]) -> list[dict[str, Any]]:
    """Activations on one axis and weights on another: they differ by two orders."""
    charts = []
    for title, group in (
        ("Activations", [one for one in ranges if one.tensor != "weight"]),
        ("Weights", [one for one in ranges if one.tensor == "weight"]),
    ):
        if not group:
            continue
        axis = linear_axis(value for one in group for value in (one.low, one.high, one.observed_low, one.observed_high))
        rows = [
            {
                "name": one.layer,
                "tensor": one.tensor,
                "from": axis.at(one.low),
                "to": axis.at(one.high),
                "seen_from": axis.at(one.observed_low),
                "seen_to": axis.at(one.observed_high),
                "text": f"{one.low:.3g} … {one.high:.3g}".replace("-", "−"),
                "scale": f"{f'largest of {one.scales} scales' if one.scales > 1 else 'scale'}: {one.scale:.3g}",
            }
            for one in group
        ]
        charts.append({"title": title, "ticks": axis.ticks(), "zero": axis.at(0), "rows": rows})
    return charts


def _gaps(record: Result) -> dict[str, Any] | None:
    """Signal to noise of each layer that differs from float; those that are equal by name."""
    calibration = record.program.calibration if record.program else None
    if calibration is None or not calibration.gaps:
        return None
    weakest = weakest_layer(record)
    finite = [db for gap in calibration.gaps for db in (gap.alone_db, gap.through_db) if db is not None]
    axis = linear_axis([*finite, 10 * math.ceil(max(finite, default=50) / 10)])
    rows = [
        {
            "name": gap.layer,
            "scheme": gap.scheme,
            "alone_db": gap.alone_db,
            "through_db": gap.through_db,
            "alone_at": None if gap.alone_db is None else axis.at(gap.alone_db),
            "through_at": None if gap.through_db is None else axis.at(gap.through_db),
            "why": gap.null_reasons.get("alone_db", ""),
            "why_through": gap.null_reasons.get("through_db", ""),
            "weakest": weakest is not None and gap.layer == weakest.layer,
        }
        for gap in calibration.gaps
    ]
    return {"rows": rows, "ticks": axis.ticks()}
