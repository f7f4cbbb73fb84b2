"""The corpora that were fetched: their clips in the cache, and which of their singers calibrate.

A fetched corpus is an entry of the cache: `clips/` has the audio with the known f0 beside it, `corpus.json` describes
it and is written last, so a corpus is there whole or not at all. Reading it needs no mirdata.
"""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from workbench.audio.annotations import TruthKind
from workbench.audio.corpora.known import CORPUS_NAMES
from workbench.errors import CorpusError
from workbench.recipe.patterns import CORPUS_CLIPS, ROLES, Role
from workbench.record_model import RecordModel
from workbench.storage.cache_folder import cache_root
from workbench.storage.hashing import sha256_of

CLIPS_FOLDER, SOURCE_FOLDER, CORPUS_NAME = "clips", "source", "corpus.json"
CALIBRATING_SHARE = 0.25
SPLIT = (
    "by singer: of the singers in the order of the SHA-256 of <corpus>/<singer>, the first quarter calibrates and the "
    "others are scored"
)


class CorpusClip(RecordModel):
    """A clip of a corpus.

    Attributes:
        name: Its name in the corpus.
        file: The name of its audio file.
        singer: Who sings or plays.
    """

    name: str
    file: str
    singer: str


class StoredCorpus(RecordModel):
    """A corpus that was fetched. `corpus.json` of its entry, schema_version 1.

    Attributes:
        schema_version: The version of the schema.
        name: Its name in mirdata.
        version: Its version in mirdata.
        truth: How its f0 is known.
        licence: The licence.
        citation: Whom to cite.
        clips: Its clips.
    """

    schema_version: Literal[1] = 1
    name: str
    version: str
    truth: TruthKind
    licence: str
    citation: str
    clips: tuple[CorpusClip, ...]

    def clips_of(self, role: Role) -> tuple[CorpusClip, ...]:
        """Returns the clips whose singers calibrate, or those whose singers are scored."""
        calibrating = calibrating_singers(self.name, [clip.singer for clip in self.clips])
        return tuple(clip for clip in self.clips if (clip.singer in calibrating) == (role == "calibrate"))

    def by_name(self) -> dict[str, CorpusClip]:
        """Returns the clips by the names that recipes and records have for them: `corpus/vocadito/score/1`."""
        return {
            f"{CORPUS_CLIPS}/{self.name}/{role}/{clip.name}": clip for role in ROLES for clip in self.clips_of(role)
        }


def calibrating_singers(corpus: str, singers: Iterable[str]) -> frozenset[str]:
    """Returns the singers whose clips calibrate, by the rule of SPLIT; none if there is only one singer."""
    ordered = sorted(set(singers), key=lambda singer: sha256_of(f"{corpus}/{singer}".encode()))
    if len(ordered) == 1:
        return frozenset()
    return frozenset(ordered[: math.ceil(CALIBRATING_SHARE * len(ordered))])


def corpus_entry(name: str) -> Path:
    """Returns the entry of a corpus in the cache. It may be missing."""
    return cache_root() / "corpora" / sha256_of(name.encode())


def clips_folder(name: str) -> Path:
    """Returns the folder of the clips of a corpus. It may be missing."""
    return corpus_entry(name) / CLIPS_FOLDER


def find_stored(name: str) -> StoredCorpus | None:
    """Returns a corpus that was fetched, or None if it was not, or not by this version."""
    try:
        return StoredCorpus.model_validate_json((corpus_entry(name) / CORPUS_NAME).read_bytes())
    except (OSError, ValidationError):
        return None


def downloaded_bytes(name: str) -> int:
    """Returns how much of a corpus an unfinished fetch has left for the next one to continue."""
    left = (corpus_entry(name) / SOURCE_FOLDER).rglob("*")
    return sum(file.stat().st_size for file in left if file.is_file())


def stored_corpus(name: str) -> StoredCorpus:
    """Returns a corpus that was fetched. Raises CorpusError if it was not."""
    stored = find_stored(name)
    if stored is None:
        raise CorpusError(f"{name}: is not fetched; run `workbench corpus fetch {name}`")
    return stored


def stored_corpora(names: Sequence[str] = CORPUS_NAMES) -> list[StoredCorpus]:
    """Returns the corpora that were fetched."""
    return [stored for stored in map(find_stored, names) if stored is not None]
