"""What a job is made from: hashed before it is used, and held against what is there when its results are kept."""

import shutil
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.model.checkpoint import checkpoint_path
from workbench.recipe import KnownNames, load_recipes
from workbench.workflows.variant import prepare as jobs
from workbench.workflows.variant.prepare import PreparedVariant, prepare


@pytest.fixture
def job(tmp_path: Path) -> PreparedVariant:
    """Of a checkpoint of the user's own, which is the packaged one."""
    shutil.copyfile(checkpoint_path("mir-1k_g7"), tmp_path / "own.ckpt")
    (tmp_path / "r.yaml").write_text(
        "description: A test\nsample_rate_hz: 16000\nchunk_samples: 320\nmirror: 1\ncheckpoint: own.ckpt\n"
    )
    (recipe,) = load_recipes([tmp_path / "r.yaml"], KnownNames((), ("a",), (), ()))
    return prepare(recipe)


def test_what_changes_while_it_is_used_is_told_and_moves_no_fingerprint(
    job: PreparedVariant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = job.program_fingerprint, job.fingerprint
    job.check_unchanged()
    with monkeypatch.context() as patched, pytest.raises(WorkbenchError) as caught:
        patched.setattr(jobs, "code_sha256", lambda: "another")
        job.check_unchanged()
    assert str(caught.value) == "the workbench's own code changed while it was used; run again"
    with (tmp_path / "own.ckpt").open("ab") as file:
        file.write(b"more")
    with pytest.raises(WorkbenchError) as caught:
        job.check_unchanged()
    assert str(caught.value) == f"{tmp_path / 'own.ckpt'}: changed while it was used; run again"
    assert (job.program_fingerprint, job.fingerprint) == before  # of what was loaded


def test_times_are_of_one_machine_and_a_program_is_not(job: PreparedVariant, monkeypatch: pytest.MonkeyPatch) -> None:
    program, figures = job.program_fingerprint, job.fingerprint
    for name, value in (("cpu", "another"), ("os.cpu_count", 1000)):
        with monkeypatch.context() as patched:
            patched.setattr(f"workbench.workflows.variant.prepare.{name}", lambda value=value: value)
            assert job.program_fingerprint == program
            assert job.fingerprint != figures
