"""Programs that several tests need: lowered once per test run, shared by its worker processes."""

import hashlib
from pathlib import Path

from workbench.recipe.options import OUTPUTS, Output, Scope, State
from workbench.recipe.stream_config import Implementations, StreamConfig
from workbench.storage.atomic import write_atomic
from workbench.storage.locks import exclusive

FASTEST_TO_LOWER = Implementations("grouped", toeplitz="block")


class ProgramFactory:
    """Lowers each float XNNPACK program once; a second request, also by another worker, returns the same file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(
        self,
        stream: StreamConfig,
        state: State = "internal",
        implementations: Implementations = FASTEST_TO_LOWER,
        outputs: tuple[Output, ...] = OUTPUTS,
        scope: Scope = "whole",
    ) -> Path:
        """Returns the path of the `.pte`, lowered now if no worker did so before."""
        key = repr((stream, state, implementations, outputs, scope))
        path = self._folder / hashlib.sha256(key.encode()).hexdigest()[:16] / "program.pte"
        with exclusive(path.parent, wait=True):
            if not path.exists():
                from workbench.export.executorch import lower
                from workbench.model.streaming import StreamingPesto
                from workbench.model.upstream import load_upstream

                model = StreamingPesto(
                    load_upstream("mir-1k_g7", stream), stream, implementations, state, outputs, scope
                )
                write_atomic(path, lower(model, "xnnpack").content)
        return path
