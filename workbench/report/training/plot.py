"""The learning curves of a student: its loss, and its deviation from the teacher on what it is not trained on."""

from matplotlib.figure import Figure

from workbench.records.training import Training
from workbench.report.plots.figure import encode_png

_TESTS = {"synthetic": "#00798c", "recordings": "#d1495b"}


def training_png(training: Training) -> bytes:
    """Draws a point for each epoch. A missing score is left out."""
    figure = Figure(figsize=(14, 3.6), layout="constrained")
    loss, cents, jumps = figure.subplots(1, 3)
    epochs = range(1, len(training.epochs) + 1)
    in_int8 = [number for number, epoch in zip(epochs, training.epochs, strict=True) if epoch.int8]
    loss.plot(epochs, [epoch.loss for epoch in training.epochs], color=_TESTS["synthetic"])
    for name, color in _TESTS.items():
        scored = [(at, getattr(epoch, name)) for at, epoch in zip(epochs, training.epochs, strict=True)]
        points = [(at, scores) for at, scores in scored if scores is not None]
        if points:
            at = [epoch for epoch, _ in points]
            cents.plot(at, [scores.p95_cents for _, scores in points], color=color, label=name)
            jumps.plot(at, [100 * scores.over_50_cents_rate for _, scores in points], color=color)
    titles = {
        loss: "loss",
        cents: "held out: deviation of the pitch, p95 (cents)",
        jumps: "held out: frames over 50 cents (%)",
    }
    for axes, title in titles.items():
        axes.set_title(title, fontsize=10, loc="left")
        axes.set_xlabel("epoch", fontsize=9)
        axes.set_ylim(bottom=0)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.25)
        if in_int8:
            axes.axvspan(in_int8[0] - 0.5, in_int8[-1] + 0.5, color="#edae49", alpha=0.2, lw=0, label="int8 layers")
    if cents.get_legend_handles_labels()[0]:
        cents.legend(fontsize=8, frameon=False)
    figure.suptitle(training.recipe.name, x=0.01, ha="left", fontsize=11, parse_math=False)
    return encode_png(figure)
