"""A student in every kind of program: what the program returns is what the restated student returns."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.helpers.models.students import new_student
from tests.helpers.sessions import RestatedSession
from workbench.export.backends import EXPORTERS, file_name_for
from workbench.export.exporter import ExportInputs
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.progress import Progress
from workbench.recipe import Quantization
from workbench.recipe.options import Backend, State
from workbench.recipe.stream_config import StreamConfig
from workbench.runtime.open_program import open_program
from workbench.runtime.session import run_chunks

ONE = {"sample_rate_hz": 16_000, "hop_samples": 320, "frames_per_chunk": 1, "mirror": 1.0}
PROGRAMS: dict[str, tuple[Backend, State, dict[str, int], dict[str, str]]] = {
    "float-dynamic-sizes": ("xnnpack", "internal", {"max_frames_per_chunk": 4}, {}),
    "int8-weights-explicit-streams": ("xnnpack", "explicit", {"streams": 2}, {"encoder": "int8-weights"}),
    "int8-dynamic": ("xnnpack", "internal", {}, {"encoder": "int8-dynamic"}),
    "int8-static": ("xnnpack", "internal", {}, {"encoder": "int8-static"}),
    "onnx": ("onnx", "explicit", {}, {}),
    "onnx-int8-static": ("onnx", "explicit", {}, {"encoder": "int8-static"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_return_what_the_student_returns(
    name: str, tmp_path: Path, sing: Callable[[int, float], np.ndarray]
) -> None:
    backend, state, sizes, parts = PROGRAMS[name]
    if backend == "onnx":
        pytest.importorskip("onnxruntime")
    stream = StreamConfig(**{**ONE, **sizes})

    def model_of(state: State) -> StreamingPesto:
        return StreamingPesto(load_upstream("mir-1k_g7", stream), stream, state=state, student=new_student())

    audio = sing(16_000, 1.5)
    rules = Quantization.model_validate({"parts": parts, "leaky_relu": "int8" if backend == "onnx" else "float"})
    inputs = ExportInputs(
        model_of(state), lambda: load_upstream("mir-1k_g7", stream), rules, [torch.from_numpy(audio)], 0.5
    )
    path = tmp_path / file_name_for(backend)
    path.write_bytes(EXPORTERS[backend].export(inputs, Progress()).content)
    played = np.stack([audio, audio[::-1]][: stream.streams]) if stream.streams > 1 else audio
    found, expected = (run_chunks(side, played) for side in (open_program(path), RestatedSession(model_of("internal"))))
    cents = 100 * np.abs(found.pitch_semitones - expected.pitch_semitones)
    assert np.allclose(found.confidence, expected.confidence, atol=1e-4)
    assert np.percentile(cents, 95) < (60 if parts else 0.01)
