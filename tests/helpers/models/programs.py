"""Programs that several tests need: exported once per test run, shared by its worker processes."""

import hashlib
import json
from pathlib import Path
from typing import Any

from workbench.recipe.options import OUTPUTS, Backend, Output, Scope, State
from workbench.recipe.stream_config import Implementations, StreamConfig
from workbench.storage.atomic import write_atomic
from workbench.storage.locks import exclusive

FASTEST_TO_LOWER = Implementations("grouped", toeplitz="block")


class ProgramFactory:
    """Exports each float program once; a second request, also by another worker, returns the same file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(
        self,
        stream: StreamConfig,
        state: State = "internal",
        implementations: Implementations = FASTEST_TO_LOWER,
        outputs: tuple[Output, ...] = OUTPUTS,
        scope: Scope = "whole",
        backend: Backend = "xnnpack",
    ) -> Path:
        """Returns the path of the program, exported now if no worker did so before."""
        from workbench.export.backends import EXPORTERS, file_name_for

        key = repr((stream, state, implementations, outputs, scope, backend))
        path = self._folder / hashlib.sha256(key.encode()).hexdigest()[:16] / file_name_for(backend)
        with exclusive(path.parent, wait=True):
            if not path.exists():
                from workbench.export.exporter import ExportInputs
                from workbench.export.host_frontend import host_file
                from workbench.export.metadata import HOST_SUFFIX
                from workbench.export.program_cache import write_program_notes
                from workbench.export.program_file import describe
                from workbench.model.streaming import StreamingPesto
                from workbench.model.upstream import load_upstream
                from workbench.progress import Progress
                from workbench.recipe import Quantization

                model = StreamingPesto(
                    load_upstream("mir-1k_g7", stream), stream, implementations, state, outputs, scope
                )
                inputs = ExportInputs(model, lambda: load_upstream("mir-1k_g7", stream), Quantization(), [], 0.5)
                if scope == "network":
                    write_atomic(path.with_suffix(HOST_SUFFIX), host_file(model))
                exported = EXPORTERS[backend].export(inputs, Progress())
                write_program_notes(path.parent, "", describe(exported, path.name, state))
                write_atomic(path, exported.content)
        return path

    def export(self, variant: Any, path: Path, *_: object) -> Any:
        """Stands in for the export of a float variant: copies the program of its stream, and returns its record."""
        from workbench.export.program_cache import NOTES_NAME
        from workbench.export.program_file import ProgramFile

        program = self(variant.stream, variant.recipe.state, Implementations())
        write_atomic(path, program.read_bytes())
        notes = json.loads(program.with_name(NOTES_NAME).read_bytes())
        return ProgramFile.model_validate(notes["program"])
