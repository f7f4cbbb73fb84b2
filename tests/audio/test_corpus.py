"""The folder of clips: names, roles, rendering on demand, and the user's recordings."""

import errno
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from workbench.audio import Corpus, check_disjoint, read_clip
from workbench.audio.corpus import check_unique_file_names
from workbench.errors import AudioError

MANIFEST = """
calibrate:
  - {name: tone, kind: tones, notes: [57], note_s: 0.5, gap_s: 0.1, harmonics: 3, level_dbfs: -20}
score:
  - {name: sine, kind: tones, notes: [69, 81], note_s: 0.3, gap_s: 0.1, harmonics: 1, level_dbfs: -40}
  - {name: silence, kind: silence, duration_s: 0.25}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "manifest.yaml").write_text(MANIFEST)
    return tmp_path


def record(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).uniform(-0.1, 0.1, 800), 8000)
    return path


def test_names_need_no_rendering(root: Path) -> None:
    corpus = Corpus(root)
    assert corpus.clips() == ("synthetic/calibrate/tone", "synthetic/score/sine", "synthetic/score/silence")
    assert corpus.folders() == ("synthetic/calibrate", "synthetic/score", "sung/calibrate", "sung")
    assert not (root / "synthetic").exists()


def test_recordings_are_found_by_folder(root: Path) -> None:
    record(root / "sung" / "verse.wav")
    record(root / "sung" / "calibrate" / "scales.flac")
    (root / "sung" / "verse.csv").write_text("0,220\n0.01,0\n")
    (root / "sung" / ".gitkeep").touch()
    corpus = Corpus(root)
    assert corpus.clips()[3:] == ("sung/calibrate/scales", "sung/verse")
    assert corpus.match(["sung/*"]) == ["sung/verse"]
    assert corpus.match(["*/calibrate/*"]) == ["synthetic/calibrate/tone", "sung/calibrate/scales"]
    assert corpus.match(["sung/verse", "synthetic/score/si*", "sung/v*", "absent/*"]) == [
        "synthetic/score/sine",
        "synthetic/score/silence",
        "sung/verse",
    ]
    clip = corpus.read("sung/verse", 16_000)
    assert (clip.name, clip.sample_rate_hz, clip.source_rate_hz) == ("sung/verse", 16_000, 8000)
    assert clip.f0 is not None


def test_rendered_clips_have_the_annotated_f0(root: Path) -> None:
    corpus, rendered_names = Corpus(root), []
    corpus.render(rendered_names.append)
    assert rendered_names == list(corpus.clips())
    assert not list(root.rglob("*.part"))

    clip = corpus.read("synthetic/score/sine", 48_000)
    assert clip.f0 is not None
    np.testing.assert_allclose(clip.f0.times_s, np.arange(160) * 0.005, atol=1e-12)
    np.testing.assert_allclose(clip.f0.at([0.1, 0.15, 0.35, 0.5, 0.6]), [440, 440, 0, 880, 880], atol=1e-3)
    voiced = clip.f0.at(np.arange(len(clip.samples)) / 48_000) > 0
    assert 10 * np.log10(np.mean(clip.samples[voiced].astype(float) ** 2)) == pytest.approx(-40, abs=0.2)

    silence = corpus.read("synthetic/score/silence", 48_000)
    assert len(silence.samples) == 12_000
    assert not silence.samples.any()


def test_rendering_is_reproducible_and_done_once(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    corpus, other = Corpus(root), tmp_path_factory.mktemp("other")
    (other / "manifest.yaml").write_text(MANIFEST)
    corpus.render()
    Corpus(other).render()
    files = sorted(p.relative_to(root) for p in (root / "synthetic").rglob("*") if p.is_file())
    assert len(files) == 6
    assert [(root / f).read_bytes() for f in files] == [(other / f).read_bytes() for f in files]
    rendered_names: list[str] = []
    corpus.render(rendered_names.append)
    assert rendered_names == []


def test_read_renders_a_missing_clip(root: Path) -> None:
    clip = Corpus(root).read("synthetic/calibrate/tone", 16_000)
    assert len(clip.samples) == 9600
    assert not (root / "synthetic" / "score").exists()


@pytest.mark.parametrize("spoil", ["sound", "truth", "half a sound"])
def test_damaged_clip_is_rendered_again(root: Path, spoil: str) -> None:
    name = "synthetic/calibrate/tone"
    path = Path(Corpus(root).read(name, 48_000).path)
    good = path.read_bytes()
    if spoil == "half a sound":
        path.write_bytes(b"")
    else:
        (path if spoil == "sound" else path.with_suffix(".csv")).unlink()
    clip = Corpus(root).read(name, 48_000)
    assert clip.f0 is not None
    assert path.read_bytes() == good


def test_only_an_edited_entry_is_rendered_again(root: Path) -> None:
    Corpus(root).render()
    (root / "manifest.yaml").write_text(MANIFEST.replace("[69, 81]", "[69, 82]"))
    rendered_names: list[str] = []
    corpus = Corpus(root)
    corpus.render(rendered_names.append)
    assert rendered_names == ["synthetic/score/sine"]
    clip = corpus.read("synthetic/score/sine", 48_000)
    assert clip.f0 is not None
    assert clip.f0.hz.max() == pytest.approx(440 * 2 ** (13 / 12), abs=1e-3)


def test_new_synth_version_renders_all_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Corpus(root).render()
    monkeypatch.setattr("workbench.audio.corpus.SYNTH_VERSION", -1)
    rendered_names: list[str] = []
    Corpus(root).render(rendered_names.append)
    assert rendered_names == list(Corpus(root).clips())


def test_parallel_reads_return_the_same_clips(root: Path) -> None:
    def read_all(_: int) -> list[str]:
        corpus = Corpus(root)
        return [corpus.read(name, 48_000).sha256 for name in corpus.clips()]

    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(read_all, range(4)))
    assert all(hashes == seen[0] for hashes in seen)
    assert not list(root.rglob("*.part"))


def test_unknown_clip_raises(root: Path) -> None:
    with pytest.raises(AudioError, match="use one in synthetic/calibrate, synthetic/score, sung/calibrate, sung"):
        Corpus(root).read("sung/absent", 48_000)


def test_folder_that_cannot_be_written_raises(root: Path) -> None:
    (root / "synthetic").write_text("a file where the folder should be")
    with pytest.raises(AudioError, match=f"{root}/synthetic: cannot be written .*; check the folder's permissions"):
        Corpus(root).render()


@pytest.mark.parametrize("refused_by", ["write_atomic", "exclusive"])
def test_full_disk_raises(root: Path, monkeypatch: pytest.MonkeyPatch, refused_by: str) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(f"workbench.audio.corpus.{refused_by}", full)
    with pytest.raises(AudioError, match=f"^{root}/synthetic.*No space left on device.*; free some space on its disk"):
        Corpus(root).render()


def test_check_disjoint_compares_names_and_samples(tmp_path: Path) -> None:
    a, c = (read_clip(record(tmp_path / f"{name}.wav", seed), 8000, name) for seed, name in enumerate("ac"))
    check_disjoint([a], [c])
    with pytest.raises(AudioError, match="audio: calibrate and score share a;"):
        check_disjoint([a], [read_clip(tmp_path / "c.wav", 8000, "a")])
    samples, rate_hz = soundfile.read(tmp_path / "a.wav")
    soundfile.write(tmp_path / "copy.flac", samples, rate_hz)
    with pytest.raises(AudioError, match=r"copy \(the same as a\); remove them from one of the two"):
        check_disjoint([a], [c, read_clip(tmp_path / "copy.flac", 8000, "copy")])


def test_clips_with_the_same_file_names_raise(tmp_path: Path) -> None:
    sound = record(tmp_path / "a.wav", 1)
    first, second = read_clip(sound, 8000, "sung/calibrate/x"), read_clip(sound, 8000, "sung/calibrate-x")
    check_unique_file_names([first, first])
    with pytest.raises(AudioError, match=r"sung/calibrate-x: .* as those of sung/calibrate/x; rename one"):
        check_unique_file_names([first, second])


def test_clip_that_another_process_rendered_is_not_rendered(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While this one waits for the folder, another process renders the clip: it is not rendered again."""
    corpus = Corpus(root)
    name = corpus.clips()[0]
    render, rendered = Corpus._render, []

    @contextmanager
    def locked() -> Iterator[None]:
        render(corpus, name)
        yield

    monkeypatch.setattr(corpus, "_locked", locked)
    monkeypatch.setattr(Corpus, "_render", lambda _, clip: rendered.append(clip))
    assert corpus.read(name, 16_000).name == name
    assert rendered == []
