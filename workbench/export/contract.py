"""What a program tells its host: the contract between the workbench that builds it and whoever calls it.

In a `.pte`, each entry is a method that takes nothing and returns the value; in ONNX the model's metadata, in
TorchScript an extra file, each JSON by the name of CARRIER. `forward` takes audio (streams, samples) float32, samples a
multiple of hop_samples from frames_per_chunk to max_frames_per_chunk hops, and returns its `outputs`: of pitch in MIDI
semitones, confidence and volume those that it has, in this order, each (streams, frames). The host checks the length:
the runtime accepts some wrong ones, and spoils the memory. The memory is the past audio, (streams, state_samples)
float32, a row a stream:

- state "internal": a mutable buffer of the program, named STATE_BUFFER;
- state "explicit": the second input of `forward`, whose last output is the next call's. The host owns it;
- state "none": the program keeps nothing. `forward` takes the past audio and the call's in one tensor, (streams,
  state_samples + samples), and the host keeps the last state_samples of it;
- state "frozen": none, where there should be one: the exporter wrote its zeros into the program. A mistake to look at.

All zeros is a stream that has heard nothing; zeroing a row resets that stream.

With an entry scope of "network", state is "none" and `forward` takes what the host's front end makes of that tensor:
energies (streams * frames, bins). The front end is the file beside the program that ends in HOST_SUFFIX, whose hash is
the entry host_sha256 (`host_file.py`).

A program may have one more entry, confidence_threshold: the recipe's wish that a frame of less confidence be shown as
unvoiced. It changes no estimate, and programs without such a wish do not have it. Knows no torch.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workbench.errors import ProgramError
from workbench.model.stream import Output, Reduction, State, Stream

FORMAT = 3  # raised when the meaning of the entries changes
STATE_BUFFER = "ring"
CARRIER = "workbench.json"
HOST_SUFFIX = ".npz"

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


def told(entries: Mapping[str, Any], path: Path) -> tuple[Stream, tuple[Output, ...]]:
    """The stream and the outputs that a program's entries tell.

    Raises ProgramError for entries of another format, KeyError where some are missing.
    """
    if entries["workbench_format"] != FORMAT:
        raise ProgramError(
            f"{path}: made for format {entries['workbench_format']}, this workbench reads {FORMAT}; build it again"
        )
    keys = ("sample_rate_hz", "hop_samples", "frames_per_chunk", "mirror", "max_frames_per_chunk", "streams")
    asked = {key: entries[key] for key in keys}
    if asked["max_frames_per_chunk"] == asked["frames_per_chunk"]:
        asked["max_frames_per_chunk"] = None
    return Stream(**asked), tuple(entries["outputs"].split(","))


@contextmanager
def entries_wanted(path: Path) -> Iterator[None]:
    """Raise ProgramError for an entry that is looked for within and missing."""
    try:
        yield
    except KeyError as error:
        raise ProgramError(
            f"{path}: the program loads, but does not say its {error.args[0]}; build it again"
        ) from error


def as_json(entries: Constants) -> str:
    """The entries as text, for formats that carry text."""
    return json.dumps(entries, sort_keys=True)


def from_json(text: str, path: Path) -> dict[str, Any]:
    """The entries that `as_json` wrote. Raises ProgramError where they are none of the workbench's."""
    try:
        entries = json.loads(text)
    except ValueError:
        entries = None
    if not isinstance(entries, dict) or "workbench_format" not in entries:
        raise ProgramError(f"{path}: a program, but not one of the workbench: it does not say its stream")
    return entries


def shown(confidence_threshold: float | None) -> Constants:
    """The entry of a program whose pitch is to be shown, by `track` say, only from so much confidence; none without."""
    return {} if confidence_threshold is None else {"confidence_threshold": float(confidence_threshold)}
