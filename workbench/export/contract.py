"""What a `.pte` tells its host: the contract between the workbench that builds it and whoever calls it.

Each entry is a method of the program that takes nothing and returns the value. Knows no torch.
"""

from workbench.model.stream import Reduction, Stream

FORMAT = 1  # raised when the meaning of the entries changes
STATE_BUFFER = "ring"  # the program's memory of past audio; (streams, samples) float32, all zeros after a reset

Constants = dict[str, int | float | str]


def constants(stream: Stream, algorithmic_ms: float, reduction: Reduction) -> Constants:
    """The entries of a program for this stream."""
    return {
        "workbench_format": FORMAT,
        "sample_rate_hz": stream.sample_rate_hz,
        "hop_samples": stream.hop_samples,
        "frames_per_chunk": stream.frames_per_chunk,
        "mirror": float(stream.mirror),
        "algorithmic_ms": float(algorithmic_ms),
        "reduction": reduction,
        "state": "internal",
    }
