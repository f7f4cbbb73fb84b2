"""The parts of a long result that are shown: some call sizes, and the layer that adds most noise."""

from workbench.measure.call_sizes import SizeFigures, timed_sizes
from workbench.quantize.results import LayerSnr
from workbench.records.result import Result


def representative_sizes(result: Result) -> list[SizeFigures]:
    """Returns the call sizes that are timed. In results of earlier versions, every size has times."""
    shown = timed_sizes([size.frames_per_chunk for size in result.sizes])
    return [size for size in result.sizes if size.frames_per_chunk in shown]


def noisiest_layer(result: Result) -> LayerSnr | None:
    """Returns the int8 layer that adds most noise: the one with the lowest isolated signal-to-noise ratio.

    None for a float program.
    """
    calibration = result.program.calibration if result.program else None
    if calibration is None:
        return None
    noisy = [layer for layer in calibration.gaps if layer.alone_db is not None and layer.scheme != "none"]
    return min(noisy, key=lambda layer: layer.alone_db or 0, default=None)
