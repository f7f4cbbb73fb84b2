"""A prepared variant: what changes while it is used is an error and moves no fingerprint; which clips it gets."""

import shutil
from pathlib import Path

import pytest

from tests.helpers.project import LEAST_RECIPE, write_project
from workbench.audio.clip_catalog import ClipCatalog
from workbench.errors import AudioError, ChangedError
from workbench.model.checkpoint import checkpoint_path
from workbench.progress import Progress
from workbench.workflows.load_recipes import load_variants
from workbench.workflows.variant import prepare as preparing
from workbench.workflows.variant.fingerprint import SourceHashes
from workbench.workflows.variant.prepare import PreparedVariant, load_clips, prepare


@pytest.fixture
def variant(tmp_path: Path) -> PreparedVariant:
    """Of a checkpoint of the user, which is a copy of the packaged one."""
    shutil.copyfile(checkpoint_path("mir-1k_g7"), tmp_path / "own.ckpt")
    write_project(tmp_path, own=f"{LEAST_RECIPE}checkpoint: own.ckpt\n")
    (recipe,) = load_variants([tmp_path / "own.yaml"], ClipCatalog(tmp_path / "calib_audio"))
    return prepare(recipe)


def test_changes_during_use_are_errors(variant: PreparedVariant, tmp_path: Path) -> None:
    before = variant.program_fingerprint, variant.fingerprint
    variant.check_unchanged()
    with pytest.MonkeyPatch.context() as patched, pytest.raises(ChangedError, match="code changed"):
        patched.setattr(preparing, "source_hashes", lambda: SourceHashes("another", "another"))
        variant.check_unchanged()
    with (tmp_path / "own.ckpt").open("ab") as file:
        file.write(b"more")
    with pytest.raises(ChangedError, match=r"own\.ckpt: changed while it was used"):
        variant.check_unchanged()
    assert (variant.program_fingerprint, variant.fingerprint) == before, "of what was loaded"


def test_clips_are_those_of_the_recipe_or_the_audio_given(variant: PreparedVariant, tmp_path: Path) -> None:
    catalog = ClipCatalog(tmp_path / "calib_audio")
    (loaded,) = load_clips([variant], catalog, None, Progress())
    assert [clip.name for clip in loaded.calibration_clips] == ["synthetic/calibrate/tone"]
    assert [clip.name for clip in loaded.scored_clips] == ["synthetic/score/sung"]
    assert {clip.sample_rate_hz for clip in loaded.scored_clips} == {16_000}
    assert (variant.scored_clips, loaded.program_fingerprint) == ((), variant.program_fingerprint)
    take = shutil.copyfile(loaded.scored_clips[0].path, tmp_path / "take.wav")
    with pytest.raises(AudioError):  # the same bytes calibrate
        load_clips([variant], catalog, loaded.calibration_clips[0].path, Progress())
    (given,) = load_clips([variant], catalog, take, Progress())
    assert [clip.name for clip in given.scored_clips] == ["take"]
    assert given.fingerprint != loaded.fingerprint
