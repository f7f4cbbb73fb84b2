"""The output of `compare`: lines of text, or annotations for GitHub."""

from collections.abc import Sequence

from workbench.audit.comparison import Change, Comparison, Judgement, Pair, share, shown
from workbench.audit.weight_groups import layer_kind
from workbench.report.formatting import counted

_SHOWN: tuple[Judgement, ...] = (
    "within tolerance",
    "no tolerance",
    "new",
    "gone",
)  # worse and better have their own lines


def text_lines(comparison: Comparison) -> list[str]:
    """Returns the findings of each pair, then the variants that are on one side only."""
    lines = [line for pair in comparison.pairs for line in _pair_lines(pair)]
    lines += [f"{name}: only in A; not compared" for name in comparison.only_before]
    lines += [f"{name}: only in B" for name in comparison.only_after]
    return lines


def _pair_lines(pair: Pair) -> list[str]:
    lines = [f"{pair.name}: {_headline(pair)}"]
    for label, found in (
        ("regression", pair.regressions),
        ("inconclusive", pair.inconclusive),
        ("improvement", pair.improvements),
        ("note", pair.notes),
    ):
        lines += [f"  {label:12} {line}" for line in found]
    lines += _change_lines([change for change in pair.changes if pair.has_programs or change.part != "program"])
    return lines + _number_lines(pair)


def _change_lines(changes: Sequence[Change]) -> list[str]:
    """The changes; layers of one kind that change in the same way have one line."""
    alike: dict[tuple[str, str, str], list[Change]] = {}
    for change in changes:
        kind = layer_kind(change.key) if change.key.startswith("schemes.") else change.key
        values = f"{shown(change.before)} -> {shown(change.after)}"
        alike.setdefault((change.part, kind, values), []).append(change)
    return [
        f"  {part:12} {kind if len(members) > 1 else members[0].key}: {values}"
        + (f" ({len(members)} layers)" if len(members) > 1 else "")
        for (part, kind, values), members in alike.items()
    ]


def _headline(pair: Pair) -> str:
    if not (pair.changes or pair.figures):
        return "nothing changed"
    counts = []
    for noun, found in (("regression", pair.regressions), ("improvement", pair.improvements)):
        if found:
            counts.append(f"{len(found)} {noun}" + ("s" if len(found) > 1 else ""))
    return ", ".join(counts) or "no regression"


def _number_lines(pair: Pair) -> list[str]:
    """The numbers that changed and are neither worse nor better; times without a tolerance are only counted."""
    if not pair.has_programs:
        return []
    lines, unlisted_times = [], 0
    for figure in pair.figures:
        if figure.judgement not in _SHOWN:
            continue
        if _is_time(figure.metric) and not figure.tolerance:
            unlisted_times += 1
            continue
        reason = f": {figure.why}" if figure.why else ""
        lines.append(
            f"  number       {figure.metric}: {shown(figure.before)} -> {shown(figure.after)}{share(figure)}, "
            f"{figure.judgement}{reason}"
        )
    if unlisted_times:
        times = counted(unlisted_times, "time")
        lines.append(f"  number       {times} without a tolerance changed; --format json lists them")
    return lines


def _is_time(metric: str) -> bool:
    return metric.startswith("speed.") or metric.endswith(".took_s")


def github_lines(comparison: Comparison) -> list[str]:
    """Returns workflow commands: an error for a regression, a warning for what is inconclusive, a notice for the rest.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    lines = []
    for pair in comparison.pairs:
        for level, title, found in (
            ("error", "regression", pair.regressions),
            ("warning", "inconclusive", pair.inconclusive),
            ("notice", "improvement", pair.improvements),
            ("notice", "note", pair.notes),
        ):
            lines += [f"::{level} title={_property(f'{pair.name}: {title}')}::{_data(line)}" for line in found]
    lines += [f"::warning title={_property(name)}::only in A; not compared" for name in comparison.only_before]
    return lines or ["no regression"]


def _data(text: str) -> str:
    """Escapes text as GitHub's own toolkit does (actions/toolkit, packages/core/src/command.ts)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
