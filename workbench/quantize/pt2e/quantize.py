"""int8 for the layers that a recipe names, with PT2E (quantization of torch.export graphs) and XNNPACK's annotators.

Each part of the stream (front end, encoder, confidence) is exported by itself, annotated, calibrated, converted, and
put back into the model. A layer of which only the weights become integers (`weights`) needs no calibration; everything
else is the same for it. Working part by part has three effects. The graph contains only the part, so that neither the
state nor the spectrum can be quantized by mistake. Frames are its batch axis, so that calibration runs on batches of
frames. And the converted part is an ordinary submodule, which the export of the whole stream inlines. The schemes of
the layers are checked twice: here in the converted graph, and in `export/` in the lowered program.
"""

import copy
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from workbench.errors import LoweringError
from workbench.model.streaming import StreamingPesto
from workbench.progress import Progress
from workbench.quantize.calibration import Inputs, concat_inputs, excerpts, part_inputs, split_in_half, subsample_rows
from workbench.quantize.equalize import equalize
from workbench.quantize.layers import PARTS, graph_schemes, integer_operators, layers_of
from workbench.quantize.pt2e.annotate import ConvertedPart, is_static, quantize_part
from workbench.quantize.pt2e.layer_error import layer_snr
from workbench.quantize.pt2e.stability import compare_calibrations
from workbench.quantize.results import Calibration, LayerSnr, Quantized, Stability
from workbench.quantize.scopes import check_schemes, requested_scheme
from workbench.recipe import Quantization
from workbench.recipe.options import DYNAMIC_SCHEMES

_LAYER_ERROR_ROWS = 96  # rows on which layer errors are measured; they run one by one
_STABILITY_FRAMES = 4096  # frames on which two calibrations are compared


def quantize(
    model: StreamingPesto, rules: Quantization, clips: Sequence[Tensor], voiced_confidence: float, progress: Progress
) -> Quantized:
    """Quantizes the stream in place.

    Args:
        model: The float stream.
        rules: The schemes of its layers, and how ranges are found.
        clips: Calibration audio, (n,) float32 each. Not read if only weights are quantized.
        voiced_confidence: A frame is voiced if the float model's confidence is at least this.
        progress: Receives the stages "calibrate", "stability" and "layer errors"; only "weights" without calibration.

    Raises:
        LoweringError: A layer did not get the scheme of its rule.
    """
    started_at = time.perf_counter()
    calibrator = Calibrator(model, rules, clips if rules.needs_audio else [_silence(model)], progress)
    converted = calibrator.calibrate() if rules.needs_audio else calibrator.convert("weights")
    schemes: dict[str, str] = {}
    operators: Counter[str] = Counter()
    weight_bytes: Counter[str] = Counter()
    for part, quantized in converted.items():
        schemes |= graph_schemes(quantized.module.graph, part)
        integers = integer_operators(quantized.module, part)
        operators += integers.counts
        weight_bytes += integers.weight_bytes
    check_schemes(schemes, rules)
    if rules.residual_add == "int8" and not operators["add"]:
        raise LoweringError(
            "quantization does not match the recipe: residual_add is int8, but no add comes after a static int8 layer; "
            "use residual_add: float, or int8-static for encoder.prefilter"
        )
    calibration = calibrator.describe(converted, voiced_confidence, started_at) if rules.needs_audio else None
    for part, quantized in converted.items():
        setattr(model, part, quantized.module)
    ranges = tuple(found for part in converted.values() for found in part.ranges)
    weights = tuple(found for part in converted.values() for found in part.weights)
    return Quantized(schemes, ranges, weights, dict(operators), dict(weight_bytes), calibration)


def _silence(model: StreamingPesto) -> Tensor:
    """Returns the shortest clip of which every part receives rows."""
    return torch.zeros(model.stream.max_chunk_samples)


@dataclass(frozen=True)
class _FloatParts:
    """The float parts of a model, and their inputs on calibration audio."""

    modules: Mapping[str, nn.Module]
    inputs: Mapping[str, Inputs]


class Calibrator:
    """Quantizes copies of the parts of a stream, on all of the calibration audio and on two halves of it.

    Args:
        model: The float stream.
        rules: The schemes of its layers, and how ranges are found.
        clips: Calibration audio, (n,) float32 each.
        progress: Receives the rows that were calibrated.

    Attributes:
        excerpts: The excerpt of each clip that is used.
        inputs: Part -> its inputs over all excerpts.
    """

    def __init__(self, model: StreamingPesto, rules: Quantization, clips: Sequence[Tensor], progress: Progress) -> None:
        self.model, self.rules, self.progress = model, rules, progress
        self.excerpts = excerpts(clips, round(rules.seconds_per_clip * model.stream.sample_rate_hz), rules.seed)
        halves = [half for half in split_in_half(self.excerpts, rules.seed) if half]
        self._half_inputs = [part_inputs(model, half) for half in halves]
        self.inputs = {part: concat_inputs([half[part] for half in self._half_inputs]) for part in PARTS}
        self._original_encoder = copy.deepcopy(model.encoder)

    def calibrate(self) -> dict[str, ConvertedPart]:
        """Returns the quantized parts, calibrated on all audio.

        Equalizes the encoder of the model first if the rules require it.
        """
        if self.rules.equalize:
            equalize(self.model.encoder, *self.inputs["encoder"])
        return self.convert("calibrate")

    def convert(self, stage: str) -> dict[str, ConvertedPart]:
        """Returns the quantized parts of the model as it is."""
        modules = {part: getattr(self.model, part) for part in PARTS}
        return self._convert([_FloatParts(modules, self.inputs)], stage)[0]

    def describe(
        self, converted: Mapping[str, ConvertedPart], voiced_confidence: float, started_at: float
    ) -> Calibration:
        """Returns the record of the calibration that made these parts, with their stability and layer errors.

        Args:
            converted: The quantized parts.
            voiced_confidence: A frame is voiced if the float model's confidence is at least this.
            started_at: When the calibration began, of `time.perf_counter`.
        """
        stability = self.stability(voiced_confidence)
        layer_errors = self.layer_errors(converted)
        return Calibration(
            excerpts=len(self.excerpts),
            audio_s=sum(map(len, self.excerpts)) / self.model.stream.sample_rate_hz,
            rows=len(self.inputs["frontend"][0]),
            seed=self.rules.seed,
            corrected_biases=sum(part.corrected_biases for part in converted.values()),
            gaps=tuple(layer_errors),
            stability=stability,
            took_s=time.perf_counter() - started_at,
            null_reasons={} if stability else {"stability": self.no_stability_reason() or ""},
        )

    def stability(self, voiced_confidence: float) -> Stability | None:
        """Calibrates on each half of the audio and compares the two results.

        Each half repeats everything that depends on calibration audio, including equalization.

        Returns:
            The comparison, or None if `no_stability_reason` returns a reason.
        """
        if self.no_stability_reason():
            return None
        halves: list[_FloatParts] = []
        for inputs in self._half_inputs:
            encoder = copy.deepcopy(self._original_encoder)
            if self.rules.equalize:
                equalize(encoder, *inputs["encoder"])
            modules = {"frontend": self.model.frontend, "encoder": encoder, "confidence": self.model.confidence}
            halves.append(_FloatParts(modules, inputs))
        first, second = self._convert(halves, "stability")
        (frames,) = subsample_rows(self.inputs["frontend"], _STABILITY_FRAMES)
        return compare_calibrations(self.model, first, second, frames, voiced_confidence)

    def no_stability_reason(self) -> str | None:
        """Returns why stability cannot be measured, or None if it can."""
        if is_static(self.rules):
            return None if len(self._half_inputs) == 2 else "one clip cannot be split into halves"
        dynamic = not set(DYNAMIC_SCHEMES).isdisjoint(self.rules.parts.values())
        return "dynamic ranges do not depend on calibration audio" if dynamic else "no range is fixed"

    def layer_errors(self, converted: Mapping[str, ConvertedPart]) -> list[LayerSnr]:
        """Returns the signal-to-noise ratio of every layer of the quantized parts."""
        found: list[LayerSnr] = []
        with self.progress.stage("layer errors", len(converted)) as advance:
            for part, quantized in converted.items():
                rows = subsample_rows(self.inputs[part], _LAYER_ERROR_ROWS)
                found += layer_snr(getattr(self.model, part), quantized.module, part, rows)
                advance(1)
        return found

    def _convert(self, calibrations: Sequence[_FloatParts], stage: str) -> list[dict[str, ConvertedPart]]:
        """Quantizes each part that any rule names, once per calibration."""
        modules = calibrations[0].modules
        parts = [part for part in PARTS if self._is_quantized(modules[part], part)]
        total = sum(len(calibration.inputs[part][0]) for calibration in calibrations for part in parts)
        with self.progress.stage(stage, total) as advance:
            return [
                {
                    part: quantize_part(calibration.modules[part], part, self.rules, calibration.inputs[part], advance)
                    for part in parts
                }
                for calibration in calibrations
            ]

    def _is_quantized(self, module: nn.Module, part: str) -> bool:
        return any(requested_scheme(self.rules, layer) != "none" for layer in layers_of(module, part))
