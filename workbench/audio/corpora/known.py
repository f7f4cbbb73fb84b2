"""The corpora that can be fetched: recordings of one voice or instrument with known f0, published by others.

mirdata has the indexes, the checksums and the readers. Here is what a user decides by, and where mirdata's readers have
what the workbench needs. Corpora of music with accompaniment are left out, because PESTO tracks one voice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from workbench.audio.annotations import TruthKind
from workbench.errors import CorpusError, did_you_mean, quote_value


def _singer_id(track: Any) -> str:
    return str(track.singer_id)


def _start_of_id(track: Any) -> str:
    """Returns the artist or singer, with whose name the names of tracks begin: `AClassicEducation_NightOwl_STEM_08`."""
    return str(track.track_id).partition("_")[0]


@dataclass(frozen=True)
class KnownCorpus:
    """A corpus, as a user sees it before fetching it, and how its tracks are read.

    Attributes:
        name: Its name in mirdata, which recipes use too.
        contents: What was recorded.
        truth: How its f0 is known.
        licence: The licence, as mirdata states it.
        citation: Whom to cite.
        megabytes: About how much is downloaded; None if it is not downloaded.
        singer_of: Returns the singer or player of one of mirdata's tracks.
        f0: The attribute of a track that has the f0, and the key of its file in mirdata's index.
        voice: The attribute that has the voice's samples, if the file has accompaniment too; otherwise "".
        source: Where a person gets the corpus that no program can fetch; otherwise "".
        caution: What a user should know about figures on it; otherwise "".
    """

    name: str
    contents: str
    truth: TruthKind
    licence: str
    citation: str
    megabytes: int | None
    singer_of: Callable[[Any], str] = _singer_id
    f0: tuple[str, str] = ("f0", "f0")
    voice: str = ""
    source: str = ""
    caution: str = ""

    @property
    def has_loader(self) -> bool:
        """Whether the mirdata that is installed has a reader for it; True if mirdata is not installed."""
        return find_spec("mirdata") is None or find_spec(f"mirdata.datasets.{self.name}") is not None


KNOWN_CORPORA = (
    KnownCorpus(
        "vocadito",
        "40 songs without accompaniment, 29 singers, 7 languages",
        "annotated",
        "CC BY 4.0",
        "Bittner et al., vocadito: A dataset of solo vocals with f0, note, and lyric annotations, arXiv "
        "2110.05580, 2021",
        58,
    ),
    KnownCorpus(
        "mdb_stem_synth",
        "230 stems of voices and instruments, sung and played again with an exact f0",
        "resynthesis",
        "CC BY-NC 4.0",
        "Salamon et al., An analysis/synthesis framework for automatic f0 annotation of multitrack datasets, "
        "ISMIR 2017",
        1850,
        _start_of_id,
    ),
    KnownCorpus(
        "mir_1k",
        "1000 clips of Chinese pop songs, 19 amateur singers",
        "annotated",
        "not stated by its authors",
        "Hsu and Jang, On the improvement of singing voice separation for monaural recordings using the MIR-1K "
        "dataset, IEEE TASLP, 2010",
        1000,
        _start_of_id,
        voice="vocal_audio",
        caution="the shipped checkpoint was trained on it",
    ),
    KnownCorpus(
        "ikala",
        "252 excerpts of Chinese pop songs",
        "annotated",
        "its own, see http://mac.citi.sinica.edu.tw/ikala/",
        "Chan et al., Vocal activity informed singing voice separation with the iKala dataset, ICASSP 2015",
        None,
        f0=("f0", "pitch"),
        voice="vocal_audio",
        source="it is no longer distributed",
    ),
    KnownCorpus(
        "tonas",
        "72 flamenco songs without accompaniment",
        "annotated",
        "free for internal non-commercial use, no redistribution",
        "Mora et al., Characterization and similarity in a cappella flamenco cantes, ISMIR 2010",
        None,
        lambda track: str(track.singer),
        f0=("f0_corrected", "f0"),
        source="https://zenodo.org/record/1290722, on request",
    ),
    KnownCorpus(
        "medleydb_pitch",
        "stems of voices and instruments",
        "annotated",
        "CC BY-NC-SA 4.0",
        "Bittner et al., MedleyDB: A multitrack dataset for annotation-intensive MIR research, ISMIR 2014",
        None,
        lambda track: str(track.artist),
        f0=("pitch", "pitch"),
        source="https://zenodo.org/record/2620624, on request",
    ),
)
CORPUS_NAMES = tuple(corpus.name for corpus in KNOWN_CORPORA)


def known_corpus(name: str) -> KnownCorpus:
    """Returns a corpus by its name. Case does not matter, and `-` is read as `_`: MDB-stem-synth is mdb_stem_synth.

    Raises CorpusError if there is none.
    """
    canonical = name.lower().replace("-", "_")
    for corpus in KNOWN_CORPORA:
        if corpus.name == canonical:
            return corpus
    similar = did_you_mean(canonical, CORPUS_NAMES)
    raise CorpusError(f"there is no corpus {quote_value(name)}{similar}; `workbench corpus list` has all of them")
