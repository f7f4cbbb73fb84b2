"""What happens to the state between calls: it is kept, as on a device, or zeroed before every chunk.

A deviation is meaningful only if the state of both sides is handled alike. Two of the protocols reset only one side, as
a harness can do by mistake; their results are labelled UNFAIR wherever they are shown. Imports no torch.
"""

from typing import Literal

from pydantic import computed_field

from workbench.recipe.options import ProtocolName
from workbench.recipe.stream_config import StreamConfig
from workbench.record_model import RecordModel
from workbench.runtime.session import Floats, Frames, Session

StateHandling = Literal["continuous", "reset-per-chunk"]


class ScoringProtocol(RecordModel):
    """How the state of each side is handled.

    Attributes:
        baseline: How the baseline's state is handled.
        variant: How the variant's state is handled.
        fair: Whether both sides are handled alike.
    """

    baseline: StateHandling = "continuous"
    variant: StateHandling = "continuous"

    @computed_field  # type: ignore[prop-decorator]
    @property
    def fair(self) -> bool:
        return self.baseline == self.variant

    @property
    def label(self) -> str:
        """Text for a title or a table: "" if both sides are continuous, and UNFAIR first if they differ."""
        if not self.fair:
            return f"UNFAIR: baseline {self.baseline}, variant {self.variant}"
        return "" if self.baseline == "continuous" else f"both sides {self.baseline}"


_PROTOCOLS: dict[ProtocolName, ScoringProtocol] = {
    "continuous": ScoringProtocol(),
    "reset-per-chunk": ScoringProtocol(baseline="reset-per-chunk", variant="reset-per-chunk"),
    "baseline-reset-per-chunk": ScoringProtocol(baseline="reset-per-chunk"),
    "variant-reset-per-chunk": ScoringProtocol(variant="reset-per-chunk"),
}


def protocol_of(name: ProtocolName) -> ScoringProtocol:
    """Returns the protocol that a recipe names."""
    return _PROTOCOLS[name]


class ResetPerChunk:
    """A session whose state is zeroed before every step."""

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


def with_state_handling(state_handling: StateHandling, session: Session) -> Session:
    """Returns the session, or one that is reset before every chunk."""
    return session if state_handling == "continuous" else ResetPerChunk(session)
