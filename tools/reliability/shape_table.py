"""The record of tools/reliability/shapes.py, and its table in docs/results/shapes.md."""

from collections.abc import Sequence

from tools.docs.stored import RECORDS
from workbench.measure.spread import Spread
from workbench.record_model import RecordModel
from workbench.records.environment import Environment
from workbench.report.formatting import format_number, markdown_table

RECORD = RECORDS / "reliability" / "shapes.json"


class ShapeProgram(RecordModel):
    """One program: its size, and its deviation from upstream on the voiced frames of the scored clips."""

    bytes: int
    sha256: str
    p95_cents: float | None
    over_50_cents_rate: float | None


class CallTimes(RecordModel):
    """The native times of calls of one size on both sides; `faster` is before / after in each round."""

    frames: int
    before_us: float
    after_us: float
    faster: Spread

    @property
    def slower(self) -> bool:
        """Whether nine rounds of ten were slower than before."""
        return self.faster.high < 1


class ShapeRow(RecordModel):
    """A recipe at a shape, before and after."""

    recipe: str
    shape: str
    before: ShapeProgram
    after: ShapeProgram
    times: tuple[CallTimes, ...]

    @property
    def same(self) -> bool:
        """Whether the program did not change."""
        return self.before.sha256 == self.after.sha256


class ShapeComparison(RecordModel):
    """All recipes at all shapes; `before` is the commit of the earlier programs."""

    created: str
    before: str
    environment: Environment
    rows: tuple[ShapeRow, ...]


def read() -> ShapeComparison:
    """Returns the stored record."""
    return ShapeComparison.model_validate_json(RECORD.read_bytes())


def table() -> str:
    """Returns a row for each recipe at each shape, with both sides in a cell."""
    if not RECORD.is_file():
        return "No comparison is stored yet.\n"
    record = read()
    changed = [row for row in record.rows if not row.same]
    same = [f"{row.recipe} ({row.shape})" for row in record.rows if row.same]
    return (
        markdown_table([cells(row) for row in changed])
        + (f"\nUnchanged, byte for byte: {', '.join(same)}.\n" if same else "")
        + f"\nBefore: workbench {record.before}. Measured on {record.created[:10]} with workbench "
        f"{record.environment.commit}, {record.environment.cpu}, {record.environment.threads} thread, executorch "
        f"{record.environment.executorch}.\n"
    )


def cells(row: ShapeRow) -> dict[str, str]:
    """Returns the figures of a row as text by column."""
    both = (row.before, row.after)
    return {
        "recipe": row.recipe,
        "shape": row.shape,
        "bytes": _arrow([f"{side.bytes:,}" for side in both]),
        "pitch p95 (cents)": _arrow([format_number(side.p95_cents, ".3f") for side in both]),
        "over 50 cents": _arrow([format_number(side.over_50_cents_rate, ".2%") for side in both]),
        "a call (µs)": _by_size(row.times, [f"{time.before_us:.0f} → {time.after_us:.0f}" for time in row.times]),
        "times faster": _by_size(
            row.times, [time.faster.text() + (", slower" if time.slower else "") for time in row.times]
        ),
    }


def _arrow(texts: Sequence[str]) -> str:
    return " → ".join(texts)


def _by_size(times: Sequence[CallTimes], texts: Sequence[str]) -> str:
    """Joins the texts of the sizes of a call, each with the number of its frames if there are several."""
    if len(times) == 1:
        return texts[0]
    return "; ".join(f"{time.frames}: {text}" for time, text in zip(times, texts, strict=True))
