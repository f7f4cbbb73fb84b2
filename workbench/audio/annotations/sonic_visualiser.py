"""Reads layers of Sonic Visualiser and Tony that are saved as .svl: XML with points at sample frames."""

from pathlib import Path
from xml.parsers import expat

import numpy as np

from workbench.audio.annotations.rows import Rows
from workbench.errors import AudioError, quote_value

_HERTZ = ("hz", "hertz")
_EXPORT = "export a time-value layer with the f0 in Hz"

_Attributes = dict[str, str]
_Found = dict[str, list[tuple[int, _Attributes]]]


def read_layer(path: Path, text: str) -> Rows:
    """Reads a layer of times and values.

    Raises:
        AudioError: The file is damaged, has no or several layers, has notes, or its values are not in hertz.
    """
    elements = _elements(path, text)
    models = [each for each in elements["model"] if each[1].get("type") == "sparse"]
    if len(models) != 1 or len(elements["dataset"]) != 1:
        raise AudioError(f"{path}: has {len(models)} layers of points; {_EXPORT}")
    line, model = models[0]
    if model.get("dimensions") != "2":
        raise AudioError(f"{path}:{line}: has notes, regions or instants, not a pitch at each time; {_EXPORT}")
    units = model.get("units", "").strip()
    if units and units.lower() not in _HERTZ:
        raise AudioError(f"{path}:{line}: the values are in {quote_value(units)}; {_EXPORT}")
    points = elements["point"]
    if not points:
        raise AudioError(f"{path}: has no points; {_EXPORT}")
    rate_hz = _number(path, line, model, "sampleRate")
    if not rate_hz > 0:
        raise AudioError(f"{path}:{line}: the sample rate is {rate_hz:g}; {_EXPORT}")
    lines = tuple(line for line, _ in points)
    return Rows(
        path,
        np.array([_number(path, line, point, "frame") for line, point in points]) / rate_hz,
        np.array([_number(path, line, point, "value") for line, point in points]),
        lambda row: f"{path}:{lines[row]}",
        () if units else ("the layer names no unit, so its values are read as hertz",),
    )


def _elements(path: Path, text: str) -> _Found:
    """Returns the elements that matter with their lines, by name."""
    found: _Found = {"model": [], "dataset": [], "point": []}
    parser = expat.ParserCreate("utf-8")

    def start(name: str, attributes: _Attributes) -> None:
        if name in found:
            found[name].append((parser.CurrentLineNumber, attributes))

    def refuse_entity(*_: object) -> None:
        raise AudioError(f"{path}:{parser.CurrentLineNumber}: defines an entity, as no layer does; {_EXPORT}")

    parser.StartElementHandler = start
    parser.EntityDeclHandler = refuse_entity
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError as error:
        raise AudioError(f"{path}:{error.lineno}: is damaged ({expat.ErrorString(error.code)}); {_EXPORT}") from None
    return found


def _number(path: Path, line: int, attributes: _Attributes, name: str) -> float:
    text = attributes.get(name, "")
    try:
        return float(text)
    except ValueError:
        raise AudioError(f"{path}:{line}: {name} is {quote_value(text)}, not a number; {_EXPORT}") from None
