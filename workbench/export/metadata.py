"""The metadata of a program: the contract between the workbench that exports it and the host that calls it.

In a `.pte`, each entry is a method without inputs that returns the value. In ONNX the entries are one item of the
model's metadata, in TorchScript one extra file, as JSON under the name METADATA_KEY.

`forward` takes audio, (streams, samples) float32, where samples is a multiple of hop_samples from frames_per_chunk to
max_frames_per_chunk hops. It returns those of pitch (MIDI semitones), confidence and volume that the entry `outputs`
lists, in this order, each (streams, frames). The host has to check the length of the audio: the runtime accepts some
wrong lengths, and they corrupt the state. The state is the past audio, (streams, state_samples) float32, one row per
stream:

- state "internal": a mutable buffer of the program, named STATE_BUFFER.
- state "explicit": the second input of `forward`, whose last output is the state for the next call. The host keeps it.
- state "none": the program keeps nothing. `forward` takes past and new audio in one tensor, (streams, state_samples +
  samples), and the host keeps the last state_samples of it.
- state "frozen": the exporter folded the zeros of the state into the program as a constant. This is a mistake;
  recipes/findings/onnx-naive shows its effect.

The state of a new stream is zero. To reset a stream, the host zeroes its row.

With the entry scope "network", state is "none", and `forward` takes what the host's front end computes from that
tensor: energies (streams * frames, bins). The front end is the file beside the program with the suffix HOST_SUFFIX,
whose SHA-256 is the entry host_sha256 (`host_frontend.py`).

The entry confidence_threshold is optional: frames of lower confidence should be shown as unvoiced. It changes no
estimate. This module imports no torch.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from workbench.errors import ProgramError
from workbench.recipe.options import OUTPUTS, Output, Reduction, Scope, State
from workbench.recipe.stream_config import StreamConfig
from workbench.storage.hashing import sha256_of

if TYPE_CHECKING:
    from workbench.model.streaming import StreamingPesto

FORMAT = 3  # raised when the meaning of the entries changes
METADATA_KEY = "workbench.json"
HOST_SUFFIX = ".npz"
NO_METADATA = "not a workbench program: it has no stream metadata; name one that `workbench build` wrote"

DISPLAY_THRESHOLD = 0.12
"""The confidence below which a frame is shown without a pitch if the program states no threshold.

It is just above the confidence of silence, 0.109 at every rate and mirror. `tools/docs/silence.py` derives it.
"""

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
    """Returns the entries of a program that contains the whole stream."""
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

        entries |= {"scope": model.scope, "host_sha256": sha256_of(host_file(model))}
    return entries


class ProgramMetadata(BaseModel):
    """The validated entries of a program. They have the limits of a recipe, because a program can be from anywhere.

    An entry that only a later version knows is ignored.
    """

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)

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
    outputs: tuple[Output, ...]
    scope: Scope = "whole"
    host_sha256: str = Field(default="", validate_default=True)
    confidence_threshold: float | None = None

    @field_validator("max_frames_per_chunk")
    @classmethod
    def _check_max_frames(cls, max_frames: int, known: ValidationInfo) -> int:
        if max_frames < known.data.get("frames_per_chunk", max_frames):
            raise ValueError("less than frames_per_chunk")
        return max_frames

    @field_validator("outputs", mode="before")
    @classmethod
    def _split_outputs(cls, names: object) -> tuple[str, ...]:
        if not isinstance(names, str):
            raise ValueError("expected a string")
        outputs = tuple(output for output in OUTPUTS if output in names.split(","))
        if not outputs or names != ",".join(outputs):
            raise ValueError(f"expected some of {','.join(OUTPUTS)}, in this order")
        return outputs

    @field_validator("host_sha256")
    @classmethod
    def _check_host_sha256(cls, sha256: str, known: ValidationInfo) -> str:
        if known.data.get("scope") == "network" and not sha256:
            raise ValueError("required if scope is network")
        return sha256

    @property
    def stream(self) -> StreamConfig:
        """The stream that the program runs."""
        several = self.max_frames_per_chunk > self.frames_per_chunk
        return StreamConfig(
            self.sample_rate_hz,
            self.hop_samples,
            self.frames_per_chunk,
            self.mirror,
            self.max_frames_per_chunk if several else None,
            streams=self.streams,
        )

    @property
    def display_threshold(self) -> float:
        """The confidence below which a frame is shown without a pitch: the program's, or else DISPLAY_THRESHOLD."""
        return DISPLAY_THRESHOLD if self.confidence_threshold is None else self.confidence_threshold

    def entries(self) -> Constants:
        """Returns the entries as they are in the program."""
        return self.model_dump(exclude_unset=True) | {"outputs": ",".join(self.outputs)}


def parse_metadata(entries: Mapping[str, Any], path: Path) -> ProgramMetadata:
    """Validates the entries of the program at `path`.

    Raises ProgramError if they are of another format, or if one is missing or invalid.
    """
    version = entries.get("workbench_format")
    if isinstance(version, int) and version != FORMAT:
        raise ProgramError(f"{path}: metadata format {version}, expected {FORMAT}; rebuild the program")
    try:
        return ProgramMetadata.model_validate(dict(entries))
    except ValidationError as error:
        first = error.errors()[0]
        key, reason = first["loc"][0], first["msg"].removeprefix("Value error, ")
        problem = "is missing" if first["type"] == "missing" else f"is invalid ({reason})"
        raise ProgramError(f"{path}: the metadata entry {key} {problem}; rebuild the program") from error


def as_json(entries: Constants) -> str:
    """Returns the entries as text, for a format whose metadata is text."""
    return json.dumps(entries, sort_keys=True)


def from_json(text: str | bytes, path: Path) -> dict[str, Any]:
    """Returns the entries that `as_json` wrote. Raises ProgramError if the text has no such entries."""
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        entries = None
    if not isinstance(entries, dict) or "workbench_format" not in entries:
        raise ProgramError(f"{path}: {NO_METADATA}")
    return entries
