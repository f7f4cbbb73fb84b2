"""What a `.pte` tells its host: the contract between the workbench that builds it and whoever calls it.

Each entry is a method of the program that takes nothing and returns the value. `forward` takes audio (streams,
samples) float32, samples a multiple of hop_samples from frames_per_chunk to max_frames_per_chunk hops, and returns its
`outputs`: of pitch in MIDI semitones, confidence and volume those that it has, in this order, each (streams, frames).
The host checks the length: the runtime accepts some wrong ones, and spoils the memory. The memory is the past audio,
(streams, state_samples) float32, a row a stream:

- state "internal": a mutable buffer of the program, named STATE_BUFFER;
- state "explicit": the second input of `forward`, whose last output is the next call's. The host owns it.

All zeros is a stream that has heard nothing; zeroing a row resets that stream.

A program may have one more entry, confidence_threshold: the recipe's wish that a frame of less confidence be shown as
unvoiced. It changes no estimate, and programs without such a wish do not have it. Knows no torch.
"""

from collections.abc import Sequence

from workbench.model.stream import Output, Reduction, State, Stream

FORMAT = 3  # raised when the meaning of the entries changes
STATE_BUFFER = "ring"

Constants = dict[str, int | float | str]


def constants(
    stream: Stream,
    algorithmic_ms: float,
    reduction: Reduction,
    state: State,
    state_samples: int,
    outputs: Sequence[Output],
) -> Constants:
    """The entries of a program for this stream."""
    return {
        "workbench_format": FORMAT,
        "sample_rate_hz": stream.sample_rate_hz,
        "hop_samples": stream.hop_samples,
        "frames_per_chunk": stream.frames_per_chunk,
        "max_frames_per_chunk": stream.max_frames,
        "streams": stream.streams,
        "mirror": float(stream.mirror),
        "algorithmic_ms": float(algorithmic_ms),
        "reduction": reduction,
        "state": state,
        "state_samples": state_samples,
        "outputs": ",".join(outputs),
    }


def shown(confidence_threshold: float | None) -> Constants:
    """The entry of a program whose pitch is to be shown, by `track` say, only from so much confidence; none without."""
    return {} if confidence_threshold is None else {"confidence_threshold": float(confidence_threshold)}
