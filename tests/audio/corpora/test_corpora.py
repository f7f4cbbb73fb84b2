"""A corpus from its server to a recipe: fetched whole or not at all, its f0 known, its singers on one side only."""

import io
import json
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("mirdata")

from mirdata.datasets import ikala, mdb_stem_synth, medleydb_pitch, tonas, vocadito

from tests.helpers.corpora import SINGERS, FaultyServer, f0_of, index_of, serving, vocadito_files, zipped
from tests.helpers.project import last_error, workbench
from workbench.audio.corpora.known import KNOWN_CORPORA, known_corpus
from workbench.audio.corpora.stored import corpus_entry, stored_corpus
from workbench.audio.corpora.used import corpora_used
from workbench.recipe.patterns import ROLES
from workbench.workflows.folders import open_catalog
from workbench.workflows.load_recipes import load_variant

RECIPE = "description: A test\nsample_rate_hz: 16000\nchunk_samples: 320\nmirror: 1\n"
BOTH = "audio: {calibrate: [corpus:vocadito], score: [corpus:vocadito]}\n"
FETCH = ("corpus", "fetch", "vocadito", "--yes")


@pytest.fixture
def server(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServer]:
    """Serves the archive and the index; mirdata's loader has their addresses and checksums."""
    files = vocadito_files()
    content = {"/vocadito.zip": zipped(files), "/index.json": index_of(files)}
    with serving(content) as served:
        for remote, path in (
            (vocadito.REMOTES["zenodo"], "/vocadito.zip"),
            (vocadito.INDEXES["1.0"].remote, "/index.json"),
        ):
            monkeypatch.setattr(remote, "url", served.url + path)
            monkeypatch.setattr(remote, "checksum", md5(content[path]).hexdigest())
        yield served


def write(recipe: str) -> Path:
    path = Path("r.yaml")
    path.write_text(RECIPE + recipe)
    return path


def test_fetched_corpus_has_its_f0_and_keeps_singers_apart(server: FaultyServer, cache_of_the_test: Path) -> None:
    server.cuts = [0, 1 << 16]  # the first reply has nothing, the archive is cut once
    assert last_error(workbench(*FETCH)).endswith("check the network and run the command again")
    fetched = workbench(*FETCH, "--json")
    assert fetched.exit_code == 0, fetched.stderr
    assert "licence: CC BY 4.0" in fetched.stderr and "cite: Bittner" in fetched.stderr
    shown = json.loads(fetched.stdout)
    assert (shown["fetched"], shown["calibrate_singers"], shown["score_singers"]) == (True, 1, 3)
    assert shown["folder"] == workbench("corpus", "path", "vocadito").stdout.strip()
    assert sorted(path.name for path in corpus_entry("vocadito").iterdir()) == ["clips", "corpus.json"]
    assert json.loads(workbench("cache", "--json", "--kind", "corpora").stdout)["entries"] == 1
    assert json.loads(workbench(*FETCH, "--json").stdout)["fetched"] is False

    catalog = open_catalog()
    audio = load_variant(write(BOTH), catalog).audio
    names = {role: catalog.match(audio.clip_patterns(role)) for role in ROLES}
    singers = {role: {SINGERS[int(name.split("/")[-1]) - 1] for name in names[role]} for role in ROLES}
    assert not singers["calibrate"] & singers["score"] and sum(map(len, names.values())) == len(SINGERS)
    for name in names["score"]:
        times_s, hz = f0_of(int(name.split("/")[-1]))
        clip = catalog.read(name, 16_000)
        f0 = clip.f0
        assert f0 is not None and (f0.kind, clip.singer) == ("annotated", SINGERS[int(name.split("/")[-1]) - 1])
        np.testing.assert_allclose(f0.at(times_s), hz, atol=1e-3)
    (used,) = corpora_used(names["calibrate"], names["score"])
    assert (used.name, used.version, used.truth, used.licence) == ("vocadito", "1.0", "annotated", "CC BY 4.0")
    assert (set(used.calibrate_singers), set(used.score_singers)) == (singers["calibrate"], singers["score"])
    assert "by singer" in used.split and corpora_used([], ["sung/take"]) == ()


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("audio: {score: [corpus:vocadit]}", "there is no corpus 'vocadit' (did you mean 'vocadito'?)"),
        ("audio: {score: [corpus:ikala]}", "the corpus ikala is not fetched; run `workbench corpus fetch ikala`"),
        ("audio: {score: ['corpus:vocadito/9*']}", "'corpus:vocadito/9*' matches no clip whose singer is scored"),
        ("audio: {{calibrate: [{score}]}}", "calibrate has '{score}', whose singer is on the other side; write "),
    ],
)
def test_recipe_with_a_wrong_corpus_is_one_line(recipe: str, message: str, server: FaultyServer) -> None:
    workbench(*FETCH)
    score = next(name for name in open_catalog().clips() if "/score/" in name and name.startswith("corpus/"))
    result = workbench("check", write(recipe.format(score=score) if "{{" in recipe else recipe))
    assert result.exit_code == 2 and message.format(score=score) in last_error(result)


def test_wrong_checksums_leave_no_corpus(server: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the archive; then of a file in it, which the index knows."""
    good = server.content["/vocadito.zip"]
    server.content["/vocadito.zip"] = good[:-30] + bytes(30)
    assert last_error(workbench(*FETCH)).endswith("it was deleted, run the command again")
    files = vocadito_files()
    damaged = zipped(files | {"Audio/vocadito_3.wav": files["Audio/vocadito_4.wav"]})
    server.content["/vocadito.zip"] = damaged
    monkeypatch.setattr(vocadito.REMOTES["zenodo"], "checksum", md5(damaged).hexdigest())
    assert "1 of 13 files of vocadito are missing or damaged, first Audio/vocadito_3.wav" in last_error(
        workbench(*FETCH)
    )
    missing = workbench("corpus", "path", "vocadito")
    assert (missing.exit_code, last_error(missing)) == (
        2,
        "error: vocadito: is not fetched; run `workbench corpus fetch vocadito`",
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("fetch vocadeeto --yes", "there is no corpus 'vocadeeto' (did you mean 'vocadito'?); `workbench corpus list`"),
        (
            "fetch ikala --yes",
            "ikala: cannot be downloaded by a program (it is no longer distributed); if you have it, ",
        ),
        ("fetch ikala --from nowhere --yes", "nowhere: no such folder; name the folder that has ikala"),
        pytest.param(
            "fetch MIR-1K --yes",
            "has no reader for it; install a later version of mirdata",
            marks=pytest.mark.skipif(known_corpus("mir_1k").has_loader, reason="this mirdata has a reader"),
        ),
        ("fetch MDB-stem-synth", "fetch asks first; add --yes where nobody can be asked."),
    ],
)
def test_corpus_that_cannot_be_fetched_is_one_line(words: str, message: str) -> None:
    result = workbench("corpus", *words.split())
    assert result.exit_code == 2 and message in last_error(result)


def test_half_a_download_is_listed_and_no_corpus(server: FaultyServer) -> None:
    server.cuts = [1 << 20, 1 << 17, 0, 0, 0]  # the index is whole, then the archive is cut
    assert last_error(workbench(*FETCH)).endswith("it continues after 0.1 MB")
    assert "partly downloaded (0.1 MB)" in workbench("corpus", "list").stdout.splitlines()[0]
    assert last_error(workbench("corpus", "path", "vocadito")).endswith("run `workbench corpus fetch vocadito`")


def test_corpus_that_a_person_got_is_copied(server: FaultyServer, tmp_path: Path) -> None:
    for path, data in vocadito_files().items():
        (tmp_path / "mine" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / path).write_bytes(data)
    assert workbench(*FETCH, "--from", tmp_path / "mine").exit_code == 0
    assert len(stored_corpus("vocadito").clips) == len(list((tmp_path / "mine" / "Audio").iterdir())) == len(SINGERS)
    assert server.ranges == ["0"]  # the index


def test_voice_of_a_stereo_corpus_is_one_channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """iKala: the voice is on the right, and a row of PitchLabel is the MIDI note of 32 ms, 0 if unvoiced."""
    both = np.stack([np.zeros(16_000), 0.25 * np.sin(np.arange(16_000) * 2 * np.pi * 220 / 16_000)], axis=1)
    audio = io.BytesIO()
    soundfile.write(audio, both, 16_000, format="WAV")
    rows = "".join(f"{note}\n" for note in [0] * 10 + [57] * 20)
    files = {"Wavfile/1_verse.wav": audio.getvalue(), "PitchLabel/1_verse.pv": rows.encode()}
    files["id_mapping.txt"] = b"singer\tsong\nAnn\t1\n"
    for path, data in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    entries = {path: [path, md5(data).hexdigest()] for path, data in files.items()}
    track = {"audio": entries["Wavfile/1_verse.wav"], "pitch": entries["PitchLabel/1_verse.pv"]}
    track |= {"lyrics": [None, None], "notes_pyin": [None, None]}
    index = {"tracks": {"1_verse": track}, "metadata": {"id_mapping": entries["id_mapping.txt"]}}
    content = json.dumps(index).encode()
    with serving({"/index.json": content}) as server:
        monkeypatch.setattr(ikala.INDEXES["2.0"].remote, "url", f"{server.url}/index.json")
        monkeypatch.setattr(ikala.INDEXES["2.0"].remote, "checksum", md5(content).hexdigest())
        assert workbench("corpus", "fetch", "iKala", "--yes", "--from", tmp_path).exit_code == 0
    clip = open_catalog().read("corpus/ikala/score/1_verse", 16_000)
    np.testing.assert_allclose(clip.samples, both[:, 1], atol=1e-4)
    assert clip.f0 is not None and clip.singer == "Ann"
    np.testing.assert_allclose(clip.f0.at(0.016 + 0.032 * np.array([0, 9, 10, 29])), [0, 0, 220, 220], atol=1e-3)


def test_list_states_what_mirdata_states() -> None:
    listed = {row["corpus"]: row for row in map(json.loads, workbench("corpus", "list", "--json").stdout.splitlines())}
    assert list(listed) == [corpus.name for corpus in KNOWN_CORPORA]
    for loader, licence in (
        (ikala, "custom license.\nVisit http://mac.citi.sinica.edu.tw/ikala/"),
        (mdb_stem_synth, "Attribution-NonCommercial 4.0"),
        (medleydb_pitch, "CC BY-NC-SA 4.0"),
        (tonas, "internal non-commercial use only. You can not redistribute"),
        (vocadito, "Commons Attribution 4.0"),
    ):
        corpus = known_corpus(loader.__name__.split(".")[-1])
        assert corpus.citation.split()[0] in loader.BIBTEX.replace("{", "").replace("}", "")
        assert licence in loader.LICENSE_INFO
        archives = set(loader.REMOTES) - {"notes_pyin", "metadata"} if hasattr(loader, "REMOTES") else set()
        assert bool(corpus.source) == (not archives)
