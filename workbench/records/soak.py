"""The record of a long stream, and its verdict. `soak.json`."""

import sys
from pathlib import Path
from typing import Literal

from pydantic import Field
from rich.console import Console
from rich.table import Table

from workbench.audit.gates import PITCH, no_pitch_gate_reason
from workbench.export.program_file import ProgramFile
from workbench.measure.soak import SoakSegment
from workbench.recipe import Gate
from workbench.record_model import RecordModel
from workbench.records.environment import Environment
from workbench.records.metrics import Verdict
from workbench.records.result import RecipeUsed

SOAK_NAME = "soak.json"
# From the end of the first part on. A page more for every call would be a hundred times as much in an hour.
_GROWTH = 0.02
_SLOWER = 1.5  # last part's median call over the first's; the machine alone moves it by a quarter


class Soak(RecordModel):
    """A stream without a reset for `hours` of audio, in equal parts."""

    schema_version: Literal[1] = 1
    created: str
    recipe: RecipeUsed
    environment: Environment
    program: ProgramFile
    clips: tuple[str, ...]
    hours: float
    took_s: float
    stretches: tuple[SoakSegment, ...]
    ended: str = Field("", description="How the program ended it before all parts were streamed.")
    verdict: Verdict = "inconclusive"
    reasons: tuple[str, ...] = ()


def judged(soak: Soak, gates: tuple[Gate, ...], min_voiced_frames: int) -> Soak:
    """The record with its verdict: every part within the recipe's gates on pitch and on the largest confidence
    deviation, finite, faster than real time, to the end, and a process that does not grow.

    Slower calls make it inconclusive, not failed: another job on the machine does that too. So do fewer voiced frames
    in all parts together: the gates compare no others, and a short stream has few in each.
    """
    failures, doubts = [soak.ended] * bool(soak.ended), []
    held = [gate for gate in gates if gate.metric.startswith(PITCH) or gate.metric == "deviation.confidence.max"]
    for part in soak.stretches:
        until = f"until {part.until_s:.0f} s"
        if part.nonfinite_frames:
            failures.append(f"{until}: {part.nonfinite_frames} of {part.frames} frames are not finite")
            continue
        if part.baseline_nonfinite_frames:
            unknown = part.baseline_nonfinite_frames
            doubts.append(f"{until}: {unknown} of {part.frames} frames of upstream itself are not finite")
        for gate in held:
            name = gate.metric.removeprefix(PITCH)
            value = getattr(part.pitch, name) if gate.metric != name else part.confidence_max
            if value is None:
                doubts.append(f"{until}: {gate.metric} has no value: {part.pitch.null_reasons[name]}")
            elif not gate.allows(value):
                failures.append(f"{until}: {gate.metric} is {value:.10g}, wants {gate}")
        if part.real_time_factor >= 1:
            failures.append(f"{until}: a call takes {part.real_time_factor:.2f} times as long as its audio")
    voiced = sum(part.voiced_frames for part in soak.stretches)
    if voiced < min_voiced_frames:
        doubts.append(f"only {voiced} voiced frames, wants {min_voiced_frames}")
    doubts += [no_pitch_gate_reason(held)] * bool(no_pitch_gate_reason(held))
    first, last = soak.stretches[0], soak.stretches[-1]
    growth = max(part.resident_bytes for part in soak.stretches) / first.resident_bytes - 1
    if growth > _GROWTH:
        failures.append(f"the process grew by {growth:.1%} after the first part, wants at most {_GROWTH:.0%}")
    slower = last.variant_p50_ms / first.variant_p50_ms
    if slower > _SLOWER:
        doubts.append(f"calls took {slower:.2f} times as long at the end as at the start; run it on a quiet machine")
    verdict: Verdict = "fail" if failures else "inconclusive" if doubts else "pass"
    return soak.model_copy(update={"verdict": verdict, "reasons": (*failures, *doubts)})


def print_soak(soak: Soak, folder: Path) -> None:
    """Print a row for each part, the verdict and its reasons, to stdout."""
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200, highlight=False)
    columns = ("until (s)", "voiced / all frames", "pitch p95 (cents)", "max", "p50 (ms)", "p95 (ms)", "memory (MB)")
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for part in soak.stretches:
        cents = (part.pitch.p95_cents, part.pitch.max_cents)
        table.add_row(
            f"{part.until_s:.0f}",
            f"{part.voiced_frames} / {part.frames}",
            *("–" if value is None else f"{value:.4f}" for value in cents),
            f"{part.variant_p50_ms:.2f}",
            f"{part.variant_p95_ms:.2f}",
            f"{part.resident_bytes / 1e6:.1f}",
        )
    console.print(table)
    console.print(
        f"\n{soak.recipe.name}: {soak.verdict}, {soak.hours:g} h of audio in {soak.took_s:.0f} s", markup=False
    )
    for reason in soak.reasons:
        console.print(f"  {reason}", markup=False)
    console.print(f"  record   {folder / SOAK_NAME}", markup=False, soft_wrap=True)
