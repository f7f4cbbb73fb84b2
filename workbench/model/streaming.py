"""PESTO restated so that it can be exported: real arithmetic, one state tensor, weights and pitch shift as constants.

In its exact implementations the estimates equal upstream's to float rounding; `tests/model/test_streaming.py` checks
that over rates, hops, mirrors and reductions. What is restated, and why:

- Upstream computes a complex magnitude, clamps it, and converts it to dB and back. Here the energy is
  `clamp(re^2 + im^2, eps^2)`, without complex tensors (`frontend.py`).
- Frames are on the batch axis, so that the arithmetic of a frame does not depend on the number of frames in its chunk.
- conv1d is conv2d of height 1, which XNNPACK runs faster and can quantize. The wide convolutions can also be computed
  in the frequency domain, which XNNPACK runs faster still (`encoder.py`, `fourier_conv.py`).
- A sum over bins is a matrix product (`reductions.py`), so that XNNPACK runs everything but the search for the best
  pitch bin.
- The one-channel Toeplitz convolution is a Linear or a block convolution that also applies the pitch shift
  (`toeplitz.py`).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.errors import ModelError
from workbench.model.encoder import build_encoder, conv2d
from workbench.model.frontend import EPS, build_frontend
from workbench.model.reductions import MeanAsMatmul, SumAsMatmul
from workbench.model.student.load import check_fits
from workbench.model.student.network import StudentEncoder
from workbench.model.upstream import PESTO, ConfidenceClassifier
from workbench.recipe.options import OUTPUTS, STATE_BUFFER, Output, Reduction, Scope, State
from workbench.recipe.stream_config import Implementations, StreamConfig

DEFAULT_IMPLEMENTATIONS = Implementations()


class Estimate(NamedTuple):
    """The outputs of one call, float32. `activations` is (streams, frames, pitch bins), all others (streams, frames).

    Pitch is in MIDI semitones, confidence is from 0 to 1, volume is the energy of all bins.
    """

    pitch_semitones: Tensor
    confidence: Tensor
    volume: Tensor
    activations: Tensor


class Confidence(nn.Module):
    """Confidence from the spectrum and its flatness.

    Shape:
        - Inputs: the energy of all bins and its logarithm, (frames, bins) each, float32
        - Output: (frames,), from 0 to 1
    """

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
    """Pitch from the activations, as in upstream's `pesto.utils.reduce_activations`.

    Shape:
        - Input: (frames, pitch bins), float32
        - Output: (frames,), MIDI semitones
    """

    semitones: Tensor
    neighbours: Tensor

    def __init__(self, bins: int, reduction: Reduction) -> None:
        super().__init__()
        self.bins_per_semitone = bins // 128  # the bins span MIDI 0 to 127
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
    """The restated stream. Its state is one tensor: the past samples that the next frames need.

    What `forward` takes depends on where the state is kept and on what the program contains:

    | scope   | state            | inputs of `forward`                                                          |
    |---------|------------------|------------------------------------------------------------------------------|
    | whole   | internal, frozen | audio (streams, chunk samples)                                               |
    | whole   | explicit         | audio, and the state (streams, past samples); the next state is returned last |
    | whole   | none             | window (streams, past + chunk samples)                                       |
    | network | any              | energy (streams * frames, bins), as the front end computes it                |

    It returns the requested outputs, (streams, frames) float32 each, in the order of `OUTPUTS`. In this model, state
    frozen is the same as internal; the exporter folds it into a constant.

    Args:
        upstream: The baseline with its weights.
        stream: Sample rate, hop and the sizes of a chunk.
        implementations: How the front end, the wide convolutions and the last layer are computed.
        state: Where the streaming state is kept.
        outputs: What a call returns.
        scope: Whether the front end is part of the program.
        student: Replaces upstream's encoder, if given. It has learned the pitch shift.

    Attributes:
        past_samples: Length of the state.
        window_samples: Length of the longest analysis window.
        mirrored_samples: Samples of that window that lie after the end of the hop.
        crop: The bins that the encoder receives.

    Raises:
        ModelError: The model has several harmonics, as upstream's confidence does not support, or other sizes than
            the student.
    """

    ring: Tensor

    def __init__(
        self,
        upstream: PESTO,
        stream: StreamConfig,
        implementations: Implementations = DEFAULT_IMPLEMENTATIONS,
        state: State = "internal",
        outputs: Sequence[Output] = OUTPUTS,
        scope: Scope = "whole",
        student: StudentEncoder | None = None,
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
        self._run: Callable[[Tensor], Estimate] = self.estimate  # what `forward` does with its input
        if scope == "network":
            self._run = self.run_network
        elif state == "none":
            self._run = self.run_window
        self.framing, self.frontend = build_frontend(
            implementations.frontend,
            (cqt.conv.weight * scale).detach(),
            stream.hop_samples,
            self.mirrored_samples,
            stream.max_frames,
            implementations.tolerance,
        )
        self.crop = slice(upstream.crop_cqt.max_steps, upstream.crop_cqt.min_steps)
        shift_bins = round(upstream.shift.item() * upstream.bins_per_semitone)
        if student is not None:
            check_fits(student, upstream.encoder)
        self.encoder = student or build_encoder(upstream.encoder, shift_bins, implementations)
        self.bins: int = cqt.conv.weight.shape[0] // 2
        self.total = SumAsMatmul(self.bins)
        self.confidence = Confidence(upstream.confidence, self.bins)
        self.reduce = Reduce(upstream.encoder.hparams["output_dim"], upstream.reduction)
        self.eval().requires_grad_(False)

    @property
    def algorithmic_ms(self) -> float:
        """Time from the centre of a frame's analysis window to the end of its hop, in milliseconds."""
        samples = self.window_samples / 2 - self.mirrored_samples
        return 1000.0 * samples / self.stream.sample_rate_hz

    def zero_state(self) -> Tensor:
        """Returns the state of a stream that has received no audio: (streams, past samples) float32 zeros."""
        return torch.zeros(self.stream.streams, self.past_samples)

    def reset(self) -> None:
        """Sets the state buffer to zero, as after construction."""
        if self.state in ("internal", "frozen"):
            self.ring.zero_()

    def estimate(self, audio: Tensor) -> Estimate:
        """Runs one call and updates the state buffer; `audio` is (streams, chunk samples), float32."""
        estimate, next_state = self.step(audio, self.ring)
        self.ring.copy_(next_state)
        return estimate

    def step(self, audio: Tensor, past: Tensor) -> tuple[Estimate, Tensor]:
        """Runs one call on a given state, which is not changed.

        Args:
            audio: (streams, chunk samples), float32.
            past: The state, (streams, past samples), float32.

        Returns:
            The estimate and the next state.
        """
        window = torch.cat((past, audio), -1)
        return self.run_window(window), window[:, window.shape[-1] - self.past_samples :]

    def run_window(self, window: Tensor) -> Estimate:
        """Runs one call on its whole input, (streams, past + chunk samples)."""
        return self.run_network(self.frontend(self.framing(window)))

    def run_network(self, energy: Tensor) -> Estimate:
        """Runs everything behind the front end.

        Args:
            energy: (streams * frames, bins), float32; the frames of a stream are consecutive.
        """
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
        """Returns inputs of `forward` for a call of that many frames, in silence."""
        if self.scope == "network":
            return (torch.full((self.stream.streams * frames, self.bins), EPS**2),)
        past = self.past_samples if self.state == "none" else 0
        audio = torch.zeros(self.stream.streams, past + frames * self.stream.hop_samples)
        return (audio, self.zero_state()) if self.state == "explicit" else (audio,)

    def forward(self, audio: Tensor, past: Tensor | None = None) -> tuple[Tensor, ...]:
        """See the table of the class: with state none, `audio` is the window; with scope network, the energy."""
        if past is None:
            return self._select(self._run(audio))
        estimate, next_state = self.step(audio, past)
        return *self._select(estimate), next_state

    def _select(self, estimate: Estimate) -> tuple[Tensor, ...]:
        """Returns the requested outputs of an estimate. Activations cannot be requested."""
        return tuple(value for name, value in zip(OUTPUTS, estimate, strict=False) if name in self.outputs)
