"""ONNX programs: what is in the file, and a memory that the exporter froze, found in the graph and heard in the frames.

Wants the extra `onnx`.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from workbench.errors import LoweringError, ProgramError
from workbench.export.metadata import HOST_SUFFIX, METADATA_KEY
from workbench.export.onnx import ONNX_EXTRA, finalize, to_onnx
from workbench.export.onnx_inspect import constant_state_inputs, inspect_onnx
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
    with pytest.raises(LoweringError) as caught:
        to_onnx(restated)
    assert str(caught.value) == "ONNX keeps no state between calls; expected state explicit or none, got internal"


@pytest.mark.slow
def test_the_file_is_the_same_each_time(explicit: bytes) -> None:
    assert to_onnx(model_of("explicit")) == explicit


def test_the_file_names_no_path(explicit: bytes) -> None:
    for word in (b".py", str(Path.cwd()).encode(), b"site-packages", b"stack_trace"):
        assert word not in explicit


def test_what_is_in_it(explicit: bytes) -> None:
    import onnx

    found = inspect_onnx(explicit)
    model = model_of("explicit")
    weights = sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())
    graph = onnx.load_from_string(explicit).graph
    assert sum(found.graph_ops.values()) == len(graph.node)
    assert sum(found.bytes_by_kind.values()) == len(explicit)
    assert (
        sum(found.bytes_by_part.values()) == sum(found.bytes_by_dtype.values()) == found.bytes_by_kind["initializers"]
    )
    assert abs(found.bytes_by_dtype["float32"] - weights) < 0.01 * weights
    assert found.quantized_ops == {} and found.frozen == ()
    assert found.graph_ops["Conv"] == 7  # first, two prefilters, three narrow, confidence


def test_a_program_depends_on_the_versions_of_its_toolchain() -> None:
    assert set(ONNX_EXTRA.versions()) == {"onnx", "onnxscript", "onnx_ir", "onnxruntime"}


def test_the_outputs_are_those_asked(explicit: bytes, tmp_path: Path) -> None:
    session = open_program(written(explicit, tmp_path))
    frames = session.step(np.zeros(320, np.float32))
    assert frames.absent == ("confidence",) and np.isnan(frames.confidence).all()


def written(content: bytes, folder: Path) -> Path:
    path = folder / "program.onnx"
    path.write_bytes(content)
    return path


# --- frozen


def test_a_frozen_memory_is_found_in_the_graph(frozen: bytes) -> None:
    past = model_of("frozen").past_samples
    assert inspect_onnx(frozen).frozen == (f"ring: 1×{past} zeros",)


def test_a_frozen_memory_is_heard(frozen: bytes, explicit: bytes, tmp_path: Path, sing: Sing) -> None:
    rows = list(chunks(sing(16_000, 1.0), STREAM))
    (tmp_path / "a").mkdir()
    for content, forgets in ((frozen, True), (explicit, False)):
        session = open_program(written(content, tmp_path / "a"))
        alone = session.step(rows[-1])
        for row in rows[:-1]:
            session.step(row)
        again = session.step(rows[-1])
        assert np.array_equal(again.volume, alone.volume) == forgets


def graph_of(*nodes: object, constants: dict[str, np.ndarray] | None = None) -> object:
    from onnx import TensorProto, helper, numpy_helper

    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("audio", "ring")]
    made = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    tensors = [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()]
    return helper.make_graph(list(nodes), "g", given, made, tensors)


def test_only_a_constant_beside_the_audio_is_a_frozen_memory() -> None:
    from onnx import helper, numpy_helper

    zeros = np.zeros((1, 7), np.float32)
    join = helper.make_node("Concat", ["past", "audio"], ["y"], axis=1)
    assert constant_state_inputs(graph_of(join, constants={"past": zeros})) == ("past: 1×7 zeros",)
    assert constant_state_inputs(graph_of(join, constants={"past": zeros + 1})) == ("past: 1×7 values",)
    written_in = helper.make_node("Constant", [], ["past"], value=numpy_helper.from_array(zeros))
    reshaped = helper.make_node("Unsqueeze", ["audio", "axes"], ["wide"])
    late = helper.make_node("Concat", ["past", "wide"], ["y"], axis=1)
    assert constant_state_inputs(graph_of(written_in, reshaped, late)) == ("past: 1×7 zeros",)
    comes_in = helper.make_node("Concat", ["ring", "audio"], ["y"], axis=1)
    assert constant_state_inputs(graph_of(comes_in, constants={"past": zeros})) == ()
    computed = helper.make_node("Relu", ["audio"], ["loud"])
    elsewhere = helper.make_node("Concat", ["past", "loud"], ["y"], axis=1)
    assert constant_state_inputs(graph_of(computed, elsewhere, constants={"past": zeros})) == ()


def test_a_memory_frozen_against_the_recipe_is_an_error(frozen: bytes, explicit: bytes) -> None:
    import onnx

    model = model_of("explicit")
    with pytest.raises(LoweringError) as caught:
        finalize(onnx.load_from_string(explicit), model_of("frozen"))
    assert str(caught.value) == (
        "exporting to ONNX folded no state into a constant, as state: frozen expects; use explicit"
    )
    with pytest.raises(LoweringError) as caught:
        finalize(onnx.load_from_string(frozen), model)
    assert str(caught.value) == (
        f"exporting to ONNX folded the streaming state into a constant (ring: 1×{model.past_samples} zeros)"
    )


# --- files


def test_files_that_are_something_else(tmp_path: Path, explicit: bytes) -> None:
    import onnx

    path = written(b"no", tmp_path)
    with pytest.raises(ProgramError) as caught:
        open_program(path)
    assert str(caught.value).startswith(f"{path}: not a model that ONNX Runtime loads (")
    assert "\n" not in str(caught.value)
    model = onnx.load_from_string(explicit)
    del model.metadata_props[:]
    with pytest.raises(ProgramError) as caught:
        open_program(written(model.SerializeToString(), tmp_path))
    assert "no stream metadata" in str(caught.value)


def test_the_file_carries_what_a_pte_tells(explicit: bytes) -> None:
    import json

    import onnx

    (entry,) = onnx.load_from_string(explicit).metadata_props
    told = json.loads(entry.value)
    assert entry.key == METADATA_KEY
    assert (told["state"], told["outputs"], told["hop_samples"], told["workbench_format"]) == (
        "explicit",
        "pitch,volume",
        320,
        3,
    )
    assert HOST_SUFFIX == ".npz" and "scope" not in told


@pytest.mark.slow
@pytest.mark.parametrize("mirror", [0.0, 1.0])
def test_at_48_khz_it_is_upstream_s_pitch_and_a_reset_is_a_fresh_session(
    mirror: float, tmp_path: Path, sing: Sing
) -> None:
    stream = StreamConfig(48_000, 960, 1, mirror)
    upstream = load_upstream("mir-1k_g7", stream)
    program = written(to_onnx(StreamingPesto(upstream, stream, Implementations("grouped"), "explicit")), tmp_path)
    audio = sing(48_000, 1.5)
    session = open_program(program)
    first = run_chunks(session, audio, [1])
    assert len(session.step(audio[:960])) == 1  # a memory that is not empty
    session.reset()
    for again in (run_chunks(session, audio, [1]), run_chunks(open_program(program), audio, [1])):
        for what in ("pitch_semitones", "confidence", "volume"):
            assert_array_equal(getattr(again, what), getattr(first, what))
    eager = run_chunks(UpstreamSession(load_upstream("mir-1k_g7", stream), stream), audio, [1])
    sung = eager.confidence > 0.5
    assert sung.sum() > 40
    cents = 100 * np.abs(first.pitch_semitones - eager.pitch_semitones)[sung]
    assert np.percentile(cents, 95) <= 0.01
