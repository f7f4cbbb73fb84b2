"""The time of each layer of a program by kind of operator, with the bound that the machine sets."""

import re
from collections import defaultdict

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workbench.measure.operators.figures import LayerFigures, layer_group
from workbench.records.profile import Profile
from workbench.report.plots.figure import encode_png

_BOUND_COLOR = "#d1495b"
_COLORS = {
    "products, float": "#00798c",
    "products, int8": "#edae49",
    "arithmetic": "#66a182",
    "moving data": "#8d96a3",
    "preparing": "#d9dce1",
}
_PRODUCTS = ("Fully Connected", "Dynamic Fully Connected", "Convolution", "Deconvolution", "Batch Matrix Multiply")
_INT8 = r"QD|QS8|QU8|QC8\b"  # XNNPACK's types of activations; QC8W without them is a type of weights only
_MOVES = ("Copy", "Slice", "Static Reshape", "Transpose", "Constant Pad", "Convert")
_MOVING_KERNELS = ("copy", "slice", "view", "permute", "cat", "constant_pad", "select", "clone", "expand", "gather")


def profile_png(profile: Profile) -> bytes:
    """Draws the time of each layer, or of each kind of operator if there are no layers, split by what it is spent on.

    A mark shows the bound of a layer. The text at the right is its share, its number of operators and its efficiency.
    """
    rows = _layer_rows(profile) if profile.layers is not None else _kind_rows(profile)
    figure = Figure(figsize=(11, 1.9 + 0.32 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for row, (_, spent, bound_us, label) in enumerate(rows):
        left = 0.0
        for what, color in _COLORS.items():
            axes.barh(row, spent.get(what, 0.0), left=left, color=color, height=0.66)
            left += spent.get(what, 0.0)
        if bound_us is not None:
            axes.plot([bound_us] * 2, [row - 0.42, row + 0.42], color=_BOUND_COLOR, lw=2.2)
        axes.text(1.01, row, label, transform=axes.get_yaxis_transform(), va="center", fontsize=8.5)
    axes.set_yticks(range(len(rows)), [name for name, *_ in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.grid(alpha=0.25, axis="x")
    axes.set_axisbelow(True)
    totals = profile.totals
    axes.set_xlabel(
        f"µs of a call, median over {profile.rounds} rounds; all operators and the rest of a call "
        f"{totals.sum_us.p50:.0f}, a call that records nothing {totals.program_us.p50:.0f}",
        fontsize=9,
    )
    used = {what for _, spent, _, _ in rows for what in spent}
    legend = [Line2D([], [], color=color, lw=7, label=what) for what, color in _COLORS.items() if what in used]
    if profile.layers is not None:
        legend.append(Line2D([], [], color=_BOUND_COLOR, lw=2.2, label="bound from the machine's measured peak"))
    axes.legend(handles=legend, loc="lower right", fontsize=8, framealpha=0.9)
    figure.suptitle(profile.title, x=0.01, ha="left", fontsize=10, parse_math=False)
    return encode_png(figure)


_Row = tuple[str, dict[str, float], float | None, str]


def _layer_rows(profile: Profile) -> list[_Row]:
    """Returns the name, the microseconds by what they are spent on, the bound and the text of each layer."""
    by_layer: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for operator in profile.operators:
        if operator.layer is not None:
            by_layer[layer_group(operator.layer)][_spent_on(operator.name)] += operator.us
    rows = []
    for layer in profile.layers or ():
        spent = {**by_layer[layer.name], "preparing": layer.preparation_us}
        rows.append((layer.name, spent, layer.bound.us if layer.bound else None, _label(layer)))
    return rows


def _kind_rows(profile: Profile) -> list[_Row]:
    return [
        (kind.name, {_spent_on(kind.name): kind.us.p50}, None, f"{kind.share:.1%}, {kind.operators} operators")
        for kind in profile.kinds
    ]


def _spent_on(name: str) -> str:
    """Returns which color an operator has, by the runtime's name for it: XNNPACK's, or that of a kernel."""
    kind = name.partition(" (")[0]
    if kind in _PRODUCTS or name.partition(".")[0] in ("convolution", "addmm", "mm", "bmm", "linear"):
        return "products, int8" if re.search(_INT8, name) else "products, float"
    moves = kind in _MOVES or any(word in name for word in _MOVING_KERNELS)
    return "moving data" if moves else "arithmetic"


def _label(layer: LayerFigures) -> str:
    """The text at the right of a bar."""
    operators = "1 operator" if layer.operators == 1 else f"{layer.operators} operators"
    reached = "" if layer.efficiency is None else f", efficiency {layer.efficiency:.0%}"
    return f"{layer.share:.1%}, {operators}{reached}"
