"""Clips: decoded audio files, the synthetic set with its exact f0, and which clips calibrate and which score.

It imports only `recipe`, `storage` and what is below them. model and every later stage may import it.
"""

from workbench.audio.annotations import PitchTrack, read_pitch_track
from workbench.audio.clip_catalog import ClipCatalog, check_disjoint
from workbench.audio.decode import AUDIO_SUFFIXES, Clip, find_audio, read_clip

__all__ = [
    "AUDIO_SUFFIXES",
    "Clip",
    "ClipCatalog",
    "PitchTrack",
    "check_disjoint",
    "find_audio",
    "read_clip",
    "read_pitch_track",
]
