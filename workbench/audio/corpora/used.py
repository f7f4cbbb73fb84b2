"""Which corpora a result stands on: their versions, and which singers calibrated and were scored."""

from collections.abc import Collection

from workbench.audio.annotations import TruthKind
from workbench.audio.corpora.stored import SPLIT, stored_corpora
from workbench.record_model import RecordModel


class CorpusUsed(RecordModel):
    """A published corpus that a result depends on. Its clips are in `audio`, as `corpus/<name>/<role>/<clip>`.

    Attributes:
        name: Its name in mirdata.
        version: Its version in mirdata.
        truth: How its f0 is known: "annotated", "consensus" or "resynthesis".
        licence: The licence.
        citation: Whom to cite.
        split: The rule by which singers calibrate or are scored.
        calibrate_singers: The singers of the clips that calibrated.
        score_singers: The singers of the clips that were scored.
    """

    name: str
    version: str
    truth: TruthKind
    licence: str
    citation: str
    split: str = SPLIT
    calibrate_singers: tuple[str, ...]
    score_singers: tuple[str, ...]


def corpora_used(calibrate: Collection[str], score: Collection[str]) -> tuple[CorpusUsed, ...]:
    """Returns the corpora that have at least one of the clips, which are named as in recipes."""
    used = []
    for stored in stored_corpora():
        singers = [
            tuple(sorted({clip.singer for name, clip in stored.by_name().items() if name in names}))
            for names in (calibrate, score)
        ]
        if any(singers):
            used.append(
                CorpusUsed(
                    name=stored.name,
                    version=stored.version,
                    truth=stored.truth,
                    licence=stored.licence,
                    citation=stored.citation,
                    calibrate_singers=singers[0],
                    score_singers=singers[1],
                )
            )
    return tuple(used)
