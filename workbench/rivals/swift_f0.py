"""swift-f0: a small convolutional network on a spectrogram, in ONNX Runtime."""

from pathlib import Path

from workbench.rivals.rival import Estimate, Floats, Rival, Tracker, estimate

_RATE_HZ, _HOP, _THRESHOLD = 16_000, 256, 0.5


def _load() -> Tracker:
    import swift_f0

    detector = swift_f0.SwiftF0(threads=1)
    stream = detector.stream()

    def track(samples: Floats) -> Estimate:
        result = detector.detect(samples, _RATE_HZ)
        return estimate(result.timestamps, result.pitch_hz, result.confidence, _THRESHOLD)

    return Tracker(
        track,
        weights=(Path(swift_f0.__file__).parent / "model.onnx",),
        push=lambda samples: stream.push(samples, _RATE_HZ),
        streamed="its own stream: it waits for 176 ms after a frame, and computes 22 frames or more for each push",
    )


SWIFT_F0 = Rival(
    name="swift-f0",
    module="swift_f0",
    package="swift-f0",
    licence="MIT",
    sample_rate_hz=_RATE_HZ,
    hop_samples=_HOP,
    voicing="the network's confidence",
    default_threshold=_THRESHOLD,
    lookahead="ten later frames of 16 ms: half of a window of 2,048 samples and seven frames of the network",
    advice="the recording is complete, or 0.2 s of delay is acceptable, and its voicing or its size decides",
    load=_load,
)
