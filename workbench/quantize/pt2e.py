"""Scoped int8 through PT2E: what a recipe names is quantized, and nothing else can be.

Each part of the stream (front end, encoder, confidence) is exported on its own, annotated, calibrated, converted, and
put back. Its graph holds nothing but the part, so the ring buffer and the log-spectrum are out of reach; frames are its
batch, so that calibration runs on batches of frames; and the converted part is an ordinary submodule that the export of
the whole stream inlines. What came out is held against what was asked twice: on the converted graph, and once lowered.
"""

import copy
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from workbench.errors import LoweringError, ModelError
from workbench.model.encoder import Encoder, TiledEncoder
from workbench.model.streaming import StreamingPesto
from workbench.progress import Progress
from workbench.quantize.annotate import ConvertedPart, is_static, quantize_part
from workbench.quantize.calibration import Inputs, concat_inputs, excerpts, part_inputs, split_in_half, subsample_rows
from workbench.quantize.equalize import equalize
from workbench.quantize.layer_error import layer_snr
from workbench.quantize.layers import PARTS, graph_schemes, int8_operators, layers, layers_of
from workbench.quantize.results import Calibration, LayerGap, Quantized, Stability
from workbench.quantize.stability import CalibratedHalf, stability
from workbench.recipe import Quantization
from workbench.recipe.scopes import rule_for, unused_patterns

_GAP_ROWS = 96  # of the calibration audio; they run one by one
_STABILITY_FRAMES = 4096  # on which two calibrations are compared

Converted = dict[str, ConvertedPart]
Calibrated = tuple[Mapping[str, nn.Module], Mapping[str, Inputs]]  # the parts in float, and what each hears


def check_scopes(model: StreamingPesto, asked: Quantization) -> None:
    """Raise ModelError for a rule that decides about no layer."""
    idle = unused_patterns(asked.parts, layers(model))
    if idle:
        known = ", ".join(layers(model))
        raise ModelError(
            f"quantization.parts: {', '.join(idle)}: wins no layer (none has that name, or more specific rules take "
            f"them all); there are {known}"
        )


def quantize(
    model: StreamingPesto, asked: Quantization, clips: Sequence[Tensor], voiced_confidence: float, progress: Progress
) -> Quantized:
    """Quantize the stream in place, calibrated on clips, (n,) float32 each; `progress` hears how much is done.

    Raises LoweringError where a layer did not become what its rule asks for.
    """
    began = time.perf_counter()
    heard = excerpts(clips, round(asked.seconds_per_clip * model.stream.sample_rate_hz), asked.seed)
    dealt = [half for half in split_in_half(heard, asked.seed) if half]
    half_inputs = [part_inputs(model, half) for half in dealt]
    inputs = {part: concat_inputs([half[part] for half in half_inputs]) for part in PARTS}
    plain = copy.deepcopy(model.encoder)
    if asked.equalize:
        equalize(model.encoder, *inputs["encoder"])
    parts = _convert(asked, [({part: getattr(model, part) for part in PARTS}, inputs)], "calibrate", progress)[0]
    schemes: dict[str, str] = {}
    for part, made in parts.items():
        schemes |= graph_schemes(made.module.graph, part)
    _check_schemes(schemes, asked)
    (frames,) = subsample_rows(inputs["frontend"], _STABILITY_FRAMES)
    stable = _stability(model, plain, asked, half_inputs, frames, voiced_confidence, progress)
    found_gaps: list[LayerGap] = []
    operators: Counter[str] = Counter()
    weight_bytes = 0
    for at, (part, made) in enumerate(parts.items()):
        progress.report("gaps", at, len(parts))
        found_gaps += layer_snr(getattr(model, part), made.module, part, subsample_rows(inputs[part], _GAP_ROWS))
        counted, size = int8_operators(made.module, part)
        operators, weight_bytes = operators + counted, weight_bytes + size
        setattr(model, part, made.module)
    progress.report("gaps", len(parts), len(parts))
    calibration = Calibration(
        excerpts=len(heard),
        audio_s=sum(map(len, heard)) / model.stream.sample_rate_hz,
        rows=len(inputs["frontend"][0]),
        seed=asked.seed,
        corrected_biases=sum(made.corrected_biases for made in parts.values()),
        gaps=tuple(found_gaps),
        stability=stable,
        took_s=time.perf_counter() - began,
        null_reasons={} if stable else {"stability": _no_stability_reason(asked, len(half_inputs)) or ""},
    )
    if asked.residual_add == "int8" and not operators["add"]:
        raise LoweringError(
            "quantization came out other than asked: residual_add is int8, but no add stands behind a layer in static "
            "int8; ask for float, or for int8-static in encoder.prefilter"
        )
    ranges = tuple(found for made in parts.values() for found in made.ranges)
    return Quantized(schemes, ranges, dict(operators), weight_bytes, calibration)


def _convert(
    asked: Quantization, calibrations: Sequence[Calibrated], stage: str, progress: Progress
) -> list[Converted]:
    """The parts that any rule reaches, quantized once for each of the calibrations."""
    modules = calibrations[0][0]
    parts = [part for part in PARTS if any(_wanted(asked, name) != "none" for name in layers_of(modules[part], part))]
    total = sum(len(inputs[part][0]) for _, inputs in calibrations for part in parts)
    done = 0

    def heard(rows: int) -> None:
        nonlocal done
        done += rows
        progress.report(stage, done, total)

    progress.report(stage, 0, total)
    return [
        {part: quantize_part(modules[part], part, asked, inputs[part], heard) for part in parts}
        for modules, inputs in calibrations
    ]


def _stability(
    model: StreamingPesto,
    plain: Encoder | TiledEncoder,
    asked: Quantization,
    half_inputs: Sequence[Mapping[str, Inputs]],
    frames: Tensor,
    voiced_confidence: float,
    progress: Progress,
) -> Stability | None:
    """Two calibrations of the float model, each with all that a calibration decides: equalization too."""
    if _no_stability_reason(asked, len(half_inputs)):
        return None
    calibrations: list[Calibrated] = []
    for inputs in half_inputs:
        encoder = copy.deepcopy(plain)
        if asked.equalize:
            equalize(encoder, *inputs["encoder"])
        calibrations.append(({"frontend": model.frontend, "encoder": encoder, "confidence": model.confidence}, inputs))

    def half(parts: Converted) -> CalibratedHalf:
        modules = {part: made.module for part, made in parts.items()}
        return modules, [found for made in parts.values() for found in made.ranges]

    one, other = map(half, _convert(asked, calibrations, "stability", progress))
    return stability(model, one, other, frames, voiced_confidence)


def _no_stability_reason(asked: Quantization, halves: int) -> str | None:
    """Why stability cannot be measured, if it cannot."""
    if "int8-dynamic" in asked.parts.values():
        return "a dynamic range is another in every frame, and follows from no clip"
    if not is_static(asked):
        return "no range is fixed"
    return None if halves == 2 else "one clip has no two halves"


_WHY = {
    "none": "XNNPACK takes no dynamic int8 for a convolution of one input channel: ask for another scheme there",
    "activation only": "an int8 add stands before a float layer: quantize that too, or ask for residual_add: float",
}


def _check_schemes(schemes: Mapping[str, str], asked: Quantization) -> None:
    other = {name: got for name, got in schemes.items() if got != _wanted(asked, name)}
    if other:
        listed = "; ".join(f"{name}: asked {_wanted(asked, name)}, got {got}" for name, got in other.items())
        why = "; ".join(sorted({_WHY[got] for got in other.values() if got in _WHY}))
        raise LoweringError(f"quantization came out other than asked: {listed}" + (f" ({why})" if why else ""))


def _wanted(asked: Quantization, name: str) -> str:
    scheme = rule_for(asked.parts, name)
    return "none" if scheme is None else scheme.removeprefix("int8-")
