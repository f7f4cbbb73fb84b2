"""The folder of clips: names, roles, rendering on demand, and the user's recordings."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import soundfile

from workbench.audio import ClipCatalog, check_disjoint, read_clip, rendered_files
from workbench.audio.clip_catalog import check_unique_file_names
from workbench.errors import AudioError
from workbench.storage.cache_folder import CACHE_VARIABLE

MANIFEST = """
calibrate:
  - {name: tone, kind: tones, notes: [57], note_s: 0.5, gap_s: 0.1, harmonics: 3, level_dbfs: -20}
score:
  - {name: sine, kind: tones, notes: [69, 81], note_s: 0.3, gap_s: 0.1, harmonics: 1, level_dbfs: -40}
  - {name: silence, kind: silence, duration_s: 0.25}
"""
TONE, SINE, SILENCE = SYNTHETIC = ("synthetic/calibrate/tone", "synthetic/score/sine", "synthetic/score/silence")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "manifest.yaml").write_text(MANIFEST)
    return tmp_path


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of clips."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "clips"


def record(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).uniform(-0.1, 0.1, 800), 8000)
    return path


def rendered(root: Path) -> list[str]:
    """Renders what is missing; returns the names of the clips that were rendered."""
    names: list[str] = []
    ClipCatalog(root).render(names.append)
    return names


def test_recordings_are_found_by_folder(root: Path, clips: Path) -> None:
    record(root / "sung" / "verse.wav")
    record(root / "sung" / "calibrate" / "scales.flac")
    (root / "sung" / "verse.csv").write_text("0,220\n0.01,0\n")
    (root / "sung" / ".gitkeep").touch()
    catalog = ClipCatalog(root)
    assert catalog.clips() == (*SYNTHETIC, "sung/calibrate/scales", "sung/verse")
    assert catalog.match(["sung/*"]) == ["sung/verse"]
    assert catalog.match(["*/calibrate/*"]) == [TONE, "sung/calibrate/scales"]
    assert catalog.match(["sung/verse", "synthetic/score/si*", "sung/v*", "absent/*"]) == [SINE, SILENCE, "sung/verse"]
    clip = catalog.read("sung/verse", 16_000)
    assert (clip.name, clip.sample_rate_hz, clip.source_rate_hz) == ("sung/verse", 16_000, 8000)
    assert clip.f0 is not None
    assert not clips.exists()
    with pytest.raises(AudioError, match="use one in synthetic/calibrate, synthetic/score, sung/calibrate, sung"):
        catalog.read("sung/absent", 48_000)


def test_recordings_without_a_manifest_join_the_shipped_clips(tmp_path: Path) -> None:
    record(tmp_path / "sung" / "verse.wav")
    names = ClipCatalog(tmp_path).clips()
    assert names[-1] == "sung/verse" and "synthetic/score/phrase-tenor" in names
    with pytest.raises(AudioError, match=r"^nowhere: has neither manifest.yaml nor sung/; put your recordings into"):
        ClipCatalog(Path("nowhere"))


def test_rendered_clips_have_the_annotated_f0(root: Path, clips: Path) -> None:
    catalog = ClipCatalog(root)
    clip = catalog.read(SINE, 48_000)
    assert len(list(clips.iterdir())) == 1
    assert clip.f0 is not None
    np.testing.assert_allclose(clip.f0.times_s, np.arange(160) * 0.005, atol=1e-12)
    np.testing.assert_allclose(clip.f0.at([0.1, 0.15, 0.35, 0.5, 0.6]), [440, 440, 0, 880, 880], atol=1e-3)
    voiced = clip.f0.at(np.arange(len(clip.samples)) / 48_000) > 0
    assert 10 * np.log10(np.mean(clip.samples[voiced].astype(float) ** 2)) == pytest.approx(-40, abs=0.2)
    silence = catalog.read(SILENCE, 48_000).samples
    assert len(silence) == 12_000 and not silence.any()


def test_rendering_is_reproducible_and_done_once(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = []
    for _ in range(2):
        cache = tmp_path_factory.mktemp("cache")
        monkeypatch.setenv(CACHE_VARIABLE, str(cache))
        assert rendered(root) == list(SYNTHETIC)
        files = sorted(path.relative_to(cache) for path in cache.rglob("*.*"))
        contents.append({file: (cache / file).read_bytes() for file in files})
        assert rendered(root) == []
    assert contents[0] == contents[1]
    assert sorted(file.suffix for file in contents[0]) == 3 * [".csv"] + 3 * [".flac"]


@pytest.mark.parametrize(
    ("damaged", "content"), [(".flac", None), (".csv", None), (".flac", b"")], ids=["sound", "truth", "half-a-sound"]
)
def test_damaged_clip_is_rendered_again(root: Path, clips: Path, damaged: str, content: bytes | None) -> None:
    path = Path(ClipCatalog(root).read(TONE, 48_000).path)
    good = path.read_bytes()
    path.with_suffix(damaged).unlink()
    if content is not None:
        path.with_suffix(damaged).write_bytes(content)
    assert ClipCatalog(root).read(TONE, 48_000).f0 is not None
    assert path.read_bytes() == good


def test_only_an_edited_entry_is_rendered_again(root: Path, clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The earlier rendering stays: another project may have that entry."""
    rendered(root)
    (root / "manifest.yaml").write_text(MANIFEST.replace("[69, 81]", "[69, 82]"))
    assert rendered(root) == [SINE]
    f0 = ClipCatalog(root).read(SINE, 48_000).f0
    assert f0 is not None and f0.hz.max() == pytest.approx(440 * 2 ** (13 / 12), abs=1e-3)
    (root / "manifest.yaml").write_text(MANIFEST)
    assert rendered(root) == []
    monkeypatch.setattr("workbench.audio.rendered_files.SYNTH_VERSION", -1)
    assert rendered(root) == list(SYNTHETIC)


def test_clip_that_another_process_rendered_is_not_rendered(
    root: Path, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While this process waits for the clip's folder, another one renders the clip."""
    exclusive = rendered_files.exclusive

    @contextmanager
    def locked(folder: Path, wait: bool) -> Iterator[None]:
        monkeypatch.setattr(rendered_files, "exclusive", exclusive)
        assert rendered(root)[0] == TONE
        with exclusive(folder, wait):
            yield

    monkeypatch.setattr(rendered_files, "exclusive", locked)
    again: list[str] = []
    ClipCatalog(root).render(again.append)
    assert again == []


@pytest.mark.parametrize(
    ("refused_by", "advice"),
    [
        (OSError(errno.ENOSPC, "full"), "free some space on its disk"),
        (OSError(errno.EACCES, "no"), "check the folder's permissions"),
    ],
    ids=["full", "refused"],
)
def test_cache_that_cannot_be_written_raises(
    root: Path, clips: Path, monkeypatch: pytest.MonkeyPatch, refused_by: OSError, advice: str
) -> None:
    monkeypatch.setattr(rendered_files, "write_atomic", Mock(side_effect=refused_by))
    advice += ", or set WORKBENCH_CACHE to another folder"
    with pytest.raises(AudioError, match=f"^{clips}/.*/tone.flac: cannot be written .*; {advice}"):
        ClipCatalog(root).render()
    assert list(clips.iterdir()) == []


def test_check_disjoint_compares_names_and_samples(tmp_path: Path) -> None:
    a, c = (read_clip(record(tmp_path / f"{name}.wav", seed), 8000, name) for seed, name in enumerate("ac"))
    check_disjoint([a], [c])
    with pytest.raises(AudioError, match="share a;"):
        check_disjoint([a], [read_clip(tmp_path / "c.wav", 8000, "a")])
    samples, rate_hz = soundfile.read(tmp_path / "a.wav")
    soundfile.write(tmp_path / "copy.flac", samples, rate_hz)
    with pytest.raises(AudioError, match=r"copy \(the same as a\)"):
        check_disjoint([a], [c, read_clip(tmp_path / "copy.flac", 8000, "copy")])


def test_clips_with_the_same_file_names_raise(tmp_path: Path) -> None:
    sound = record(tmp_path / "a.wav", 1)
    first, second = read_clip(sound, 8000, "sung/calibrate/x"), read_clip(sound, 8000, "sung/calibrate-x")
    check_unique_file_names([first, first])
    with pytest.raises(AudioError, match=r"sung/calibrate-x: .* as those of sung/calibrate/x"):
        check_unique_file_names([first, second])
