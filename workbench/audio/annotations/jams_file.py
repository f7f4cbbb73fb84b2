"""Reads the pitch in a JAMS file: a JSON file with annotations of music.

The package `jams` is not used: importing it takes seconds and pandas, and its reader checks neither the values of a
`pitch_contour` nor their lengths. The part of the schema that holds a pitch is small. Source: the JAMS schema 0.3, and
its namespaces `pitch_contour`, `pitch_hz` (negative: unvoiced) and `pitch_midi`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, field_validator

from workbench.audio.annotations.rows import Rows
from workbench.errors import AudioError, quote_value
from workbench.units import semitones_to_hz

_NAMESPACES = ("pitch_contour", "pitch_hz", "pitch_midi")
_NUMBER = TypeAdapter(float, config=ConfigDict(strict=True))


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=True)


class _Contour(_Part):
    frequency: float
    voiced: bool


class _Observation(_Part):
    time: float
    value: Any


class _Annotation(_Part):
    namespace: str
    data: list[_Observation]

    @field_validator("data", mode="before")
    @classmethod
    def _as_observations(cls, data: Any) -> Any:
        """A dense annotation has a list for each of time and value, a sparse one an object for each observation."""
        if not isinstance(data, dict):
            return data
        times, values = data.get("time"), data.get("value")
        if not isinstance(times, list) or not isinstance(values, list) or len(times) != len(values):
            raise ValueError("time and value are no lists of the same length")
        return [{"time": time, "value": value} for time, value in zip(times, values, strict=True)]


class _Metadata(_Part):
    duration: float | None = None


class _Jams(_Part):
    annotations: list[_Annotation]
    file_metadata: _Metadata = _Metadata()


def read_jams(path: Path, text: str) -> Rows:
    """Reads the only annotation of a pitch in a JAMS file.

    Raises:
        AudioError: The file is not valid, or has no or several annotations of a pitch.
    """
    with _refusing(path):
        jams = _Jams.model_validate_json(text)
    with_pitch = [(at, each) for at, each in enumerate(jams.annotations) if each.namespace in _NAMESPACES]
    if len(with_pitch) != 1:
        found = ", ".join(sorted({each.namespace for each in jams.annotations})) or "none"
        raise AudioError(
            f"{path}: expected one annotation of a pitch ({', '.join(_NAMESPACES)}), got {len(with_pitch)} (in all: "
            f"{quote_value(found)}); delete the others"
        )
    at, annotation = with_pitch[0]
    if not annotation.data:
        raise AudioError(f"{path}: the annotation of a pitch is empty; write the f0 or delete the file")

    def place(row: int) -> str:
        return f"{path}: annotations.{at}.data.{row}"

    hz = np.array([_hertz(annotation.namespace, each.value, place(row)) for row, each in enumerate(annotation.data)])
    times_s = np.array([each.time for each in annotation.data])
    return Rows(path, times_s, hz, place, duration_s=jams.file_metadata.duration)


def _hertz(namespace: str, value: Any, where: str) -> float:
    """Returns the value of an observation in hertz; 0, negative or NaN if it has no pitch."""
    with _refusing(where):
        if namespace == "pitch_contour":
            contour = _Contour.model_validate(value)
            return contour.frequency if contour.voiced else 0.0
        number = _NUMBER.validate_python(value)
        if namespace != "pitch_midi" or not number > 0:
            return number
        with np.errstate(over="ignore"):  # what is too high is refused with its row
            return float(semitones_to_hz(np.array(number)))


@contextmanager
def _refusing(where: Path | str) -> Iterator[None]:
    """Raises an AudioError of one line in place of an error of validation."""
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        key = ".".join(map(str, first["loc"]))
        what = f"{key}: {first['msg']}" if key else first["msg"]
        raise AudioError(f"{where}: is not valid JAMS ({' '.join(what.split())}); export it again") from None
