"""The accuracy of one side against the known f0, with mir_eval's melody metrics."""

import numpy as np

from workbench.measure.alignment import Hertz
from workbench.measure.deviation import absent_output_reason
from workbench.record_model import RecordModel
from workbench.runtime.session import Frames
from workbench.units import semitones_to_hz


class PitchAccuracy(RecordModel):
    """The accuracy of one side, by mir_eval.melody, over the frames of all clips whose f0 is known.

    A frame is voiced in truth if its known f0 is above 0, and in the estimate if its confidence reaches the threshold.

    Attributes:
        rpa50: Raw pitch accuracy: the share of frames voiced in truth whose pitch is within 50 cents of the known f0,
            voiced in the estimate or not. Null if no frame is voiced in truth.
        rca50: Raw chroma accuracy: the same, but octave errors count as right. Null if `rpa50` is null.
        voicing_recall: The share of frames voiced in truth that are voiced in the estimate. Null as `rpa50`, and if the
            program does not return the confidence.
        voicing_false_alarm: The share of frames unvoiced in truth that are voiced in the estimate. Null if every frame
            is voiced in truth, and if the program does not return the confidence.
        overall: The share of all frames that are right: voiced on both sides and within 50 cents, or unvoiced on both.
            Null if the program does not return the confidence.
    """

    rpa50: float | None
    rca50: float | None
    voicing_recall: float | None
    voicing_false_alarm: float | None
    overall: float | None


def accuracy(hz: Hertz, frames: Frames, threshold: float) -> PitchAccuracy | None:
    """Returns the accuracy of frames.

    Args:
        hz: (frames,) known f0, 0 if unvoiced, NaN if unknown. Unknown frames do not count.
        frames: (frames,) of each output.
        threshold: The confidence from which a frame of the estimate counts as voiced.

    Returns:
        None without frames of known f0, or if a pitch or a confidence is not finite.
    """
    without_confidence, known = "confidence" in frames.absent, ~np.isnan(hz)
    hz, pitch_semitones = hz[known], frames.pitch_semitones[known]
    confidence = np.ones(len(hz), np.float32) if without_confidence else frames.confidence[known]
    if not len(hz) or not (np.isfinite(pitch_semitones).all() and np.isfinite(confidence).all()):
        return None
    import mir_eval  # imports scipy, and a stored accuracy is read without it

    voiced = hz > 0
    estimated_voiced = (confidence >= threshold).astype(float)
    estimated_cents = mir_eval.melody.hz2cents(semitones_to_hz(pitch_semitones))
    melody = (voiced.astype(float), mir_eval.melody.hz2cents(hz), estimated_voiced, estimated_cents)
    recall, false_alarm = mir_eval.melody.voicing_measures(melody[0], estimated_voiced)
    nulls = {}
    if not voiced.any():
        nulls = dict.fromkeys(("rpa50", "rca50", "voicing_recall"), "no frame is voiced")
    elif voiced.all():
        nulls = {"voicing_false_alarm": "every frame is voiced"}
    if without_confidence:
        nulls |= dict.fromkeys(("voicing_recall", "voicing_false_alarm", "overall"), absent_output_reason("confidence"))
    figures = {
        "rpa50": mir_eval.melody.raw_pitch_accuracy(*melody),
        "rca50": mir_eval.melody.raw_chroma_accuracy(*melody),
        "voicing_recall": recall,
        "voicing_false_alarm": false_alarm,
        "overall": mir_eval.melody.overall_accuracy(*melody),
    }
    return PitchAccuracy(
        **{name: None if name in nulls else float(value) for name, value in figures.items()}, null_reasons=nulls
    )
