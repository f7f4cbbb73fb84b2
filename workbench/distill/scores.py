"""Random clips for the synthetic renderer: voices, instruments, glides, vibrato and noise over the whole range."""

import numpy as np

from workbench.audio.synth_manifest import Entry, Glide, Noise, Phrase, Room, Singer, Tones, Vibrato

_LEVEL_DBFS = -40.0  # of the rendering, which must not clip; the level is drawn afterwards
_LOWEST, _HIGHEST = 22.0, 101.0  # semitones, as the renderer allows
_VOWELS = ("iy", "ih", "eh", "ae", "aa", "ao", "uh", "uw", "ah", "er")
_HARMONICS = (1, 1, 2, 3, 5, 8, 16, 40)  # 1 is a whistle
_KINDS = ("phrase",) * 12 + ("tones",) * 2 + ("glide",) + ("vibrato",) * 2 + ("noise",)
_LAST_NOTE_S = 1.2


def random_entry(rng: np.random.Generator, seconds: float) -> Entry:
    """Returns a random entry of a manifest, about `seconds` long. The ranges are wider than those of real singers."""
    kind = str(rng.choice(_KINDS))
    if kind == "phrase":
        return _phrase(rng, seconds)
    if kind == "noise":
        colour = "white" if rng.random() < 0.5 else "pink"
        return Noise(
            kind="noise", name="noise", seed=_seed(rng), colour=colour, duration_s=seconds, level_dbfs=_LEVEL_DBFS
        )
    harmonics = int(rng.choice(_HARMONICS))
    if kind == "glide":
        legs = int(rng.integers(3, 12))
        turns = tuple(rng.uniform(_LOWEST, _HIGHEST, legs + 1).tolist())
        return Glide(
            kind="glide", name="glide", turns=turns, leg_s=seconds / legs, harmonics=harmonics, level_dbfs=_LEVEL_DBFS
        )
    if kind == "tones":
        count = int(rng.integers(6, 30))
        period_s = seconds / count
        return Tones(
            kind="tones",
            name="tones",
            notes=tuple(rng.uniform(_LOWEST, _HIGHEST, count).tolist()),
            note_s=0.8 * period_s,
            gap_s=0.2 * period_s,
            harmonics=harmonics,
            level_dbfs=_LEVEL_DBFS,
        )
    count = int(rng.integers(5, 14))
    period_s = seconds / count
    return Vibrato(
        kind="vibrato",
        name="vibrato",
        notes=tuple((rng.uniform(26, 96), rng.uniform(3, 8), rng.uniform(5, 150)) for _ in range(count)),
        note_s=0.85 * period_s,
        gap_s=0.15 * period_s,
        harmonics=harmonics,
        level_dbfs=_LEVEL_DBFS,
    )


def _phrase(rng: np.random.Generator, seconds: float) -> Phrase:
    """Returns singing around one pitch, by a voice between a bass and a child, or beyond them."""
    centre, position_s, rested = rng.uniform(38, 84), 0.0, True
    notes: list[tuple[float, float, str] | tuple[str, float]] = []
    while position_s < seconds - _LAST_NOTE_S:
        if not rested and rng.random() < 0.2:
            length_s, rested = rng.uniform(0.15, 0.8), True
            notes.append(("rest", length_s))
        else:
            length_s, rested = rng.uniform(0.12, 1.4), False
            notes.append((_clipped(centre + rng.normal(0, 5)), length_s, str(rng.choice(_VOWELS))))
        position_s += length_s
    notes.append((_clipped(centre), max(0.3, seconds - position_s), "ah"))
    singer = Singer(
        formant_scale=rng.uniform(0.85, 1.4),
        open_quotient=rng.uniform(0.35, 0.95),
        tilt_hz=float(np.exp(rng.uniform(np.log(300), np.log(8000)))),
        breath_db=rng.uniform(-60, -8),
        jitter_cents=rng.uniform(0, 25),
        shimmer_db=rng.uniform(0, 3),
        vibrato_hz=rng.uniform(3.5, 8),
        vibrato_cents=rng.choice([0, rng.uniform(0, 120)]),
        scoop_cents=rng.choice([0, rng.uniform(0, 350)]),
    )
    room = Room(noise_dbfs=-90.0) if rng.random() < 0.5 else None
    return Phrase.model_validate(
        {
            "kind": "phrase",
            "name": "phrase",
            "seed": _seed(rng),
            "singer": singer,
            "notes": notes,
            "room": room,
            "level_dbfs": _LEVEL_DBFS,
        }
    )


def _clipped(semitones: float) -> float:
    return float(np.clip(semitones, _LOWEST, _HIGHEST))


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))
