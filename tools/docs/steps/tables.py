"""The tables of the steps, from the stored record."""

from typing import Any

from tools.docs.steps.record import NOT_TIMED, ClipFigures, Step, Steps, Study, read
from tools.docs.steps.studies import BASE
from workbench.audit.comparability import flatten
from workbench.report.formatting import DASH, format_number, markdown_table

_SECTIONS = ("lowering.", "quantization.")  # left out, for width: the rest of the key says enough


def single() -> str:
    """Returns a row for each step on top of int8-mixed as it was."""
    return _table("single") + _measured()


def together() -> str:
    """Returns a row for each step on top of all before it."""
    return _table("together")


def exact() -> str:
    """Returns a row for each step that changes no more than float rounding, and for front ends that approach it."""
    rows = [
        {
            "step": step.name,
            "keys": _keys(step.keys),
            "largest difference (cents)": _exponent(step.from_base.max_cents),
            "of the confidence": _exponent(step.from_base.max_confidence),
            "pitch p95 against upstream": format_number(step.score.p95_cents, ".4f"),
            **_cost(step),
        }
        for step in _steps("exact")
    ]
    return markdown_table(rows, left=("step", "keys"))


def _record() -> Steps:
    record = read()
    if record is None:
        raise SystemExit("docs/records/steps.json: is missing; run `python -m tools.docs.steps FOLDER`")
    return record


def _steps(study: Study) -> list[Step]:
    return [step for step in _record().steps if step.study == study]


def _table(study: Study) -> str:
    base_bytes = next(step.bytes for step in _steps("single") if step.name == BASE)
    own_keys = {step.name: step.keys for step in _steps("single")}
    rows = [
        {
            "step": step.name,
            "keys": _keys(own_keys[step.name.removeprefix("+")]),
            "pitch p95, calibrating (cents)": format_number(step.calibrate.p95_cents, ".3f"),
            "scoring": format_number(step.score.p95_cents, ".3f"),
            "over 50 cents": f"{_over(step.calibrate)}, {_over(step.score)}",
            "confidence p95": format_number(step.score.confidence_p95, ".1e"),
            "bytes saved": f"{base_bytes - step.bytes:,}",
            **_cost(step),
        }
        for step in _steps(study)
    ]
    return markdown_table(rows, left=("step", "keys"))


def _cost(step: Step) -> dict[str, str]:
    native = step.native
    return {
        "bytes": f"{step.bytes:,}",
        "operators": f"{step.operators}",
        "native p50 (µs)": format_number(native.p50_us if native else None, ".0f"),
        "times as fast": native.times_faster.text() if native else DASH,
    }


def _keys(keys: dict[str, Any]) -> str:
    def short(key: str) -> str:
        return next((key.removeprefix(section) for section in _SECTIONS if key.startswith(section)), key)

    return ", ".join(f"`{short(key)}: {value}`" for key, value in flatten(keys).items()) or "none"


def _over(figures: ClipFigures) -> str:
    return format_number(figures.over_50_cents, "d")


def _exponent(value: float | None) -> str:
    return format_number(value, ".1e" if value else "g")


def _measured() -> str:
    record = _record()
    made_on, step = record.environment, record.steps[0]
    timed = f"timed on {record.timed[:10]}" if record.timed else NOT_TIMED
    return (
        f"\nThe clips that calibrate: {_clips(step.calibrate)}. The clips that score: {_clips(step.score)}. "
        f"Measured on {record.created[:10]} and {timed} with workbench {made_on.commit}, {made_on.cpu}, torch "
        f"{made_on.torch}, executorch {made_on.executorch}; {made_on.threads} thread, {record.rounds} alternating "
        f"rounds of {record.calls_per_round} calls. 48000 Hz, 960-sample chunks, mirror 1.\n"
    )


def _clips(figures: ClipFigures) -> str:
    return f"{figures.clips} with {figures.frames} frames, {figures.voiced_frames} of them voiced"
