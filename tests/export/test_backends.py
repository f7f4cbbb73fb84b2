"""The table of backends, what each requires, and a program that this machine cannot run."""

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.helpers.imports import imports_of_package
from tests.helpers.results import kept, lost, stored
from workbench.audit.compare import compare
from workbench.audit.pick import pick
from workbench.audit.tolerances import parse_tolerances
from workbench.audit.verdict import judge_result
from workbench.errors import LoweringError, NotInstalledError
from workbench.export import exporter
from workbench.export.backends import EXPORTERS
from workbench.export.executorch_targets import TARGETS
from workbench.export.program_file import PROGRAM_SUFFIXES, format_of
from workbench.recipe import Gate, Lowering
from workbench.recipe.options import Backend, ExecutorchBackend, State
from workbench.recipe.stream_config import StreamConfig
from workbench.report.html.page import report_html
from workbench.report.markdown import report_md

STREAM = StreamConfig(16_000, 320, 1, 1.0)
ELSEWHERE = "not run here: this runtime has no VulkanBackend; on a device, with ..."


def test_every_backend_of_a_recipe_has_an_exporter() -> None:
    assert set(EXPORTERS) == set(get_args(Backend)) == set(get_args(Lowering.model_fields["backend"].annotation))
    assert set(TARGETS) == set(get_args(ExecutorchBackend))


def test_every_format_has_a_suffix_and_a_session() -> None:
    from workbench.runtime.open_program import SESSIONS

    formats = {exporter.format for exporter in EXPORTERS.values()}
    assert formats == set(SESSIONS) == {format_of(f"program{suffix}") for suffix in PROGRAM_SUFFIXES}


def test_qualcomm_without_its_sdk_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QNN_SDK_ROOT", raising=False)
    with pytest.raises(NotInstalledError) as caught:
        TARGETS["qualcomm"].partitioners()
    assert str(caught.value) == (
        "lowering to qualcomm requires Qualcomm's AI Engine Direct SDK. It was not imported, because the import "
        "downloads the SDK under Qualcomm's terms; install it, set QNN_SDK_ROOT to its folder and run again"
    )
    assert not [name for name in sys.modules if name.startswith("executorch.backends.qualcomm")]


def test_folder_of_an_sdk_is_its_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("QNN_SDK_ROOT", raising=False)
    assert EXPORTERS["qualcomm"].extra.versions() == {}
    (tmp_path / "latest").symlink_to(tmp_path / "2.37.0")
    monkeypatch.setenv("QNN_SDK_ROOT", str(tmp_path / "latest"))
    assert EXPORTERS["qualcomm"].extra.versions() == {"QNN_SDK_ROOT": "2.37.0"}


def test_missing_module_names_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "find_spec", lambda name: None)
    for name, modules in (("openvino", "openvino, nncf"), ("arm", "tosa_serializer"), ("coreml", "coremltools")):
        assert EXPORTERS[name].extra.missing_hint() == f"{modules} not installed: pip install 'pesto-workbench[{name}]'"
    assert EXPORTERS["xnnpack"].extra.missing_hint() == ""


def test_optional_packages_are_imported_only_when_used() -> None:
    backends = tuple(f"executorch.backends.{name}" for name in ("apple", "arm", "openvino", "qualcomm", "vulkan"))
    optional = (*backends, "coremltools", "openvino", "tosa_serializer", "onnx.", "onnxruntime")
    for module, names in imports_of_package(top_level_only=True).items():
        assert not [name for name in names if name.startswith(optional)], module


def test_portable_delegates_nothing() -> None:
    assert TARGETS["portable"].partitioners() == []


def elsewhere(*gates: Gate) -> Any:
    """The record of a program that only another machine can run."""
    record = lost(stored(), ELSEWHERE).model_copy(update={"program": stored().program, "not_run_here": ELSEWHERE})
    nulls = {name: why for name, why in record.null_reasons.items() if name != "program"}
    return judge_result(record.model_copy(update={"null_reasons": nulls}), gates, 100)


class TestVerdict:
    def test_it_is_inconclusive_with_the_command_once(self) -> None:
        record = elsewhere(Gate("deviation.pitch.p95_cents", "<=", 0.01), Gate("speed.speedup_low", ">=", 2))
        assert (record.verdict, record.reasons) == ("inconclusive", (ELSEWHERE,))

    def test_what_is_known_of_it_can_fail(self) -> None:
        record = elsewhere(Gate("program.bytes", "<=", 1))
        assert record.verdict == "fail"
        assert record.reasons == ("program.bytes is 6499692 (limit <= 1)", ELSEWHERE)


class TestReaders:
    """Who reads records copes with one that has a program and no figure."""

    def test_it_is_never_picked(self) -> None:
        choice = pick([kept(elsewhere()), kept(stored("int8-mixed"), "outputs/other")], "smallest")
        assert choice.winner is not None and choice.winner.name == "int8-mixed"
        (rejected,) = choice.rejected
        assert (rejected.name, rejected.verdict, rejected.reasons) == ("float-xnnpack", "inconclusive", (ELSEWHERE,))

    def test_what_was_measured_before_is_undecided_now(self) -> None:
        comparison = compare([kept(stored())], [kept(elsewhere())], parse_tolerances(()))
        assert comparison.verdict == "inconclusive"
        assert any(ELSEWHERE in line for pair in comparison.pairs for line in pair.undecided)

    def test_the_report_shows_its_bytes_and_why_there_is_no_contour(self) -> None:
        page = report_html([kept(elsewhere())])
        assert "6,499,692" in page and f"Nothing was compared: {ELSEWHERE}" in page
        assert ELSEWHERE in report_md([kept(elsewhere())], ["float-xnnpack"], Path("report.html"))


@pytest.fixture(scope="module")
def lowered_to() -> Callable[[ExecutorchBackend, State], Any]:
    """Lowers a stream with the implementations of float-xnnpack."""
    from workbench.export.executorch import lower
    from workbench.model.streaming import StreamingPesto
    from workbench.model.upstream import load_upstream
    from workbench.recipe.stream_config import Implementations

    upstream = load_upstream("mir-1k_g7", STREAM)

    def to(backend: ExecutorchBackend, state: State) -> Any:
        return lower(StreamingPesto(upstream, STREAM, Implementations("grouped", "fourier", "block"), state), backend)

    return to


@pytest.mark.slow
@pytest.mark.skipif(find_spec("openvino") is None, reason="the extra openvino is not installed")
def test_openvino_with_internal_state_is_refused(
    lowered_to: Callable[[ExecutorchBackend, State], Any],
) -> None:
    with pytest.raises(LoweringError) as caught:
        lowered_to("openvino", "internal")
    assert str(caught.value) == (
        "lowering to openvino takes the streaming state (ring) out of the program, which would forget all audio "
        "between calls; leave it to the host (state: explicit), or use another backend"
    )
