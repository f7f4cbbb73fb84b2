"""The output of `recipes`: a row for each recipe, or one recipe with all of its keys."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from workbench.report.columns import by_processor, without_empty_columns
from workbench.report.formatting import DASH
from workbench.report.recipe_summary import MeasuredVariant, RecipeSummary
from workbench.report.tables.terminal import console, plain_table, print_heading, print_lines
from workbench.storage.yaml_files import as_yaml

_Path = tuple[str, ...]
_LEGEND = (
    "95 of 100 voiced frames are at most p95 cents away from upstream; times faster than upstream in eager PyTorch.",
    "Native: in a process in C++, without Python, as an app runs the program.",
    "`workbench recipes NAME` shows one recipe, `workbench run NAME` builds and scores it.",
)


def print_recipes(summaries: Sequence[RecipeSummary]) -> None:
    """Prints a row for each recipe, a matrix with the ranges of its variants; then where the figures come from."""
    output = console()
    rows = without_empty_columns([_row(summary) for summary in summaries])
    output.print(plain_table(rows, left=("recipe", "good for")))
    output.print()
    variants = [variant for summary in summaries for variant in summary.variants]
    print_lines(output, [*_missing(variants), *_measured_where(variants), *_LEGEND], indent=0)


def print_recipe(summary: RecipeSummary) -> None:
    """Prints one recipe: what it is good for, the figures of each variant, and its keys with their values."""
    output, variants = console(), summary.variants
    print_heading(output, f"{summary.name}: {summary.good_for}")
    print_lines(output, [variants[0].recipe.description, ""], indent=0)
    rows = [{"variant": each.recipe.name, **_figures([each]), "verdict": _verdict(each)} for each in variants]
    output.print(plain_table(without_empty_columns(rows), left=("variant", "verdict")))
    output.print()
    print_lines(output, [*_missing(variants), *_measured_where(variants), ""], indent=0)
    flat = [dict(_leaves(each.recipe.resolved())) for each in variants]
    differing = [path for path in flat[0] if any(each.get(path) != flat[0][path] for each in flat)]
    print_lines(output, as_yaml(_without(variants[0].recipe.resolved(), differing)).splitlines(), indent=0)
    for each, values in zip(variants, flat, strict=True) if differing else ():
        print_lines(output, [f"# {each.recipe.name}"], indent=0)
        print_lines(output, [f"{'.'.join(path)}: {values.get(path)}" for path in differing], indent=0)


def _row(summary: RecipeSummary) -> dict[str, str]:
    matrix = f" ({len(summary.variants)} variants: {', '.join(summary.axes)})" if summary.axes else ""
    return {"recipe": summary.name, "good for": summary.good_for + matrix, **_figures(summary.variants)}


def _figures(variants: Sequence[MeasuredVariant]) -> dict[str, str]:
    """Returns the figures of some variants as text: a range if they differ, a dash if there is none."""
    columns: dict[str, tuple[str, Callable[[float], str]]] = {
        "kB": ("bytes", lambda value: f"{value / 1000:,.0f}"),
        "p95 (cents)": ("pitch_p95_cents", _cents),
        "native p50 (µs)": ("native_p50_us", lambda value: f"{value:.0f}"),
        "times faster (native)": ("native_speedup_p50", lambda value: f"{value:.1f}"),
        "times faster": ("speedup_p50", lambda value: f"{value:.1f}"),
    }
    figures = [variant.figures() for variant in variants]
    return {title: _range([each[key] for each in figures], text) for title, (key, text) in columns.items()}


def _range(values: Sequence[float | None], text: Callable[[float], str]) -> str:
    known = sorted(value for value in values if value is not None)
    if not known:
        return DASH
    low, high = text(known[0]), text(known[-1])
    return low if low == high else f"{low}–{high}"


def _cents(value: float) -> str:
    return f"{value:.4f}" if value < 0.01 else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def _verdict(variant: MeasuredVariant) -> str:
    return variant.result.verdict if variant.result else DASH


def _missing(variants: Sequence[MeasuredVariant]) -> list[str]:
    return [f"{each.recipe.name}: {each.missing()}" for each in variants if each.missing()]


def _measured_where(variants: Sequence[MeasuredVariant]) -> list[str]:
    """Returns when, where and with what the figures were measured: a line for each processor, that of most first."""
    results = [variant.result for variant in variants if variant.result]
    lines: list[str] = []
    for group in sorted(by_processor(results), key=len, reverse=True):
        days = sorted({result.created[:10] for result in group})
        machines = sorted(
            {
                f"{machine.cpu}, {machine.cores} cores, executorch {machine.executorch}"
                for machine in (result.environment for result in group)
            }
        )
        start = f"{', '.join(result.recipe.name for result in group)}: measured" if lines else "Measured"
        lines.append(f"{start} on {' and '.join(days)}: {'; '.join(machines)}. Other machines have other times.")
    return lines


def _leaves(values: Mapping[str, Any], path: _Path = ()) -> Iterator[tuple[_Path, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _without(values: Mapping[str, Any], paths: Sequence[_Path], above: _Path = ()) -> dict[str, Any]:
    """Returns a mapping without the leaves at these paths."""
    kept: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            kept[key] = _without(value, paths, (*above, key))
        elif (*above, key) not in paths:
            kept[key] = value
    return kept
