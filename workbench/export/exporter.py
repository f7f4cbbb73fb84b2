"""What every backend implements: from a model and its calibration audio to a program in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from torch import Tensor

from workbench.export.program_file import ExportedProgram, ProgramFormat
from workbench.extras import Extra
from workbench.model.streaming import StreamingPesto
from workbench.progress import Progress
from workbench.recipe import Quantization
from workbench.recipe.options import DEFAULT_SEGMENT_ALIGNMENT, InitialState, SegmentAlignment

if TYPE_CHECKING:
    from workbench.model.upstream import PESTO


@dataclass(frozen=True)
class ExportInputs:
    """The inputs of an export.

    `model` may be quantized in place. `load_upstream` loads upstream's unmodified streaming model, which TorchScript
    exports instead. `clips` are the calibration audio, (n,) float32 each at the stream's rate. Two calibrations are
    compared in frames whose confidence is at least `voiced_confidence`. `confidence_threshold` becomes an entry of the
    metadata. `initial_state` says where the zeros of an internal state are stored, and `segment_alignment` at which
    multiples of bytes the parts of a `.pte` start.
    """

    model: StreamingPesto
    load_upstream: Callable[[], "PESTO"]
    rules: Quantization
    clips: Sequence[Tensor]
    voiced_confidence: float
    confidence_threshold: float | None = None
    initial_state: InitialState = "each-method"
    segment_alignment: SegmentAlignment = DEFAULT_SEGMENT_ALIGNMENT


class Exporter(Protocol):
    """One backend. `run_instructions` says where and how a program runs that this machine cannot run."""

    @property
    def format(self) -> ProgramFormat: ...

    @property
    def extra(self) -> Extra: ...

    @property
    def run_instructions(self) -> str: ...

    def export(self, inputs: ExportInputs, progress: Progress) -> ExportedProgram:
        """Quantizes the model as its rules request, and exports it.

        Raises:
            NotInstalledError: An SDK that the backend requires is missing; `extra` is checked by the caller.
            LoweringError: A stage of the toolchain fails, or the program is not what the recipe requests.
        """
        ...
