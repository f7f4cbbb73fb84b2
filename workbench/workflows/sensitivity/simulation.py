"""The frames of a stream in PyTorch, many at a time and without a program: a second where a program takes a minute."""

import functools
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from workbench.audio.decode import Clip
from workbench.measure.alignment import fit_alignment
from workbench.measure.deviation import Deviation, deviation
from workbench.model.streaming import StreamingPesto
from workbench.quantize.calibration import BATCH, Inputs
from workbench.quantize.layers import PARTS, layers_of
from workbench.quantize.simulate import simulate_part
from workbench.recipe import Quantization
from workbench.recipe.patterns import rule_for
from workbench.runtime.eager import estimate_to_frames
from workbench.runtime.session import Frames
from workbench.units import ceil_div
from workbench.workflows.variant.prepare import PreparedVariant
from workbench.workflows.variant.score.clips import pair_frames


class Simulation:
    """A model on some clips. Each clip starts from a zero state, in calls of the smallest size.

    Args:
        model: The float stream, which is not changed.
        clips: At the stream's rate.
    """

    def __init__(self, model: StreamingPesto, clips: Sequence[Clip]) -> None:
        self.model = model
        framed = [_framed(model, torch.from_numpy(clip.samples)) for clip in clips]
        self._counts = [len(rows) for rows in framed]
        self._rows = torch.cat(framed)

    def frames(self, rules: Quantization | None = None) -> list[Frames]:
        """Returns the frames of each clip, with the layers that the rules name rounded as a program rounds them."""
        parts: dict[str, nn.Module] = {part: getattr(self.model, part) for part in PARTS}
        if rules is not None:
            for part in PARTS:
                if any(rule_for(rules.parts, name) not in (None, "none") for name in layers_of(parts[part], part)):
                    parts[part] = simulate_part(parts[part], part, rules, self._inputs[part])
        changed = parts["frontend"] is not self.model.frontend
        energy = _in_batches(parts["frontend"], self._rows) if changed else self._energy
        with torch.no_grad():
            found = [self._estimate(parts, rows) for rows in torch.split(energy, BATCH)]
        tensors = tuple(torch.cat(values)[None] for values in zip(*found, strict=True))
        every = estimate_to_frames(tensors, margins=True, one_dimensional=True)
        starts = [sum(self._counts[:index]) for index in range(len(self._counts))]
        return [_part(every, start, count) for start, count in zip(starts, self._counts, strict=True)]

    def _estimate(self, parts: dict[str, nn.Module], energy: Tensor) -> tuple[Tensor, ...]:
        log_energy = energy.log()
        activations = parts["encoder"](log_energy[:, self.model.crop].contiguous())
        confidence = parts["confidence"](energy, log_energy)
        return self.model.reduce(activations), confidence, self.model.total(energy).flatten(), activations

    @functools.cached_property
    def _energy(self) -> Tensor:
        return _in_batches(self.model.frontend, self._rows)

    @functools.cached_property
    def _inputs(self) -> dict[str, Inputs]:
        log_energy = self._energy.log()
        return {
            "frontend": (self._rows,),
            "encoder": (log_energy[:, self.model.crop].contiguous(),),
            "confidence": (self._energy, log_energy),
        }


class Comparison:
    """Compares frames with those of a reference, as a score does.

    Args:
        variant: The variant, with its calibration clips; they are the ones that are compared.
        reference: The frames of the reference on them.
    """

    def __init__(self, variant: PreparedVariant, reference: Sequence[Frames]) -> None:
        self._variant = replace(variant, scored_clips=variant.calibration_clips)
        self.reference = reference
        pairs = list(zip(variant.calibration_clips, reference, strict=True))
        self._delay_ms = fit_alignment(pairs, variant.stream).delay_ms

    def deviation(self, frames: Sequence[Frames]) -> Deviation:
        """Returns the deviation of these frames from the reference."""
        pairs = pair_frames(self._variant, self.reference, frames, self._delay_ms)
        return deviation(pairs, self._variant.recipe.scoring.voiced_confidence)


def _framed(model: StreamingPesto, samples: Tensor) -> Tensor:
    past, chunk = model.past_samples, model.stream.chunk_samples
    calls = ceil_div(len(samples), chunk)
    padded = torch.zeros(past + calls * chunk)
    padded[past : past + len(samples)] = samples
    framed: Tensor = model.framing(padded.unfold(0, past + chunk, chunk))
    return framed


@torch.no_grad()
def _in_batches(module: nn.Module, rows: Tensor) -> Tensor:
    return torch.cat([module(batch) for batch in torch.split(rows, BATCH)])


def _part(frames: Frames, start: int, count: int) -> Frames:
    chosen = slice(start, start + count)
    margin = None if frames.margin is None else frames.margin[chosen]
    return Frames(frames.pitch_semitones[chosen], frames.confidence[chosen], frames.volume[chosen], margin)
