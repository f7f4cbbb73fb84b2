"""ONNX programs: what is in the file, and a state that the exporter folded into a constant.

Requires the extra `onnx`.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.models.programs import ProgramFactory
from workbench.errors import LoweringError, ProgramError
from workbench.export.metadata import metadata_of
from workbench.export.onnx import constant_state_inputs, finalize, inspect_onnx, to_onnx
from workbench.extras import ONNX
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.recipe.options import Output, State
from workbench.recipe.stream_config import Implementations, StreamConfig
from workbench.runtime.eager import UpstreamSession
from workbench.runtime.open_program import open_program
from workbench.runtime.session import run_chunks

pytestmark = pytest.mark.skipif(bool(ONNX.missing_hint()), reason=ONNX.missing_hint())
STREAM = StreamConfig(16_000, 320, 1, 0.0)
GROUPED = Implementations("grouped")
OUTPUTS: tuple[Output, ...] = ("pitch", "volume")
CHUNK = np.linspace(-1, 1, 320, dtype=np.float32)


def model_of(state: State) -> StreamingPesto:
    return StreamingPesto(load_upstream("mir-1k_g7", STREAM), STREAM, GROUPED, state, OUTPUTS)


@pytest.fixture(scope="module")
def explicit(program_for: ProgramFactory) -> Path:
    return program_for(STREAM, "explicit", GROUPED, OUTPUTS, backend="onnx")


@pytest.fixture(scope="module")
def frozen(program_for: ProgramFactory) -> Path:
    return program_for(STREAM, "frozen", GROUPED, OUTPUTS, backend="onnx")


def test_internal_state_is_refused(restated: StreamingPesto) -> None:
    with pytest.raises(LoweringError, match="expected state explicit or none, got internal"):
        to_onnx(restated)


@pytest.mark.slow
def test_exporting_again_gives_the_same_bytes(explicit: Path) -> None:
    assert to_onnx(model_of("explicit")) == explicit.read_bytes()


def test_operators_and_bytes_are_counted(explicit: Path) -> None:
    import onnx

    content = explicit.read_bytes()
    found, weights = inspect_onnx(content), model_of("explicit").state_dict().values()
    assert sum(found.graph_ops.values()) == len(onnx.load_from_string(content).graph.node)
    assert sum(found.bytes_by_kind.values()) == len(content)
    assert sum(found.bytes_by_part.values()) == found.bytes_by_kind["initializers"]
    assert sum(found.bytes_by_dtype.values()) == found.bytes_by_kind["initializers"]
    weight_bytes = sum(tensor.numel() * tensor.element_size() for tensor in weights)
    assert abs(found.bytes_by_dtype["float32"] - weight_bytes) < 0.01 * weight_bytes
    assert found.quantized_ops == {} and found.frozen == ()
    assert found.graph_ops["Conv"] == 7  # first, two prefilters, three narrow, confidence


def test_file_has_the_metadata_and_no_path(explicit: Path, tmp_path: Path) -> None:
    import onnx

    content = explicit.read_bytes()
    for word in (b".py", str(Path.cwd()).encode(), b"site-packages", b"stack_trace"):
        assert word not in content
    session = open_program(explicit)
    assert session.metadata.entries() == metadata_of(model_of("explicit"))
    frames = session.step(CHUNK)
    assert frames.absent == ("confidence",) and np.isnan(frames.confidence).all()
    without = onnx.load_from_string(content)
    del without.metadata_props[:]
    (tmp_path / "program.onnx").write_bytes(without.SerializeToString())
    with pytest.raises(ProgramError, match="no stream metadata"):
        open_program(tmp_path / "program.onnx")


def test_frozen_state_is_found_and_makes_calls_independent(frozen: Path, explicit: Path) -> None:
    assert inspect_onnx(frozen.read_bytes()).frozen == (f"ring: 1×{model_of('frozen').past_samples} zeros",)
    for path, is_frozen in ((frozen, True), (explicit, False)):
        session = open_program(path)
        volumes = [float(session.step(CHUNK).volume[0]) for _ in range(20)]
        assert (len(set(volumes)) == 1) == is_frozen


def test_frozen_state_must_be_what_the_recipe_requests(frozen: Path, explicit: Path) -> None:
    import onnx

    with pytest.raises(LoweringError, match="folded no state into a constant"):
        finalize(onnx.load(explicit), model_of("frozen"))
    with pytest.raises(LoweringError, match=r"into a constant \(ring: 1×\d+ zeros\)"):
        finalize(onnx.load(frozen), model_of("explicit"))


ZEROS, VALUES = (f"Constant <value = float[1,2] {{0, {last}}}> ()" for last in (0, 1))


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        (f"past = {ZEROS} y = Concat (past, audio)", "past: 1×2 zeros"),
        (f"past = {VALUES} y = Concat (past, audio)", "past: 1×2 values"),
        (f"past = {ZEROS} wide = Unsqueeze (audio, axes) y = Concat (past, wide)", "past: 1×2 zeros"),
        (f"past = {ZEROS} y = Concat (ring, audio)", ""),
        (f"past = {ZEROS} loud = Relu (audio) y = Concat (past, loud)", ""),
    ],
)
def test_only_a_constant_joined_with_the_audio_is_frozen_state(nodes: str, expected: str) -> None:
    from onnx.parser import parse_graph

    graph = parse_graph(f"g (float[1,3] audio, float[1,2] ring) => (float[1,5] y) {{ {nodes} }}")
    assert "".join(constant_state_inputs(graph)) == expected


@pytest.mark.slow
@pytest.mark.parametrize("mirror", [0.0, 1.0])
def test_at_48_khz_pitch_is_upstream_s(
    mirror: float, program_for: ProgramFactory, sing: Callable[[int, float], np.ndarray]
) -> None:
    stream, audio = StreamConfig(48_000, 960, 1, mirror), sing(48_000, 1.5)
    actual = run_chunks(open_program(program_for(stream, "explicit", backend="onnx")), audio)
    expected = run_chunks(UpstreamSession(load_upstream("mir-1k_g7", stream), stream), audio)
    voiced = expected.confidence > 0.5
    assert voiced.sum() > 40
    cents = 100 * np.abs(actual.pitch_semitones - expected.pitch_semitones)[voiced]
    assert np.percentile(cents, 95) <= 0.01
