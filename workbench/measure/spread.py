"""A median over timing rounds with its spread."""


def spread(middle: float, low: float, high: float) -> str:
    """A median over rounds with the 10th and 90th percentile about it."""
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"
