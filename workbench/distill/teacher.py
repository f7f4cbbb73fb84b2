"""What the teacher's encoder receives and returns on audio, through the exact streaming front end."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from workbench.distill.clips import Audio
from workbench.measure.timing import BaselineSpec
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.recipe.stream_config import Implementations
from workbench.recipe.students.section import LEAST_CONFIDENCE

_EXACT = Implementations(frontend="low-rank", prefilter="fourier", toeplitz="conv", tolerance=1e-5)
_EVERY_CALL = 32  # calls between two reports


@dataclass(frozen=True, eq=False)
class Frames:
    """Frames of a stream, float16: what is stored and what a student is trained on.

    Attributes:
        log_energy: (frames, bins), what the encoder receives.
        activations: (frames, pitch bins), what the teacher's encoder returns.
        confidence: (frames,), the teacher's.
    """

    log_energy: Tensor
    activations: Tensor
    confidence: Tensor

    def __len__(self) -> int:
        return len(self.confidence)

    def at_least(self, confidence: float) -> "Frames":
        """Returns the frames with at least this confidence, which is rounded to float16 as theirs are."""
        kept = self.confidence >= torch.tensor(confidence, dtype=torch.float16)
        return Frames(self.log_energy[kept], self.activations[kept], self.confidence[kept])


def joined(parts: "list[Frames]") -> Frames:
    """Returns the frames of several batches as one."""
    return Frames(
        torch.cat([part.log_energy for part in parts]),
        torch.cat([part.activations for part in parts]),
        torch.cat([part.confidence for part in parts]),
    )


def teacher_frames(audio: Audio, teacher: BaselineSpec, mirror: float, advance: Callable[[int], None]) -> Frames:
    """Runs the teacher on clips, all at once, as one stream each.

    Args:
        audio: (clips, samples) at the rate of the stream.
        teacher: The checkpoint and the stream; calls have one frame.
        mirror: The mirror of the stream.
        advance: Called with the number of samples after some calls.

    Returns:
        The frames that have a confidence of at least LEAST_CONFIDENCE and are not digital silence, where all bins are
        equal, call by call.
    """
    stream = replace(teacher.stream, mirror=mirror, streams=len(audio), frames_per_chunk=1, max_frames_per_chunk=None)
    upstream = load_upstream(teacher.checkpoint, stream, teacher.reduction, teacher.trust)
    model = StreamingPesto(upstream, stream, _EXACT, state="none")
    ring, hop, parts = model.zero_state(), stream.hop_samples, []
    calls = audio.shape[-1] // hop
    with torch.no_grad():
        for call in range(calls):
            window = torch.cat((ring, torch.from_numpy(audio[:, call * hop : (call + 1) * hop])), -1)
            ring = window[:, window.shape[-1] - model.past_samples :]
            energy = model.frontend(model.framing(window))
            log_energy = energy.log()
            confidence = model.confidence(energy, log_energy)
            kept = (confidence >= LEAST_CONFIDENCE) & (log_energy.amax(-1) > log_energy.amin(-1))
            log_energy = log_energy[kept][:, model.crop]
            if len(log_energy):
                parts.append(Frames(log_energy.half(), model.encoder(log_energy).half(), confidence[kept].half()))
            if (call + 1) % _EVERY_CALL == 0:
                advance(_EVERY_CALL * hop)
    if not parts:
        bins = upstream.encoder.layernorm.normalized_shape[-1]
        empty = torch.zeros(0, dtype=torch.float16)
        return Frames(empty.reshape(0, bins), empty.reshape(0, upstream.encoder.hparams["output_dim"]), empty)
    return joined(parts)
