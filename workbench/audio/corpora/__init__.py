"""Corpora with known f0, published by others: the list, fetching, and the split of their singers.

`known` is the list, `fetch` and `download` bring a corpus into the cache, `stored` finds it there, and `used` is what
a result says of it. The other modules of audio, records, workflows and cli may import it.
"""

from workbench.audio.corpora.fetch import fetch_corpus
from workbench.audio.corpora.known import KNOWN_CORPORA, KnownCorpus, known_corpus
from workbench.audio.corpora.stored import StoredCorpus, find_stored, stored_corpus

__all__ = [
    "KNOWN_CORPORA",
    "KnownCorpus",
    "StoredCorpus",
    "fetch_corpus",
    "find_stored",
    "known_corpus",
    "stored_corpus",
]
