"""The rivals by name, in the order of the tables."""

from workbench.errors import RivalError, did_you_mean
from workbench.rivals.librosa import PYIN, YIN
from workbench.rivals.penn import PENN
from workbench.rivals.praat import PRAAT
from workbench.rivals.rival import Rival
from workbench.rivals.swift_f0 import SWIFT_F0
from workbench.rivals.torchcrepe import TORCHCREPE_FULL, TORCHCREPE_TINY

RIVALS: tuple[Rival, ...] = (SWIFT_F0, TORCHCREPE_TINY, TORCHCREPE_FULL, PENN, PRAAT, PYIN, YIN)

CONSENSUS_VOTERS = ("swift-f0", "praat", "pyin", "torchcrepe-full")
"""Trackers of four families: a small network, autocorrelation, a hidden Markov model on YIN, a large network."""


def rival_named(name: str) -> Rival:
    """Returns the rival of that name. Raises RivalError if there is none."""
    by_name = {rival.name: rival for rival in RIVALS}
    if name not in by_name:
        raise RivalError(f"{name}: no such rival{did_you_mean(name, by_name)}; use one of {', '.join(by_name)}")
    return by_name[name]
