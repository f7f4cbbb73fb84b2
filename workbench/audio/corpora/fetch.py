"""Fetching a corpus: mirdata's index and archives are downloaded, verified, unpacked and read; the clips are kept.

Only the audio and the f0 stay, in the form of every other recording with known f0: `1.wav` and `1.csv`. Everything
lies in the entry of the corpus until `corpus.json` is written, so a fetch that ends early leaves no corpus, and the
next one continues its downloads.
"""

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from workbench.audio.annotations import ANNOTATION_SUFFIX
from workbench.audio.corpora.download import download
from workbench.audio.corpora.known import KnownCorpus
from workbench.audio.corpora.stored import (
    CLIPS_FOLDER,
    CORPUS_NAME,
    SOURCE_FOLDER,
    CorpusClip,
    StoredCorpus,
    corpus_entry,
    find_stored,
)
from workbench.errors import CorpusError
from workbench.extras import CORPORA
from workbench.progress import Progress
from workbench.storage.atomic import write_atomic
from workbench.storage.cache_folder import CACHE_VARIABLE, cache_folder
from workbench.storage.json_files import write_json
from workbench.storage.locks import exclusive

if TYPE_CHECKING:
    from mirdata.core import Dataset

_INDEX = "index.json"
_WAV_SUBTYPE = "PCM_24"  # holds the 16 bits of the corpora whose voice is one of two channels


def fetch_corpus(corpus: KnownCorpus, progress: Progress, folder: Path | None = None) -> tuple[StoredCorpus, bool]:
    """Fetches a corpus into the cache.

    Args:
        corpus: The corpus.
        progress: Receives the stages; downloads in kilobytes.
        folder: Where the corpus is already, unpacked as its authors distribute it. It stays as it is.

    Returns:
        The corpus, and whether it was fetched now: False if this version was there.

    Raises:
        CorpusError: mirdata is not installed or cannot read it, it cannot be downloaded, or a file is damaged.
        WorkbenchError: Another process fetches it.
        OSError: The disk is full, or a file cannot be written.
    """
    check_can_fetch(corpus, folder)
    with _quiet_mirdata():
        import mirdata

        entry = corpus_entry(corpus.name)
        if cache_folder("corpora") != entry.parent:
            raise CorpusError(f"{corpus.name}: a temporary cache would lose it; set {CACHE_VARIABLE} to a folder")
        dataset = mirdata.initialize(corpus.name, data_home=str(folder or entry / SOURCE_FOLDER))
        stored = find_stored(corpus.name)
        if stored is not None and stored.version == dataset.version:
            return stored, False
        with exclusive(entry), _removed_if_empty(entry / SOURCE_FOLDER):
            index = _load_index(corpus, dataset, entry / SOURCE_FOLDER / _INDEX, progress)
            if folder is None:
                _download(dataset, progress)
                with progress.stage("unpack"):
                    _unpack(dataset)
            stored = _store(corpus, dataset, index, entry, move=folder is None, progress=progress)
            shutil.rmtree(entry / SOURCE_FOLDER)
    return stored, True


def check_can_fetch(corpus: KnownCorpus, folder: Path | None = None) -> None:
    """Raises CorpusError if mirdata is missing or has no reader for a corpus, or if a person has to get it."""
    if CORPORA.missing_hint():
        raise CorpusError(f"{corpus.name}: {CORPORA.missing_hint()}")
    if not corpus.has_loader:
        raise CorpusError(
            f"{corpus.name}: mirdata {version('mirdata')} has no reader for it; install a later version of mirdata"
        )
    if corpus.source and folder is None:
        raise CorpusError(
            f"{corpus.name}: cannot be downloaded by a program ({corpus.source}); if you have it, name its folder "
            "with --from"
        )
    if folder is not None and not folder.is_dir():
        raise CorpusError(f"{folder}: no such folder; name the folder that has {corpus.name}")


@contextmanager
def _removed_if_empty(folder: Path) -> Iterator[None]:
    try:
        yield
    finally:
        with suppress(OSError):  # not empty: the next call continues
            folder.rmdir()


@contextmanager
def _quiet_mirdata() -> Iterator[None]:
    """Keeps mirdata's own log from stderr: on import it makes the root logger print everything, which is undone."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.addHandler(logging.NullHandler())  # with a handler, basicConfig of mirdata adds none
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def _load_index(corpus: KnownCorpus, dataset: "Dataset", path: Path, progress: Progress) -> dict[str, Any]:
    """Downloads mirdata's index of the files and lets the dataset use it: by default it is in mirdata's own folder."""
    remote = import_module(f"mirdata.datasets.{corpus.name}").INDEXES[dataset.version].remote
    download(remote.url, path, remote.checksum, lambda done, total: progress.report("index", done, total))
    dataset.index_path = str(path)
    index: dict[str, Any] = json.loads(path.read_bytes())
    return index


def _download(dataset: "Dataset", progress: Progress) -> None:
    for remote in dataset.remotes.values():
        stage = f"download {remote.filename} (kB)"

        def received(done: int, total: int, stage: str = stage) -> None:
            progress.report(stage, done // 1000, total // 1000)

        download(
            remote.url,
            Path(dataset.data_home, remote.destination_dir or "", remote.filename),
            remote.checksum,
            received,
        )


def _unpack(dataset: "Dataset") -> None:
    """Lets mirdata unpack the archives: it finds them where it would have put them."""
    from mirdata.core import Index
    from mirdata.download_utils import downloader

    downloader(dataset.data_home, remotes=dataset.remotes, index=Index("none"))


def _store(
    corpus: KnownCorpus, dataset: "Dataset", index: dict[str, Any], entry: Path, move: bool, progress: Progress
) -> StoredCorpus:
    """Writes the clips and describes them; the description comes last."""
    tracks = {name: files for name, files in index["tracks"].items() if _has_f0(files, corpus)}
    _check_files(corpus, index, tracks, Path(dataset.data_home))
    staged, clips = entry / f"{CLIPS_FOLDER}.new", []
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir()
    with progress.stage("clips", len(tracks)) as advance:
        for name in tracks:
            track = dataset.track(name)
            audio = _write_audio(track, corpus, staged, move)
            write_atomic(audio.with_suffix(ANNOTATION_SUFFIX), _annotation(track, corpus).encode())
            clips.append(CorpusClip(name=name, file=audio.name, singer=corpus.singer_of(track)))
            advance(1)
    (entry / CORPUS_NAME).unlink(missing_ok=True)  # from here to its end the corpus is not there
    shutil.rmtree(entry / CLIPS_FOLDER, ignore_errors=True)
    staged.replace(entry / CLIPS_FOLDER)
    stored = StoredCorpus(
        name=corpus.name,
        version=dataset.version,
        truth=corpus.truth,
        licence=corpus.licence,
        citation=corpus.citation,
        clips=tuple(clips),
    )
    write_json(stored, entry / CORPUS_NAME)
    return stored


def _has_f0(files: dict[str, Any], corpus: KnownCorpus) -> bool:
    return all(files.get(key, (None,))[0] is not None for key in ("audio", corpus.f0[1]))


def _check_files(corpus: KnownCorpus, index: dict[str, Any], tracks: dict[str, Any], home: Path) -> None:
    """Raises CorpusError if a file that is used is missing or is not the one that the index describes."""
    from mirdata.validate import validate

    used = [files[key] for files in tracks.values() for key in ("audio", corpus.f0[1])]
    used += [file for file in (index.get("metadata") or {}).values() if file[0] is not None]
    wrong = [path for path, md5 in used if not all(validate(str(home / path), md5))]
    if wrong:
        raise CorpusError(
            f"{home}: {len(wrong)} of {len(used)} files of {corpus.name} are missing or damaged, first {wrong[0]}; "
            "fetch it again"
        )


def _write_audio(track: Any, corpus: KnownCorpus, folder: Path, move: bool) -> Path:
    """Puts the audio of a track into a folder: its file as it is, or the channel with the voice."""
    source = Path(track.audio_path)
    if corpus.voice:
        samples, rate_hz = getattr(track, corpus.voice)
        path = folder / f"{track.track_id}.wav"
        soundfile.write(path, samples, int(rate_hz), subtype=_WAV_SUBTYPE)
        return path
    path = folder / f"{track.track_id}{source.suffix}"
    if move:
        source.replace(path)
    else:
        shutil.copyfile(source, path)
    return path


def _annotation(track: Any, corpus: KnownCorpus) -> str:
    """Returns the text of a known f0, with how it is known. Unvoiced frames are 0 Hz."""
    from mirdata.annotations import convert_pitch_units, convert_time_units

    f0 = getattr(track, corpus.f0[0])
    times_s = convert_time_units(f0.times, f0.time_unit, "s")
    voiced = (f0.frequencies > 0) & (f0.voicing > 0)
    hz = np.zeros(len(times_s))
    hz[voiced] = convert_pitch_units(f0.frequencies[voiced], f0.frequency_unit, "hz")
    rows = (f"{time_s:.6f},{f0_hz:.4f}" for time_s, f0_hz in zip(times_s, hz, strict=True))
    return "\n".join([f"# truth: {corpus.truth}", "seconds,hertz", *rows, ""])
