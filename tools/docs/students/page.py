"""Writes `docs/results/student.md`: the shipped student beside its teacher, from the stored records of `make students`.

A folder of records has one folder for each seed:

    floor.json                          the teacher beside itself: `python -m tools.docs.students.floor`
    seed-0/training.json, training.png  `workbench train`
    seed-0/rendered/RECIPE/result.json  `workbench run` of the student on the shipped clips
    seed-0/singing/RECIPE/result.json   the same on singing with a known f0, if there was any
    qat/VARIANT/result.json             `workbench run student-int8-static` of `student`, and of one trained for int8
"""

import shutil
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from tools.docs.stored import MEASURED, PICTURES, RECORDS, ROOT, store_json
from tools.docs.students.floor import ShiftFloor
from workbench.audio.annotations import TruthKind
from workbench.measure.truth.kinds import KindAccuracy
from workbench.model.student.card import read_card
from workbench.records.result import Result, read_result
from workbench.records.training import TRAINING_NAME, TRAINING_PLOT_NAME, Training
from workbench.report.columns import result_cells
from workbench.report.formatting import DASH, format_number, markdown_table
from workbench.report.plots.figure import BASELINE_COLOR, VARIANT_COLOR, encode_png

STUDENTS = RECORDS / "students"
_CURVES, _SIZES = "student-training.png", "student-size.png"
_SHOWN = ("float-xnnpack", "float-low-rank", "float-band", "int8-mixed", "int8-fast", "int8-small")
_COLUMNS = ("variant", "pitch p95 (cents)", "jumps / voiced", "bytes", "native p50 (µs)", "times faster (native)")
_HEAD = """---
hide: [toc]
---

# The shipped student

`make students` writes this page. [Students](../guides/students.md) explains what a student is, and how to train one.
Two measurements are never mixed here: the **deviation** is from the teacher, and the **accuracy** is against the known
f0. [Robustness](robustness.md) has the accuracy with noise, at other levels and in other ranges.
"""


def store(run: Path) -> None:
    """Stores the records of all seeds, and draws the picture of sizes."""
    shutil.rmtree(STUDENTS, ignore_errors=True)
    for source in sorted((*run.glob("floor.json"), *run.glob(f"seed-*/{TRAINING_NAME}"))):
        store_json(source, STUDENTS / source.relative_to(run))
    for source in sorted(run.glob("seed-*/*/*/result.json")):
        variant = source.parent.relative_to(run)
        name = variant.name.partition("@")[0]  # @checkpoint=... is the seed
        store_json(source, STUDENTS / variant.with_name(f"{name}.json"))
    for source in sorted(run.glob("qat/*/result.json")):
        name = "post-training" if source.parent.name.endswith("=student") else "quantization-aware"
        store_json(source, STUDENTS / "qat" / f"{name}.json")
    shutil.copyfile(run / "seed-0" / TRAINING_PLOT_NAME, PICTURES / _CURVES)
    (PICTURES / _SIZES).write_bytes(sizes_png(_side_by_side()))


def page() -> str:
    """Returns the page."""
    trainings = _trainings()
    if not trainings:
        return f"{_HEAD}\nNo record is stored yet.\n"
    floor = ShiftFloor.model_validate_json((STUDENTS / "floor.json").read_bytes())
    return "\n".join(
        [
            _HEAD,
            _card(trainings[0]),
            f"## Deviation against size\n\n![Deviation from the teacher against bytes](../pictures/{_SIZES})\n",
            markdown_table([{name: result_cells(each)[name] for name in _COLUMNS} for each in _side_by_side()]),
            _floor(floor),
            *_deviations("rendered", "The shipped scoring clips"),
            *_deviations("singing", "Singing that no student was trained on"),
            f"## Training\n\n![Learning curves](../pictures/{_CURVES})\n",
            _seeds(trainings),
            *_quantization_aware(),
            "## Accuracy against the known f0\n",
            *_accuracies("rendered", "The shipped scoring clips"),
            *_accuracies("singing", "Singing that no student was trained on"),
        ]
    )


def sizes_png(results: Sequence[Result]) -> bytes:
    """Draws the deviation of each variant against the bytes of its program, both on logarithmic axes."""
    figure = Figure(figsize=(9, 4.8), layout="constrained")
    axes = figure.subplots()
    points = {
        result.recipe.name: (result.program.bytes / 1000, result.deviation.pitch.p95_cents)
        for result in results
        if result.program and result.deviation and result.deviation.pitch.p95_cents is not None
    }
    for name, point in points.items():
        is_student = name.startswith("student")
        axes.scatter(*point, c=BASELINE_COLOR if is_student else VARIANT_COLOR)
        offset, side = ((7, -3), "left") if is_student else ((0, 7), "center")
        if point == min(points.values()):
            offset, side = (-7, -3), "right"
        axes.annotate(name, point, offset, textcoords="offset points", fontsize=8.5, ha=side)
    axes.set(xscale="log", yscale="log", xlabel="program (kB)", ylabel="deviation from the teacher, p95 (cents)")
    ticks = (100, 200, 500, 1000, 2000)
    axes.set_xticks(ticks, [f"{kilobytes}" for kilobytes in ticks])
    axes.minorticks_off()
    axes.margins(x=0.2)
    axes.grid(alpha=0.25)
    return encode_png(figure)


def _trainings() -> list[Training]:
    paths = sorted(STUDENTS.glob(f"seed-*/{TRAINING_NAME}"))
    return [Training.model_validate_json(path.read_bytes()) for path in paths]


def _side_by_side() -> list[Result]:
    paths = [*(MEASURED / f"{name}.json" for name in _SHOWN), *sorted(MEASURED.glob("student-*.json"))]
    return [read_result(path) for path in paths]


def _card(training: Training) -> str:
    """What the student was made from, and how."""
    card = read_card(ROOT / "students" / training.file)
    seconds = statistics.median(epoch.seconds for epoch in training.epochs)  # a pause of the process counts too
    return f"""## Card

- **Teacher**: {card.teacher} of pesto-pitch (SHA-256 {card.teacher_sha256[:12]}…), which is under LGPL-3.0. The student
  learned from its outputs; a bundle of a student contains that licence.
- **Student**: {training.weights:,} weights, {training.multiply_adds / 1e6:.2f} million multiply-adds a frame,
  {training.bytes:,} bytes, SHA-256 {training.sha256[:12]}…
- **Data**: {training.frames:,} frames of random synthetic clips, no recording. SHA-256 of the frames:
  {training.data_sha256[:12]}…
- **Command**: `workbench train training/student`, seed 0, {len(training.epochs)} epochs of {seconds:.0f} s (median) on
  one core beside other work, on {training.created[:10]} with workbench {training.environment.commit}.
- **Limits**: {card.sample_rate_hz:,} Hz. Its pitch follows the teacher's, so it has the teacher's faults too.
"""


def _floor(floor: ShiftFloor) -> str:
    moved = format_number(floor.pitch.p95_cents, ".1f")
    jumps = format_number(floor.pitch.over_50_cents_rate, ".2%")
    return (
        f"\nThe floor: if the audio comes 16 samples later, the teacher's own pitch moves by {moved} cents (p95), and "
        f"{jumps} of its {floor.voiced_frames:,} voiced frames by more than 50 cents.\n"
    )


def _deviations(folder: str, title: str) -> list[str]:
    """A table of the deviation of seed 0 on one kind of audio; none if it was not measured."""
    rows, heads = [], set()
    for path in sorted((STUDENTS / "seed-0" / folder).glob("*.json")):
        result = read_result(path)
        if (deviation := result.deviation) is None:
            continue
        heads.add(f"{title}: {deviation.frames:,} frames, {deviation.voiced_frames:,} of them voiced.")
        rows.append(
            {
                "deviation of": path.stem,
                "median (cents)": format_number(deviation.pitch.median_cents, ".3f"),
                "p95 (cents)": format_number(deviation.pitch.p95_cents, ".1f"),
                "over 50 cents": format_number(deviation.pitch.over_50_cents_rate, ".2%"),
                "confidence p95": format_number(deviation.confidence.p95, ".4f"),
            }
        )
    return ["\n\n".join((*sorted(heads), markdown_table(rows)))] if rows else []


def _quantization_aware() -> list[str]:
    """A table of int8-static programs of two students: one was trained for int8, the other was not."""
    results = {path.stem: read_result(path) for path in sorted((STUDENTS / "qat").glob("*.json"))}
    if not results:
        return []
    rows = []
    for name, result in results.items():
        cells = result_cells(result)
        columns = ("pitch p95 (cents)", "jumps / voiced", "rpa50 baseline → variant", "bytes", "native p50 (µs)")
        rows.append({"int8": name} | {column: cells[column] for column in columns})
    return [
        "### Quantization-aware training\n",
        "Programs of `student-int8-static` on the shipped scoring clips. Both students have the same layers in int8.\n",
        markdown_table(rows, left=("int8",)),
    ]


def _seeds(trainings: Sequence[Training]) -> str:
    """A row for each seed: the end of its training, and its int8 program on both kinds of clips; then the range."""
    figures = {str(seed): _figures(seed, training) for seed, training in enumerate(trainings)}
    rows = [
        {"seed": seed}
        | {name: format_number(value, _digits(name)) for name, value in found.items()}
        | {"SHA-256": training.sha256[:12]}
        for (seed, found), training in zip(figures.items(), trainings, strict=True)
    ]
    spread = "There is one seed, so the spread over seeds is not known.\n\n"
    if len(trainings) > 1:
        spread = ""
        row = {name: _range([found[name] for found in figures.values()], _digits(name)) for name in figures["0"]}
        rows.append({"seed": "range"} | row | {"SHA-256": DASH})
    return (
        f"{spread}The loss and the first two deviations are those of the last epoch, on held-out synthetic clips and "
        "on the calibration clips. The others are of programs of `student-int8`, on the shipped scoring clips and on "
        "singing.\n\n" + markdown_table(rows)
    )


def _figures(seed: int, training: Training) -> dict[str, float | None]:
    last = training.epochs[-1]
    figures: dict[str, float | None] = {"loss": last.loss}
    for name, scores in (("synthetic", last.synthetic), ("recordings", last.recordings)):
        figures[f"{name}: p95 (cents)"] = scores.p95_cents if scores else None
        figures[f"{name}: over 50"] = scores.over_50_cents_rate if scores else None
    for folder, name in (("rendered", "scoring clips"), ("singing", "singing")):
        path = STUDENTS / f"seed-{seed}" / folder / "student-int8.json"
        deviation = read_result(path).deviation if path.is_file() else None
        figures[f"{name}: p95 (cents)"] = deviation.pitch.p95_cents if deviation else None
        figures[f"{name}: over 50"] = deviation.pitch.over_50_cents_rate if deviation else None
    return figures


def _digits(name: str) -> str:
    return ".4f" if name == "loss" else ".2%" if name.endswith("over 50") else ".1f"


def _range(values: Sequence[float | None], digits: str) -> str:
    known = [value for value in values if value is not None]
    return f"{min(known):{digits}}–{max(known):{digits}}" if known else DASH


def _accuracies(folder: str, title: str) -> list[str]:
    """A table for each kind of truth: the teacher, and each seed's programs."""
    results = {
        f"{path.stem}, seed {path.parent.parent.name.removeprefix('seed-')}": read_result(path)
        for path in sorted(STUDENTS.glob(f"seed-*/{folder}/*.json"))
    }
    kinds: dict[TruthKind, list[dict[str, str]]] = {}
    heads: dict[TruthKind, str] = {}
    for name, result in results.items():
        if result.truth is None:
            continue
        for accuracy in (result.truth, *result.truth.other_kinds):
            rows = kinds.setdefault(accuracy.kind, [_row("teacher", accuracy, lambda kind: kind.baseline)])
            rows.append(_row(name, accuracy, lambda kind: kind.variant))
            clips, voiced = len(accuracy.clips), accuracy.voiced_frames
            heads[accuracy.kind] = f"{title}, {accuracy.kind} f0: {clips} clips, {voiced:,} voiced frames."
    return [f"{heads[kind]}\n\n{markdown_table(rows, left=('side',))}" for kind, rows in kinds.items()]


def _row(name: str, accuracy: KindAccuracy, side: Callable[[KindAccuracy], object]) -> dict[str, str]:
    found = side(accuracy)
    fields = {"RPA50": "rpa50", "RCA50": "rca50", "recall": "voicing_recall", "false alarms": "voicing_false_alarm"}
    return {"side": name} | {
        title: format_number(getattr(found, field, None), ".4f") for title, field in fields.items()
    }
