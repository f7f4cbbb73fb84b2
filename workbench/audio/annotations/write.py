"""Writes a known f0 as columns of text, with how it was made in the comments above them."""

from collections.abc import Mapping

import numpy as np

from workbench.audio.annotations.pitch_track import PitchTrack


def annotation_csv(track: PitchTrack, facts: Mapping[str, str]) -> str:
    """Returns the text of a file that `read_pitch_track` reads as the same track, to 0.1 ms and 0.0001 Hz.

    Args:
        track: The known f0.
        facts: What the comments state besides the kind of truth, by a key of one word. `audio_sha256` is the hash of
            the file of the audio.
    """
    comments = {"truth": track.kind, **facts}
    if np.isnan(track.hz).any():
        comments["nan"] = "unknown"
    head = [f"# {key}: {' '.join(value.split())}" for key, value in comments.items()]
    rows = [
        f"{time_s:.4f},{'nan' if np.isnan(hz) else f'{hz:.4f}' if hz else '0'}"
        for time_s, hz in zip(track.times_s, track.hz, strict=True)
    ]
    return "\n".join([*head, "seconds,hertz", *rows, ""])
