"""The known f0 of a clip, and the files in which people have it."""

from workbench.audio.annotations.columns import read_pitch_track
from workbench.audio.annotations.pitch_track import ANNOTATION_SUFFIX, TRUTH_KINDS, PitchTrack, TruthKind, read_only

__all__ = ["ANNOTATION_SUFFIX", "TRUTH_KINDS", "PitchTrack", "TruthKind", "read_only", "read_pitch_track"]
