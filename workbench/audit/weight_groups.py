"""Layers with integer weights in groups: `frontend.group.0.expand`, `frontend.group.1.expand`, ... in one scheme."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from workbench.quantize.results import StoredWeights


@dataclass(frozen=True)
class WeightGroup:
    """Layers of one kind, the weights of which are stored in one scheme.

    Attributes:
        kind: Their name, as `layer_kind` returns it.
        scheme: How their weights are stored.
        layers: The number of layers.
        bytes: Bytes of the integers and their scales.
        float_bytes: Bytes of the same weights in float32.
        error_relative: The largest error of a layer's weights, relative to their norm.
    """

    kind: str
    scheme: str
    layers: int
    bytes: int
    float_bytes: int
    error_relative: float

    def text(self) -> str:
        """Returns the figures, for example `9 layers, 61,864 bytes (115,696 in float)`."""
        layers = f"{self.layers} layer{'s' * (self.layers > 1)}"
        return f"{layers}, {self.bytes:,} bytes ({self.float_bytes:,} in float)"


def layer_kind(layer: str) -> str:
    """Returns the name of a layer without its numbers, as a rule of a recipe has it: `frontend.group.*.expand`."""
    return re.sub(r"(?<=\.)\d+(\.\d+)*(?=\.|$)", "*", layer)


def weight_groups(weights: Iterable[StoredWeights]) -> list[WeightGroup]:
    """Returns the groups of these layers, in the order of the model."""
    groups: dict[tuple[str, str], list[StoredWeights]] = {}
    for stored in weights:
        groups.setdefault((layer_kind(stored.layer), stored.scheme), []).append(stored)
    return [
        WeightGroup(
            kind=kind,
            scheme=scheme,
            layers=len(members),
            bytes=sum(stored.bytes for stored in members),
            float_bytes=sum(stored.float_bytes for stored in members),
            error_relative=max(stored.error_relative for stored in members),
        )
        for (kind, scheme), members in groups.items()
    ]
