"""Every tracker finds the pitch of rendered tones, and a package that is missing or broken is one line."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from workbench.errors import RivalError
from workbench.rivals.catalogue import RIVALS, rival_named
from workbench.rivals.rival import LOWEST_HZ, Rival, Tracker

NOTES_HZ, NOTE_S, REST_S = (110.0, 311.0, 880.0), 0.5, 0.3
LOCAL = [
    rival for rival in RIVALS if rival.name not in ("penn", "torchcrepe-full")
]  # a download; the same code as tiny


def _need(module: str) -> None:
    """Skips the test if a package is not installed. importorskip would import it, without the stub that it needs."""
    if find_spec(module) is None:
        pytest.skip(f"{module} is not installed")


def _notes(rate_hz: int) -> np.ndarray:
    """Notes of ten harmonics, each followed by a rest of faint noise."""
    time_s = np.arange(int(NOTE_S * rate_hz)) / rate_hz
    parts = []
    for hz in NOTES_HZ:
        note = sum(np.sin(2 * np.pi * hz * k * time_s) / k for k in range(1, 11) if hz * k < rate_hz / 2)
        parts += [0.2 * note * np.minimum(1, 100 * time_s) * np.minimum(1, 100 * time_s[::-1])]
        parts += [1e-4 * np.random.default_rng(1).standard_normal(int(REST_S * rate_hz))]
    return np.concatenate(parts).astype(np.float32)


@pytest.mark.parametrize("rival", LOCAL, ids=lambda rival: rival.name)
def test_a_tracker_finds_the_notes_and_the_rests(rival: Rival) -> None:
    _need(rival.module)
    estimate = rival.open().track(_notes(rival.sample_rate_hz))

    period_s = NOTE_S + REST_S
    index, within_s = np.divmod(estimate.times_s, period_s)
    inside = (within_s > 0.15) & (within_s < NOTE_S - 0.15) & (index < len(NOTES_HZ))
    resting = (within_s > NOTE_S + 0.13) & (within_s < period_s - 0.1)
    cents = 1200 * np.log2(estimate.hz[inside] / np.array(NOTES_HZ)[index[inside].astype(int)])

    assert np.abs(cents).max() < 25
    assert estimate.voiced[inside].all()
    assert (np.diff(estimate.times_s) > 0).all()
    assert np.diff(estimate.times_s) == pytest.approx(rival.hop_samples / rival.sample_rate_hz, abs=1e-6)
    if estimate.voicing is not None:
        assert estimate.voicing[inside].min() > estimate.voicing[resting].max()
        assert estimate.voiced[resting].mean() < 0.5  # at its default CREPE calls much noise voiced
    if rival.default_threshold is not None and rival.name != "praat":  # Praat compares with silence too
        assert np.array_equal(estimate.voiced, estimate.voicing >= rival.default_threshold)


def test_weights_are_files_or_there_are_none() -> None:
    _need("torchcrepe")
    weights = {name: rival_named(name).open().weights for name in ("torchcrepe-tiny", "praat")}
    assert [path.stat().st_size for path in weights["torchcrepe-tiny"]] == [1_962_363]
    assert weights["praat"] == ()


def test_penn_covers_the_clip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _need("penn")
    import torch

    from workbench.model.upstream import stub_torchaudio_if_broken
    from workbench.rivals import penn

    stub_torchaudio_if_broken()
    penn.stub_torbi_if_broken()
    import penn as package

    torch.save({"model": package.Model().state_dict()}, tmp_path / "random.pt")  # the real one is a download
    monkeypatch.setattr(penn, "_download", lambda: tmp_path / "random.pt")
    estimate = penn.PENN.open().track(_notes(8_000))
    assert estimate.times_s[[0, -1]] == pytest.approx([0.005, 2.395])


def _raises() -> Tracker:
    raise OSError("libmissing.so: cannot open\nsecond line")


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("no_such_module", "mine: its-package is not installed; pip install 'pesto-workbench[rivals]'"),
        ("math", "mine: its-package cannot be loaded (libmissing.so: cannot open); another version of it may fit"),
    ],
)
def test_a_package_that_is_missing_or_broken_is_one_line(module: str, message: str) -> None:
    rival = Rival("mine", module, "its-package", "MIT", 16_000, 160, "", None, "", "", _raises)
    with pytest.raises(RivalError) as caught:
        rival.open()
    assert str(caught.value) == message


def test_names_are_unique_and_a_wrong_one_gets_a_suggestion() -> None:
    assert len({rival.name for rival in RIVALS}) == len(RIVALS)
    assert LOWEST_HZ < 41.2  # E1, the lowest note of a bass guitar
    with pytest.raises(RivalError, match="swift: no such rival"):
        rival_named("swift")
