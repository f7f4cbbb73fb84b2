"""PESTO restated so that it exports: real arithmetic, memory as one tensor, weights and pitch shift baked in.

In its exact forms the numbers are upstream's to float rounding; `tests/model/test_streaming.py` holds that over rates,
hops, mirrors and reductions. What is restated, and why:

- upstream's complex magnitude, clamped, in dB and back, is `clamp(re^2 + im^2, eps^2)`: no complex tensor is needed
  (`frontend.py`);
- frames go on the batch axis, so that a frame's arithmetic does not depend on how many share its chunk;
- conv1d is conv2d of height 1, which XNNPACK runs faster and can quantize; the wide ones have a Fourier form, which it
  runs faster still (`encoder.py`, `fourier.py`);
- sums over bins are matrix products (`sums.py`): with them, all but the search for the best pitch bin is XNNPACK's;
- the one-channel Toeplitz convolution is an equal Linear or block convolution that also applies the pitch shift
  (`toeplitz.py`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.errors import ModelError
from workbench.model.encoder import conv2d, encoder
from workbench.model.frontend import EPS, constant_q
from workbench.model.reductions import MeanAsMatmul, SumAsMatmul
from workbench.model.upstream import PESTO, ConfidenceClassifier
from workbench.recipe.options import OUTPUTS, STATE_BUFFER, Output, Reduction, Scope, State
from workbench.recipe.stream_config import Implementations, StreamConfig

PLAIN = Implementations()


class Estimate(NamedTuple):
    """What one call returns, each (streams, frames) float32; `activations` is (streams, frames, pitch bins)."""

    pitch_semitones: Tensor
    confidence: Tensor
    volume: Tensor
    activations: Tensor


class Confidence(nn.Module):
    """Energy of all bins and its logarithm -> confidence in 0..1: (frames, bins) twice -> (frames,), float32."""

    def __init__(self, upstream: ConfidenceClassifier, bins: int) -> None:
        super().__init__()
        self.mean = MeanAsMatmul(bins)
        self.conv = conv2d(upstream.conv)
        self.linear = upstream.linear

    def forward(self, energy: Tensor, log_energy: Tensor) -> Tensor:
        flatness = self.mean(log_energy).exp() / self.mean(energy).clamp(min=1e-8)
        x = F.relu(self.conv(energy.reshape(-1, 1, 1, energy.shape[-1]))).flatten(1)
        return torch.sigmoid(self.linear(torch.cat((x, flatness), -1))).flatten()


class Reduce(nn.Module):
    """Activations -> MIDI semitones: (frames, pitch bins) -> (frames,), float32; as pesto.utils.reduce_activations."""

    semitones: Tensor
    neighbours: Tensor

    def __init__(self, bins: int, reduction: Reduction) -> None:
        super().__init__()
        self.bins_per_semitone = bins // 128  # the bins span MIDI 0..127
        self.reduction = reduction
        if reduction == "mean":
            self.register_buffer("semitones", torch.arange(bins, dtype=torch.float32) / self.bins_per_semitone)
        elif reduction == "alwa":
            self.register_buffer("neighbours", torch.arange(1 - self.bins_per_semitone, self.bins_per_semitone))
            self.total = SumAsMatmul(len(self.neighbours))

    def forward(self, activations: Tensor) -> Tensor:
        if self.reduction == "mean":
            return activations @ self.semitones
        best = activations.argmax(-1, keepdim=True)
        if self.reduction == "argmax":
            return best.squeeze(-1).to(torch.float32) / self.bins_per_semitone
        near = (best + self.neighbours).clamp(0, activations.shape[-1] - 1)
        weights = activations.gather(-1, near)
        semitones = near.to(torch.float32) / self.bins_per_semitone
        average: Tensor = self.total(weights * semitones) / self.total(weights)
        return average.flatten()


class StreamingPesto(nn.Module):
    """The restated stream. `forward`: (streams, chunk samples) float32 -> its `outputs`, each (streams, frames).

    `ring` (streams, past samples) is the whole memory; `reset()` empties it. With state explicit it is no part of the
    model: `forward` takes a ring after the audio, and returns the next one last. With state none it takes (streams,
    past + chunk samples) in place of the audio, and with scope network the energies that the front end makes of those,
    (streams * frames, bins). State frozen is internal here: it is an exporter that freezes it.
    Raises ModelError for a model with more than one harmonic, which upstream's own confidence cannot take either.
    """

    ring: Tensor

    def __init__(
        self,
        upstream: PESTO,
        stream: StreamConfig,
        forms: Implementations = PLAIN,
        state: State = "internal",
        outputs: Sequence[Output] = OUTPUTS,
        scope: Scope = "whole",
    ) -> None:
        super().__init__()
        if len(upstream.preprocessor.hcqt_kernels.cqt_kernels) != 1:
            raise ModelError("the checkpoint's front end has several harmonics; only one-harmonic models are supported")
        cqt = upstream.preprocessor.hcqt_kernels.cqt_kernels[0]
        scale = cqt.sqrt_lengths.repeat(2, 1).unsqueeze(-1)  # upstream multiplies the spectrum by it
        self.stream = stream
        self.state = state
        self.scope = scope
        self.outputs = tuple(output for output in OUTPUTS if output in outputs)
        self.past_samples: int = cqt.conv.cache.padding
        self.window_samples: int = cqt.kernel_width
        self.mirrored_samples: int = cqt.kernel_width - stream.hop_samples - self.past_samples
        if state in ("internal", "frozen"):
            self.register_buffer(STATE_BUFFER, self.zero_state())
        self.framing, self.frontend = constant_q(
            forms.frontend,
            (cqt.conv.weight * scale).detach(),
            stream.hop_samples,
            self.mirrored_samples,
            stream.max_frames,
            forms.tolerance,
        )
        self.crop = slice(upstream.crop_cqt.max_steps, upstream.crop_cqt.min_steps)
        shift_bins = round(upstream.shift.item() * upstream.bins_per_semitone)
        self.encoder = encoder(upstream.encoder, shift_bins, forms)
        self.bins: int = cqt.conv.weight.shape[0] // 2
        self.total = SumAsMatmul(self.bins)
        self.confidence = Confidence(upstream.confidence, self.bins)
        self.reduce = Reduce(upstream.encoder.hparams["output_dim"], upstream.reduction)
        self.eval().requires_grad_(False)

    @property
    def algorithmic_ms(self) -> float:
        """How far the centre of a frame's analysis window lies before the end of its hop, in milliseconds."""
        samples = self.window_samples / 2 - self.mirrored_samples
        return 1000.0 * samples / self.stream.sample_rate_hz

    def zero_state(self) -> Tensor:
        """The memory of a stream that has heard nothing; (streams, past samples) float32 zeros."""
        return torch.zeros(self.stream.streams, self.past_samples)

    def reset(self) -> None:
        """Forget all audio, as right after construction."""
        if self.state in ("internal", "frozen"):
            self.ring.zero_()

    def estimate(self, audio: Tensor) -> Estimate:
        """One call on the model's own ring, with its activations; (streams, chunk samples) float32."""
        estimate, ring = self.step(audio, self.ring)
        self.ring.copy_(ring)
        return estimate

    def step(self, audio: Tensor, ring: Tensor) -> tuple[Estimate, Tensor]:
        """One call on a ring (streams, past samples), which it leaves alone: its estimate, and the next ring."""
        window = torch.cat((ring, audio), -1)
        return self.run_window(window), window[:, window.shape[-1] - self.past_samples :]

    def run_window(self, window: Tensor) -> Estimate:
        """One call on all that it hears: (streams, past + chunk samples)."""
        return self.run_network(self.frontend(self.framing(window)))

    def run_network(self, energy: Tensor) -> Estimate:
        """What follows the front end: (streams * frames, bins) energies, frames of a stream side by side."""
        log_energy = energy.log()
        activations = self.encoder(log_energy[:, self.crop])
        per_frame = (
            self.reduce(activations),
            self.confidence(energy, log_energy),
            self.total(energy).flatten(),
            activations,
        )
        return Estimate(*(x.reshape(self.stream.streams, -1, *x.shape[1:]) for x in per_frame))

    def example(self, frames: int) -> tuple[Tensor, ...]:
        """What `forward` takes in a call of so many frames, in silence."""
        if self.scope == "network":
            return (torch.full((self.stream.streams * frames, self.bins), EPS**2),)
        past = self.past_samples if self.state == "none" else 0
        heard = torch.zeros(self.stream.streams, past + frames * self.stream.hop_samples)
        return (heard, self.zero_state()) if self.state == "explicit" else (heard,)

    def forward(self, audio: Tensor, ring: Tensor | None = None) -> tuple[Tensor, ...]:
        if self.scope == "network":
            return self._returned(self.run_network(audio))
        if self.state == "none":
            return self._returned(self.run_window(audio))
        if ring is None:
            return self._returned(self.estimate(audio))
        estimate, ring = self.step(audio, ring)
        return *self._returned(estimate), ring

    def _returned(self, estimate: Estimate) -> tuple[Tensor, ...]:
        return tuple(value for name, value in zip(OUTPUTS, estimate, strict=False) if name in self.outputs)
