"""ONNX programs: what is in the file, and a state that the exporter folded into a constant.

Requires the extra `onnx`.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.programs import ProgramFactory
from workbench.errors import LoweringError, ProgramError
from workbench.export.metadata import METADATA_KEY, metadata_of
from workbench.export.onnx import ONNX_EXTRA, constant_state_inputs, finalize, inspect_onnx, to_onnx
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.recipe.options import State
from workbench.recipe.stream_config import Implementations, StreamConfig
from workbench.runtime.eager import UpstreamSession
from workbench.runtime.open_program import open_program
from workbench.runtime.session import chunks, run_chunks

pytestmark = pytest.mark.skipif(bool(ONNX_EXTRA.missing_hint()), reason=ONNX_EXTRA.missing_hint())
STREAM = StreamConfig(16_000, 320, 1, 0.0)
Sing = Callable[[int, float], np.ndarray]


def model_of(state: State) -> StreamingPesto:
    return StreamingPesto(
        load_upstream("mir-1k_g7", STREAM), STREAM, Implementations("grouped"), state, ("pitch", "volume")
    )


@pytest.fixture(scope="module")
def explicit() -> bytes:
    return to_onnx(model_of("explicit"))


@pytest.fixture(scope="module")
def frozen() -> bytes:
    return to_onnx(model_of("frozen"))


def test_internal_state_is_refused(restated: StreamingPesto) -> None:
    with pytest.raises(LoweringError, match="expected state explicit or none, got internal"):
        to_onnx(restated)


@pytest.mark.slow
def test_exporting_again_gives_the_same_bytes(explicit: bytes) -> None:
    assert to_onnx(model_of("explicit")) == explicit


def test_file_has_no_path_of_this_machine(explicit: bytes) -> None:
    for word in (b".py", str(Path.cwd()).encode(), b"site-packages", b"stack_trace"):
        assert word not in explicit


def test_operators_and_bytes_are_counted(explicit: bytes) -> None:
    import onnx

    found = inspect_onnx(explicit)
    weights = sum(tensor.numel() * tensor.element_size() for tensor in model_of("explicit").state_dict().values())
    graph = onnx.load_from_string(explicit).graph
    assert sum(found.graph_ops.values()) == len(graph.node)
    assert sum(found.bytes_by_kind.values()) == len(explicit)
    assert (
        sum(found.bytes_by_part.values()) == sum(found.bytes_by_dtype.values()) == found.bytes_by_kind["initializers"]
    )
    assert abs(found.bytes_by_dtype["float32"] - weights) < 0.01 * weights
    assert found.quantized_ops == {} and found.frozen == ()
    assert found.graph_ops["Conv"] == 7  # first, two prefilters, three narrow, confidence


def test_versions_of_the_toolchain_are_recorded() -> None:
    assert set(ONNX_EXTRA.versions()) == {"onnx", "onnxscript", "onnx_ir", "onnxruntime"}


def test_outputs_not_requested_are_absent(explicit: bytes, tmp_path: Path) -> None:
    session = open_program(written(explicit, tmp_path))
    frames = session.step(np.zeros(320, np.float32))
    assert frames.absent == ("confidence",) and np.isnan(frames.confidence).all()


def written(content: bytes, folder: Path) -> Path:
    path = folder / "program.onnx"
    path.write_bytes(content)
    return path


def test_frozen_state_is_found_in_the_graph(frozen: bytes) -> None:
    past = model_of("frozen").past_samples
    assert inspect_onnx(frozen).frozen == (f"ring: 1×{past} zeros",)


def test_frozen_state_makes_calls_independent(frozen: bytes, explicit: bytes, tmp_path: Path, sing: Sing) -> None:
    rows = list(chunks(sing(16_000, 1.0), STREAM))
    (tmp_path / "a").mkdir()
    for content, is_frozen in ((frozen, True), (explicit, False)):
        session = open_program(written(content, tmp_path / "a"))
        first = session.step(rows[-1])
        for row in rows[:-1]:
            session.step(row)
        later = session.step(rows[-1])
        assert np.array_equal(later.volume, first.volume) == is_frozen


def graph_of(*nodes: object, constants: dict[str, np.ndarray] | None = None) -> object:
    from onnx import TensorProto, helper, numpy_helper

    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("audio", "ring")]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    tensors = [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()]
    return helper.make_graph(list(nodes), "g", inputs, outputs, tensors)


def test_only_a_constant_joined_with_the_audio_is_frozen_state() -> None:
    from onnx import helper, numpy_helper

    zeros = np.zeros((1, 7), np.float32)
    past = {"past": zeros}
    join = helper.make_node("Concat", ["past", "audio"], ["y"], axis=1)
    assert constant_state_inputs(graph_of(join, constants=past)) == ("past: 1×7 zeros",)
    assert constant_state_inputs(graph_of(join, constants={"past": zeros + 1})) == ("past: 1×7 values",)
    constant = helper.make_node("Constant", [], ["past"], value=numpy_helper.from_array(zeros))
    reshaped = helper.make_node("Unsqueeze", ["audio", "axes"], ["wide"])
    join_reshaped = helper.make_node("Concat", ["past", "wide"], ["y"], axis=1)
    assert constant_state_inputs(graph_of(constant, reshaped, join_reshaped)) == ("past: 1×7 zeros",)
    join_input = helper.make_node("Concat", ["ring", "audio"], ["y"], axis=1)
    assert constant_state_inputs(graph_of(join_input, constants=past)) == ()
    computed = helper.make_node("Relu", ["audio"], ["loud"])
    join_computed = helper.make_node("Concat", ["past", "loud"], ["y"], axis=1)
    assert constant_state_inputs(graph_of(computed, join_computed, constants=past)) == ()


def test_frozen_state_must_be_what_the_recipe_requests(frozen: bytes, explicit: bytes) -> None:
    import onnx

    model = model_of("explicit")
    with pytest.raises(LoweringError, match="folded no state into a constant"):
        finalize(onnx.load_from_string(explicit), model_of("frozen"))
    with pytest.raises(LoweringError, match=rf"into a constant \(ring: 1×{model.past_samples} zeros\)"):
        finalize(onnx.load_from_string(frozen), model)


def test_other_files_are_refused(tmp_path: Path, explicit: bytes) -> None:
    import onnx

    path = written(b"no", tmp_path)
    with pytest.raises(ProgramError, match=r"not a model that ONNX Runtime loads \([^\n]*$"):
        open_program(path)
    model = onnx.load_from_string(explicit)
    del model.metadata_props[:]
    with pytest.raises(ProgramError, match="no stream metadata"):
        open_program(written(model.SerializeToString(), tmp_path))


def test_file_has_the_metadata(explicit: bytes) -> None:
    import json

    import onnx

    (entry,) = onnx.load_from_string(explicit).metadata_props
    metadata = json.loads(entry.value)
    assert entry.key == METADATA_KEY
    assert metadata == metadata_of(model_of("explicit"))


@pytest.mark.slow
@pytest.mark.parametrize("mirror", [0.0, 1.0])
def test_at_48_khz_pitch_is_upstream_s(mirror: float, program_for: ProgramFactory, sing: Sing) -> None:
    stream = StreamConfig(48_000, 960, 1, mirror)
    audio = sing(48_000, 1.5)
    actual = run_chunks(open_program(program_for(stream, "explicit", backend="onnx")), audio)
    expected = run_chunks(UpstreamSession(load_upstream("mir-1k_g7", stream), stream), audio)
    voiced = expected.confidence > 0.5
    assert voiced.sum() > 40
    cents = 100 * np.abs(actual.pitch_semitones - expected.pitch_semitones)[voiced]
    assert np.percentile(cents, 95) <= 0.01
