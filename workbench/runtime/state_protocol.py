"""What happens to a side's memory between calls: it goes on, as on a device, or it is emptied before every chunk.

Deviations mean something only where both sides are treated alike. The other two protocols repeat a mistake that is
easily made, a harness that resets one side alone, and are called unfair wherever they show. Knows no torch.
"""

from typing import Literal

from pydantic import computed_field

from workbench.recipe.stream_config import StreamConfig
from workbench.record_model import RecordModel
from workbench.runtime.session import Floats, Frames, Session

StateHandling = Literal["continuous", "reset-per-chunk"]


class ScoringProtocol(RecordModel):
    """How each side was treated; `fair` where both were treated alike."""

    baseline: StateHandling = "continuous"
    variant: StateHandling = "continuous"

    @computed_field  # type: ignore[prop-decorator]
    @property
    def fair(self) -> bool:
        return self.baseline == self.variant

    @property
    def label(self) -> str:
        """For a title or a table: nothing for what is usual, UNFAIR first for what is not fair."""
        if not self.fair:
            return f"UNFAIR: baseline {self.baseline}, variant {self.variant}"
        return "" if self.baseline == "continuous" else f"both sides {self.baseline}"


_RESETTING: dict[str, tuple[str, ...]] = {
    "continuous": (),
    "reset-per-chunk": ("baseline", "variant"),
    "baseline-reset-per-chunk": ("baseline",),
    "variant-reset-per-chunk": ("variant",),
}


def protocol_of(name: str) -> ScoringProtocol:
    """The protocol of a recipe's word for it. Raises KeyError for a word that is none."""
    return ScoringProtocol.model_validate(dict.fromkeys(_RESETTING[name], "reset-per-chunk"))


class ResetPerChunk:
    """A session whose memory is emptied before every step."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @property
    def stream(self) -> StreamConfig:
        return self.session.stream

    def reset(self, stream: int | None = None) -> None:
        self.session.reset(stream)

    def step(self, chunk: Floats) -> Frames:
        self.session.reset()
        return self.session.step(chunk)


def with_state_handling(memory: StateHandling, session: Session) -> Session:
    """The session as this side of a protocol treats it."""
    return session if memory == "continuous" else ResetPerChunk(session)
