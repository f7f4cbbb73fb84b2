"""The known f0 of a clip, and the files in which people have it.

`pitch_track` is the known f0. `read` recognizes the format of a file: `columns` (with `table` and `rows`), `jams_file`,
`praat` or `sonic_visualiser`. `beside` finds the file of a clip, and `write` writes one. It imports nothing else of
`audio`; audio and every later stage may import it.
"""

from workbench.audio.annotations.beside import annotation_beside, is_annotation_of, read_f0_beside
from workbench.audio.annotations.columns import StatedUnits
from workbench.audio.annotations.pitch_track import ANNOTATION_SUFFIX, TRUTH_KINDS, PitchTrack, TruthKind, read_only
from workbench.audio.annotations.read import read_pitch_track

__all__ = [
    "ANNOTATION_SUFFIX",
    "TRUTH_KINDS",
    "PitchTrack",
    "StatedUnits",
    "TruthKind",
    "annotation_beside",
    "is_annotation_of",
    "read_f0_beside",
    "read_only",
    "read_pitch_track",
]
