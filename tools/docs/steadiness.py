"""The table that compares mirrors, chunks and rates by delay and steadiness, and what measures its figures.

    python -m tools.docs.steadiness FOLDER      measures what docs/records/steadiness.json lacks

FOLDER receives the programs; one that is there is not built again. Nothing is timed, so the machine need not be idle.
Half an hour. Programs are exported without the checks and the first run of `workbench build`, and calibrated on one
clip, which shows nothing but how much each layer loses: both recipes have no static ranges.
"""

import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import torch

from tools.docs.stored import RECORDS
from workbench.audio.clip_catalog import SYNTHETIC_CALIBRATE, ClipCatalog
from workbench.export.backends import EXPORTERS
from workbench.measure.tones.delay import StepDelay
from workbench.measure.tones.steadiness import SideSteadiness, rendered_samples, side_figures
from workbench.progress import Progress
from workbench.recipe import with_overrides
from workbench.record_model import RecordModel, now_utc
from workbench.records.environment import Environment, environment
from workbench.records.sweep import SweepSetting
from workbench.report.columns import tones_text
from workbench.report.formatting import format_number, markdown_table
from workbench.runtime.isolation import IsolatedProcess
from workbench.runtime.open_program import run_program
from workbench.runtime.session import Frames, run_chunks
from workbench.storage.atomic import write_atomic
from workbench.storage.json_files import write_json
from workbench.workflows.load_recipes import load_variant
from workbench.workflows.variant.build import export_inputs
from workbench.workflows.variant.prepare import PreparedVariant, prepare

RECORD = RECORDS / "steadiness.json"
BASELINE, THREADS = "baseline", 1
SIDES = (BASELINE, "float-xnnpack", "int8-mixed")
SETTINGS = tuple(
    SweepSetting(sample_rate_hz=rate_hz, chunk_samples=chunk, mirror=mirror)
    for rate_hz, mirror, chunk in product((44_100, 48_000), (0.0, 0.5, 1.0), (256, 480, 960))
)


class SteadinessPoint(RecordModel):
    """The baseline, or the program of a recipe, at one setting."""

    side: str
    setting: SweepSetting
    geometry_ms: float
    delay: StepDelay
    steadiness: SideSteadiness


class SteadinessSweep(RecordModel):
    """All points, by setting and then by side."""

    created: str
    environment: Environment
    points: tuple[SteadinessPoint, ...]


def measure(
    side: str, setting: SweepSetting, folder: Path, catalog: ClipCatalog, child: IsolatedProcess
) -> SteadinessPoint:
    """Runs one side over the rendered sounds, a program in the child. Builds it in `folder` first."""
    recipe = load_variant(SIDES[1] if side == BASELINE else side, catalog)
    variant = prepare(with_overrides(recipe, setting.suffix, **setting.keys))
    if side == BASELINE:
        frames = _baseline_frames(variant)
    else:
        frames = child.call(
            run_program, _program(variant, folder, catalog), rendered_samples(variant.stream), threads=THREADS
        )
    delay, steadiness = side_figures(frames, variant.stream)
    geometry_ms = variant.model.algorithmic_ms + setting.chunk_ms / 2
    return SteadinessPoint(side=side, setting=setting, geometry_ms=geometry_ms, delay=delay, steadiness=steadiness)


def _baseline_frames(variant: PreparedVariant) -> list[Frames]:
    torch.set_num_threads(THREADS)
    session = variant.baseline.session(margins=False)
    return [run_chunks(session, samples) for samples in rendered_samples(variant.stream)]


def _program(variant: PreparedVariant, folder: Path, catalog: ClipCatalog) -> Path:
    path = folder / f"{variant.name}.pte"
    if not path.is_file():
        torch.set_num_threads(THREADS)
        clip = catalog.read(catalog.match([f"{SYNTHETIC_CALIBRATE}/*"])[0], variant.stream.sample_rate_hz)
        variant = replace(variant, calibration_clips=(clip,))
        exporter = EXPORTERS[variant.recipe.lowering.backend]
        write_atomic(path, exporter.export(export_inputs(variant), Progress()).content)
    return path


def main() -> None:
    folder, catalog = Path(sys.argv[1]), ClipCatalog(Path("calib_audio"))
    points = list(read().points) if RECORD.is_file() else []
    known = {(point.side, point.setting.suffix) for point in points}
    with IsolatedProcess() as child:
        for side, setting in product(SIDES, SETTINGS):
            if (side, setting.suffix) in known:
                continue
            points.append(measure(side, setting, folder, catalog, child))
            points.sort(key=lambda point: (SETTINGS.index(point.setting), SIDES.index(point.side)))
            made = SteadinessSweep(created=now_utc(), environment=environment(THREADS), points=tuple(points))
            write_json(made, RECORD)
            print(side, setting.suffix, flush=True)


def read() -> SteadinessSweep:
    """Returns the stored record."""
    return SteadinessSweep.model_validate_json(RECORD.read_bytes())


def table() -> str:
    """Returns a row for each setting: the baseline's figures, and the p95 on tones of each program."""
    sweep = read()
    points = {(point.side, point.setting.suffix): point for point in sweep.points}
    rows = []
    for setting in SETTINGS:
        if (BASELINE, setting.suffix) not in points:
            continue
        baseline = points[BASELINE, setting.suffix]
        errors = baseline.steadiness
        programs = {name: points.get((name, setting.suffix)) for name in SIDES[1:]}
        rows.append(
            {
                "rate (Hz)": f"{setting.sample_rate_hz}",
                "mirror": f"{setting.mirror:g}",
                "chunk": f"{setting.chunk_samples} ({setting.chunk_ms:.1f} ms)",
                "delay (ms)": format_number(baseline.delay.delay_ms, ".0f"),
                "delay by geometry": f"{baseline.geometry_ms:.0f}",
                "tones: moves by (cents)": format_number(errors.tones.std_cents, ".1f"),
                "off by, p95": format_number(errors.tones.p95_cents, ".1f"),
                "glides: off by, p95": format_number(errors.glides.p95_cents if errors.glides else None, ".1f"),
                **{name: tones_text(point.steadiness.tones if point else None) for name, point in programs.items()},
            }
        )
    tones = min(point.steadiness.tones.frames for point in sweep.points)
    made_on = sweep.environment
    return markdown_table(rows) + (
        f"\nThe two last columns are of programs, the others of upstream PESTO. Each row has at least {tones} frames "
        f"of tones. Measured on {sweep.created[:10]}, {made_on.cpu}, torch {made_on.torch}, "
        f"executorch {made_on.executorch}.\n"
    )


if __name__ == "__main__":
    main()
