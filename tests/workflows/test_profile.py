"""A profile as a workflow: recipes that are refused; and, slow, what its command leaves of a real one."""

import json
from pathlib import Path
from unittest.mock import Mock

import pytest

from tests.helpers.project import LEAST_RECIPE, workbench
from workbench.export.toolchain.log import LOG_NAME
from workbench.records.profile import Profile
from workbench.workflows.profile import probes
from workbench.workflows.profile import run as profile
from workbench.workflows.variant import build
from workbench.workflows.variant.prepare import PreparedVariant


@pytest.mark.slow
def test_profile_of_a_real_program(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_unchanged = Mock()
    monkeypatch.setattr(PreparedVariant, "check_unchanged", check_unchanged)
    monkeypatch.setattr(build, "trial_run", lambda *_: 1.0)
    monkeypatch.setattr(probes, "_SIDES", (64,))
    monkeypatch.setattr(probes, "last_cache_bytes", lambda: 100_000)
    (project / "two.yaml").write_text(f"{LEAST_RECIPE.replace('mirror: 1', '')}matrix: {{mirror: [0, 1]}}\n")
    words = ("profile", "two.yaml", "--variant", "two@mirror=1", "--rounds", "3", "--out", "here")
    printed = workbench(*words, "--json")
    assert printed.exit_code == 0, printed.stderr
    assert check_unchanged.call_count == 2, "after the build, and after everything is timed"
    result = Profile.model_validate_json(Path("here/profile.json").read_bytes())
    assert json.loads(printed.stdout) == {"folder": "here", **json.loads(Path("here/profile.json").read_bytes())}
    assert result.layers is not None
    names = [layer.name for layer in result.layers]
    steps = ("norm", "first", "prefilter.0", "prefilter.1", "narrow", "toeplitz")
    assert [name for name in names if name in {f"encoder.{step}" for step in steps}] == [
        f"encoder.{step}" for step in steps
    ]
    assert {"frontend", "reduce", "confidence", "total"} < set(names)
    assert sum(layer.weight_bytes for layer in result.layers) <= sum(result.program.bytes_by_part.values())
    products = [each for each in result.operators if each.name.startswith(("Fully Connected", "Convolution"))]
    weighted = {"convolution", "linear", "addmm", "mm"}  # XNNPACK runs each as one product
    assert len(products) == sum(n for name, n in result.program.delegated_ops.items() if name in weighted)
    left = {path.name for path in Path("here").iterdir()} - {LOG_NAME}
    assert left == {"profile.json", "profile.png", "program.json", "program.pte"}
    assert Path("here/profile.png").read_bytes().startswith(b"\x89PNG")
    profiled = Mock(return_value=result)
    monkeypatch.setattr(profile, "profile", profiled)
    assert workbench(*words).stdout.startswith("two@mirror=1: 16000 Hz, ")
    assert profiled.call_args.args[0].recipe.mirror == 1
