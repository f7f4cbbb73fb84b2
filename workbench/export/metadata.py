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

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from workbench.errors import ProgramError
from workbench.recipe.options import OUTPUTS, Output, Reduction, Scope, State
from workbench.recipe.stream_config import StreamConfig

if TYPE_CHECKING:
    from workbench.model.streaming import StreamingPesto

FORMAT = 3  # raised when the meaning of the entries changes
METADATA_KEY = "workbench.json"
HOST_SUFFIX = ".npz"

Constants = dict[str, int | float | str]


def build_metadata(
    stream: StreamConfig,
    algorithmic_ms: float,
    reduction: Reduction,
    state: State,
    state_samples: int,
    outputs: Sequence[Output],
    confidence_threshold: float | None = None,
) -> Constants:
    """Returns the entries of a program for this stream, without those of a program of the network only."""
    entries: Constants = {
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
    if confidence_threshold is not None:
        entries["confidence_threshold"] = float(confidence_threshold)
    return entries


def metadata_of(model: "StreamingPesto", confidence_threshold: float | None = None) -> Constants:
    """Returns the entries of a program of this model; if the host computes the front end, with its file's hash."""
    entries = build_metadata(
        model.stream,
        model.algorithmic_ms,
        model.reduce.reduction,
        model.state,
        model.past_samples,
        model.outputs,
        confidence_threshold,
    )
    if model.scope == "network":
        from workbench.export.host_frontend import host_file  # imports torch

        entries |= {"scope": model.scope, "host_sha256": hashlib.sha256(host_file(model)).hexdigest()}
    return entries


class ProgramMetadata(BaseModel):
    """What all programs tell, of what kind it is, and how large: as a recipe may ask for it, as a program may come from
    anywhere."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    workbench_format: int
    sample_rate_hz: int = Field(ge=8000, le=192_000)
    hop_samples: int = Field(ge=1, le=1_920_000)
    frames_per_chunk: int = Field(ge=1, le=1_920_000)
    max_frames_per_chunk: int = Field(le=1_920_000)
    streams: int = Field(ge=1, le=64)
    mirror: float = Field(ge=0, le=1)
    algorithmic_ms: float = Field(ge=0, le=60_000)
    reduction: Reduction
    state: State
    state_samples: int = Field(ge=0, le=10_000_000)
    outputs: str
    scope: Scope = "whole"
    host_sha256: str = Field(default="", validate_default=True)
    confidence_threshold: float = 0.0

    @field_validator("max_frames_per_chunk")
    @classmethod
    def _is_no_less(cls, most: int, known: ValidationInfo) -> int:
        if most < known.data.get("frames_per_chunk", most):
            raise ValueError("less than frames_per_chunk")
        return most

    @field_validator("outputs")
    @classmethod
    def _are_known(cls, names: str) -> str:
        if not names or names.split(",") != [output for output in OUTPUTS if output in names.split(",")]:
            raise ValueError(f"wants some of {','.join(OUTPUTS)}, in this order")
        return names

    @field_validator("host_sha256")
    @classmethod
    def _is_there(cls, sha256: str, known: ValidationInfo) -> str:
        if known.data.get("scope") == "network" and not sha256:
            raise ValueError("wanted where the front end is the host's")
        return sha256


def parse_metadata(entries: Mapping[str, Any], path: Path) -> tuple[StreamConfig, tuple[Output, ...]]:
    """The stream and the outputs that a program's entries tell; all others are then such as `constants` makes them.

    Raises ProgramError for entries of another format, and where one is missing or none that a program can have.
    """
    version = entries.get("workbench_format")
    if isinstance(version, int) and version != FORMAT:
        raise ProgramError(f"{path}: made for format {version}, this workbench reads {FORMAT}; build it again")
    try:
        said = ProgramMetadata.model_validate(dict(entries))
    except ValidationError as error:
        wrong = error.errors()[0]
        key, why = wrong["loc"][0], wrong["msg"].removeprefix("Value error, ")
        says = f"does not say its {key}" if wrong["type"] == "missing" else f"its {key} cannot be used ({why})"
        raise ProgramError(f"{path}: the program loads, but {says}; build it again") from error
    several = said.max_frames_per_chunk if said.max_frames_per_chunk > said.frames_per_chunk else None
    stream = StreamConfig(
        said.sample_rate_hz, said.hop_samples, said.frames_per_chunk, said.mirror, several, streams=said.streams
    )
    return stream, tuple(output for output in OUTPUTS if output in said.outputs.split(","))


def as_json(entries: Constants) -> str:
    """The entries as text, for formats that carry text."""
    return json.dumps(entries, sort_keys=True)


def from_json(text: str | bytes, path: Path) -> dict[str, Any]:
    """The entries that `as_json` wrote. Raises ProgramError where they are none of the workbench's."""
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        entries = None
    if not isinstance(entries, dict) or "workbench_format" not in entries:
        raise ProgramError(f"{path}: a program, but not one of the workbench: it does not say its stream")
    return entries
