"""The accuracy of both sides on clips whose f0 is known: pooled, and by octave, clip, singer and condition."""

from workbench.measure.truth.kinds import KindAccuracy, Truth, truth
from workbench.measure.truth.pitch_accuracy import PitchAccuracy, accuracy

__all__ = ["KindAccuracy", "PitchAccuracy", "Truth", "accuracy", "truth"]
