"""What the pictures share: the colors of the two sides, and how a figure becomes a PNG."""

import io

from matplotlib.figure import Figure

BASELINE_COLOR, VARIANT_COLOR = "#d1495b", "#00798c"
_DPI = 110


def encode_png(figure: Figure) -> bytes:
    """Returns the figure as a PNG file."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=_DPI)
    return content.getvalue()
