"""The record: what it refuses, how it is stored and read again, and what verdict follows."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, ValidationError

from tests.helpers.results import replaced
from workbench.audit.verdict import judge_result
from workbench.errors import WorkbenchError
from workbench.export.program_file import Delegate, ProgramFile
from workbench.measure.contour import Contour, PitchRange
from workbench.measure.deviation import ClipDeviation, ConfidenceDeviation, Deviation, PitchDeviation, TiedFrame
from workbench.measure.floor import Floor
from workbench.measure.speed import CallTimes, Speed
from workbench.measure.truth import PitchAccuracy, Truth
from workbench.recipe import Gate
from workbench.record_model import RecordModel
from workbench.records.environment import Environment
from workbench.records.result import AlgorithmicLatency, ClipUsed, RecipeUsed, Result, read_record, write_record

MEASURED = ("program", "deviation", "floor", "truth", "speed")
HELD = (Gate("deviation.pitch.p95_cents", "<=", 1),)  # by which `record` passes


class Figures(RecordModel):
    cents: float | None
    rates: dict[str, float] = Field(default={})


class TestSection:
    def test_a_number_needs_no_reason_and_null_needs_one(self) -> None:
        assert Figures(cents=0.0).cents == 0.0
        assert Figures(cents=None, null_reasons={"cents": "no voiced frame"}).cents is None

    @pytest.mark.parametrize(
        ("keys", "message"),
        [
            ({"cents": None}, "null fields ['cents'], but reasons for []"),
            ({"cents": 1.0, "null_reasons": {"cents": "none"}}, "null fields [], but reasons for ['cents']"),
            ({"cents": 1.0, "null_reasons": {"other": "none"}}, "null fields [], but reasons for ['other']"),
            ({"cents": None, "null_reasons": {"other": "none"}}, "null fields ['cents'], but reasons for ['other']"),
        ],
    )
    def test_nulls_and_reasons_go_together(self, keys: dict[str, Any], message: str) -> None:
        with pytest.raises(ValidationError) as error:
            Figures(**keys)
        assert [problem["msg"] for problem in error.value.errors()] == [f"Value error, {message}"]

    @pytest.mark.parametrize("broken", [float("nan"), float("inf"), float("-inf")])
    def test_what_is_not_finite_is_refused_at_any_depth(self, broken: float) -> None:
        for keys in ({"cents": broken}, {"cents": 1.0, "rates": {"a": broken}}):
            with pytest.raises(ValidationError) as error:
                Figures(**keys)
            assert [problem["type"] for problem in error.value.errors()] == ["finite_number"]

    def test_a_section_is_frozen_and_takes_no_other_key(self) -> None:
        with pytest.raises(ValidationError, match="Instance is frozen"):
            Figures(cents=1.0).cents = 2.0
        with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
            Figures(cents=1.0, p59_cents=1.0)


def pitch_figures(cents: float | None) -> PitchDeviation:
    names = [name for name in PitchDeviation.model_fields if name != "null_reasons"]
    reasons = {} if cents is not None else dict.fromkeys(names, "no voiced frame")
    return PitchDeviation(**dict.fromkeys(names, cents), null_reasons=reasons)


def deviation_of(cents: float | None = 0.005, voiced_frames: int = 200, nonfinite_frames: int = 0) -> Deviation:
    shared = {
        "frames": 300,
        "voiced_frames": voiced_frames,
        "nonfinite_frames": nonfinite_frames,
        "pitch": pitch_figures(cents),
        "confidence": ConfidenceDeviation(mean=1e-6, p95=2e-6, max=1 / 3),
        "voicing_flip_rate": 0.0,
        "volume_p95_relative": 1e-7,
    }
    return Deviation(
        **shared,
        tied_frames=(TiedFrame(clip="sung/a", frame=7, cents=-1900.0),),
        clips=(ClipDeviation(name="sung/a", voiced_by="known f0", **shared),),
    )


def record(**changed: Any) -> Result:
    """A whole record, with one null in it so that its reason travels too."""
    latency = CallTimes(p50_ms=1.1, p95_ms=1.2, p99_ms=1.3, max_ms=9.0)
    heard = PitchAccuracy(
        rpa50=0.99,
        rca50=0.995,
        voicing_recall=0.28,
        voicing_false_alarm=None,
        overall=0.5,
        null_reasons={"voicing_false_alarm": "every frame is voiced"},
    )
    content: dict[str, Any] = {
        "created": "2026-01-01T00:00:00+00:00",
        "fingerprint": "f" * 64,
        "recipe": RecipeUsed(
            name="float",
            sha256="a" * 64,
            resolved={"mirror": 1.0, "audio": {"score": ["sung/*"]}},
            checkpoint_sha256="d" * 64,
        ),
        "environment": Environment(
            python="3.11.0",
            platform="Linux",
            cpu="A processor",
            cores=2,
            threads=1,
            torch="2.13.0",
            executorch="1.4.1",
            torchao="0.18.0",
            pesto="2.0.1",
            workbench="0.1.0",
            commit=None,
            null_reasons={"commit": "not run from a git checkout"},
        ),
        "audio": (ClipUsed(name="sung/a", role="score", sha256="b" * 64, seconds=6.0),),
        "program": ProgramFile(
            path="program.pte",
            bytes=17_000_001,
            sha256="c" * 64,
            state="internal",
            delegated_nodes=40,
            portable_nodes=12,
            quantized_ops={},
            float_ops={"convolution": 9},
            delegates=(Delegate(backend="XnnpackBackend", nodes=40),),
            delegated_ops={"convolution": 9},
            portable_ops={"copy": 2},
            bytes_by_kind={"delegate": 17_000_000},
            bytes_by_part={"cqt": 16_000_000},
            bytes_by_dtype={"float32": 16_500_000},
            schemes={},
            ranges=(),
            calibration=None,
            null_reasons={"calibration": "no part of it was quantized by itself"},
        ),
        "latency": AlgorithmicLatency(algorithmic_ms=25.0),
        "deviation": deviation_of(),
        "floor": Floor(pitch=pitch_figures(0.01), confidence=ConfidenceDeviation(mean=0.0, p95=0.0, max=0.0)),
        "truth": Truth(
            clips=("sung/a",),
            frames=300,
            voiced_frames=200,
            delay_ms=25.0,
            threshold=0.5,
            baseline=heard,
            variant=heard,
            rpa50_change=0.0,
            best_threshold=0.21,
            baseline_at_best=heard,
            variant_at_best=heard,
        ),
        "speed": Speed(
            threads=1,
            rounds=20,
            chunks_per_round=25,
            chunk_ms=20.0,
            baseline=latency,
            variant=latency,
            speedup_p50=5.0,
            speedup_low=4.5,
            speedup_high=5.5,
            real_time_factor=0.055,
            deadline_miss_rate=0.0,
            load_ms=30.0,
            cold_first_step_ms=4.0,
            peak_rss_bytes=300_000_000,
        ),
        "seconds": {"build": 3.5},
    }
    return Result(**(content | changed))


def failed(reason: str) -> Result:
    return record(**dict.fromkeys(MEASURED), null_reasons=dict.fromkeys(MEASURED, reason))


class TestFile:
    def test_round_trip(self, tmp_path: Path) -> None:
        whole = judge_result(
            record(), (Gate("deviation.pitch.p95_cents", "<=", 0.01), Gate("program.bytes", "<=", 1)), 100
        )
        path = write_record(whole, tmp_path)
        assert path == tmp_path / "result.json"
        assert read_record(path) == whole

    def test_round_trip_of_a_record_without_figures(self, tmp_path: Path) -> None:
        whole = judge_result(failed("the program crashed the runtime"), HELD, 100)
        assert read_record(write_record(whole, tmp_path)) == whole

    def test_the_file_has_the_keys_that_others_read(self, tmp_path: Path) -> None:
        whole = judge_result(record(), HELD, 100)
        stored = json.loads(write_record(whole, tmp_path).read_text(), parse_constant=pytest.fail)
        assert stored["schema_version"] == 1
        assert stored["program"]["bytes"] == 17_000_001
        assert stored["deviation"]["pitch"]["p95_cents"] == 0.005
        assert stored["deviation"]["confidence"]["max"] == 1 / 3
        assert stored["deviation"]["clips"][0]["name"] == "sung/a"
        assert stored["truth"]["variant"]["voicing_false_alarm"] is None
        assert stored["truth"]["variant"]["null_reasons"] == {"voicing_false_alarm": "every frame is voiced"}
        gate = {"metric": "deviation.pitch.p95_cents", "limit": "<= 1", "value": 0.005, "passed": True}
        assert stored["gates"] == [{"null_reasons": {}, **gate}]
        assert (stored["verdict"], stored["reasons"]) == ("pass", [])

    @pytest.mark.parametrize("broken", [float("nan"), float("inf")])
    def test_a_number_that_slipped_past_validation_is_never_written(self, broken: float, tmp_path: Path) -> None:
        slipped = record().model_copy(update={"seconds": {"build": broken}})
        with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
            write_record(slipped, tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_a_failed_write_keeps_the_record_that_was_there(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write_record(record(), tmp_path)
        before = path.read_bytes()

        def fsync(handle: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(OSError, match="No space left on device"):
            write_record(record(created="2027-01-01T00:00:00+00:00"), tmp_path)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]

    def test_missing(self, tmp_path: Path) -> None:
        path = tmp_path / "result.json"
        with pytest.raises(WorkbenchError) as error:
            read_record(path)
        assert str(error.value) == f"{path}: no such file; `workbench run` writes a result.json"

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda text: text[: len(text) // 2],
            lambda text: "",
            lambda text: "[]",
            lambda text: '\x00 "not JSON"',
            lambda text: text.replace('"schema_version": 1', '"schema_version": 2'),
            lambda text: text.replace('"p95_cents": 0.005', '"p95_cents": NaN', 1),
            lambda text: text.replace('"p95_cents": 0.005', '"p95_cents": null', 1),
            lambda text: text.replace('"verdict": "inconclusive"', '"verdict": "splendid"'),
        ],
        ids=["half", "empty", "list", "no-json", "other-schema", "nan", "null-without-reason", "verdict"],
    )
    def test_what_is_no_record(self, spoil: Any, tmp_path: Path) -> None:
        path = write_record(record(), tmp_path)
        text = path.read_text()
        assert spoil(text) != text
        path.write_text(spoil(text))
        with pytest.raises(WorkbenchError) as error:
            read_record(path)
        assert str(error.value) == f"{path}: not a result of schema version 1; run the recipe again"

    def test_a_folder_is_no_record(self, tmp_path: Path) -> None:
        with pytest.raises(WorkbenchError) as error:
            read_record(tmp_path)
        assert str(error.value) == f"{tmp_path}: cannot be read (Is a directory); check its permissions"


class TestVerdict:
    def test_every_gate_passed(self) -> None:
        whole = judge_result(
            record(), (Gate("deviation.pitch.p95_cents", "<=", 0.01), Gate("speed.speedup_low", ">=", 4)), 200
        )
        assert (whole.verdict, whole.reasons) == ("pass", ())
        assert [gate.passed for gate in whole.gates] == [True, True]

    def test_a_gate_missed(self) -> None:
        gates = (Gate("deviation.pitch.p95_cents", "<=", 0.0025), Gate("speed.speedup_p50", ">=", 6.5))
        whole = judge_result(record(), gates, 100)
        assert whole.verdict == "fail"
        assert whole.reasons == (
            "deviation.pitch.p95_cents is 0.005 (limit <= 0.0025)",
            "speed.speedup_p50 is 5 (limit >= 6.5)",
        )

    def test_a_near_miss_shows_the_difference(self) -> None:
        (reason,) = judge_result(record(), (*HELD, Gate("program.bytes", "<=", 17_000_000)), 100).reasons
        value, _, limit = reason.removeprefix("program.bytes is ").rstrip(")").partition(" (limit <= ")
        assert float(value) > float(limit)

    def test_without_a_gate_on_pitch_nothing_is_passed(self) -> None:
        """The pitch may be anything then, and a pass is what people deploy on."""
        reason = "the recipe has no gate on pitch deviation; add one, for example deviation.pitch.p95_cents: <= 1"
        bias = Gate("deviation.pitch.bias_cents", "<=", 1)  # signed: 300 cents too low are within it
        lower = Gate("deviation.pitch.p95_cents", ">=", 0)
        for gates in ((), (Gate("program.bytes", "<=", 10**9), Gate("speed.speedup_p50", ">=", 1)), (bias, lower)):
            whole = judge_result(record(), gates, 100)
            assert (whole.verdict, whole.reasons) == ("inconclusive", (reason,))
        assert judge_result(failed("it crashed"), (), 100).reasons == ("it crashed",)

    def test_too_few_voiced_frames(self) -> None:
        whole = judge_result(record(deviation=deviation_of(voiced_frames=99)), HELD, 100)
        assert (whole.verdict, whole.reasons) == ("inconclusive", ("only 99 voiced frames (at least 100 required)",))
        assert judge_result(record(deviation=deviation_of(voiced_frames=100)), HELD, 100).verdict == "pass"

    def test_a_busy_machine_decides_nothing(self) -> None:
        """The ends of the rounds are 2.25 apart: whatever the median says, it may as well be twice that or half."""
        busy = replaced(record(), "speed.speedup_high", 4.5 * 2.25)
        whole = judge_result(busy, HELD, 100)
        assert whole.verdict == "inconclusive"
        assert whole.reasons == (
            "timing is inconclusive: speedup ranges from 4.5 to 10.1 (10th to 90th percentile; at most a factor of 2 "
            "allowed); run again on an idle machine, only timing is repeated",
        )
        assert judge_result(replaced(record(), "speed.speedup_high", 9.0), HELD, 100).verdict == "pass"

    @pytest.mark.parametrize(
        ("right", "frames", "verdict"), [(0.49, 100, "inconclusive"), (0.5, 100, "pass"), (0.1, 99, "pass")]
    )
    def test_a_baseline_that_is_wrong_proves_nothing(self, right: float, frames: int, verdict: str) -> None:
        doubted = replaced(replaced(record(), "truth.baseline.rpa50", right), "truth.voiced_frames", frames)
        whole = judge_result(doubted, HELD, 100)
        assert whole.verdict == verdict
        assert whole.reasons == (
            (
                "the baseline's raw pitch accuracy is 49.0% on 100 annotated voiced frames (at least 50% required); "
                "check the annotations, and that the audio is monophonic",
            )
            if verdict == "inconclusive"
            else ()
        )

    def test_a_gate_on_a_number_that_could_not_be_computed(self) -> None:
        whole = judge_result(record(), (*HELD, Gate("truth.variant.voicing_false_alarm", "<=", 0.1)), 100)
        assert whole.verdict == "inconclusive"
        assert whole.reasons == ("truth.variant.voicing_false_alarm has no value: every frame is voiced",)

    def test_a_gate_on_a_section_that_is_missing(self) -> None:
        without = record(truth=None, null_reasons={"truth": "not measured yet"})
        whole = judge_result(without, (*HELD, Gate("truth.variant.rpa50", ">=", 0.9)), 100)
        assert (whole.verdict, whole.reasons) == (
            "inconclusive",
            ("truth.variant.rpa50 has no value: not measured yet",),
        )

    def test_frames_that_are_not_finite_fail_whatever_the_gates_say(self) -> None:
        whole = judge_result(record(deviation=deviation_of(nonfinite_frames=2)), HELD, 100)
        assert (whole.verdict, whole.reasons) == ("fail", ("2 of 300 frames are not finite",))

    def test_frames_of_upstream_that_are_not_finite_leave_it_open(self) -> None:
        unsound = deviation_of().model_copy(update={"baseline_nonfinite_frames": 2})
        whole = judge_result(record(deviation=unsound), HELD, 100)
        told = "2 of 300 baseline frames are not finite; check the audio and the checkpoint"
        assert (whole.verdict, whole.reasons) == ("inconclusive", (told,))

    def test_older_records_count_no_frames_of_upstream(self) -> None:
        older = deviation_of().model_dump(mode="json")
        for counted in (older, *older["clips"]):
            del counted["baseline_nonfinite_frames"]
        assert Deviation.model_validate_json(json.dumps(older)) == deviation_of()

    def test_a_memory_that_is_a_constant_fails_and_so_does_a_pitch_that_does_not_move(self) -> None:
        def reach(low: float, high: float, confidence: float) -> PitchRange:
            return PitchRange(low_semitones=low, middle_semitones=low, high_semitones=high, confidence=confidence)

        whole = record(contour=Contour(baseline=reach(48, 67, 0.9), variant=reach(50, 50.4, 0.1)))
        assert whole.program is not None
        frozen = whole.program.model_copy(update={"frozen": ("ring: 1×7232 zeros",)})
        judgement = judge_result(whole.model_copy(update={"program": frozen}), HELD, 100)
        assert (judgement.verdict, judgement.reasons) == (
            "fail",
            (
                "the streaming state was folded into a constant (ring: 1×7232 zeros), so each call sees only its own "
                "audio; export with state: explicit",
                whole.contour.flat_reason,
            ),
        )

    def test_a_failure_outweighs_a_doubt_and_both_are_told(self) -> None:
        gates = (Gate("deviation.pitch.max_cents", "<=", 1), Gate("speed.threads", "<=", 0))
        whole = judge_result(record(deviation=deviation_of(None, voiced_frames=0, nonfinite_frames=1)), gates, 100)
        assert whole.verdict == "fail"
        assert whole.reasons == (
            "speed.threads is 1 (limit <= 0)",
            "1 of 300 frames are not finite",
            "deviation.pitch.max_cents has no value: no voiced frame",
            "only 0 voiced frames (at least 100 required)",
        )

    def test_no_program_fails_with_what_went_wrong(self) -> None:
        whole = judge_result(failed("the program crashed the runtime"), (Gate("program.bytes", "<=", 1),), 100)
        assert (whole.verdict, whole.reasons) == ("fail", ("the program crashed the runtime",))
        assert [(gate.metric, gate.passed) for gate in whole.gates] == [("program.bytes", None)]

    def test_a_program_without_a_deviation_fails_too(self) -> None:
        whole = judge_result(
            record(deviation=None, null_reasons={"deviation": "it crashed on the third clip"}), HELD, 100
        )
        assert (whole.verdict, whole.reasons) == ("fail", ("it crashed on the third clip",))

    def test_judging_changes_nothing_else(self) -> None:
        before = record()
        after = judge_result(before, (Gate("program.bytes", "<=", 1),), 100)
        assert before.verdict == "inconclusive" and before.gates == ()
        left_out = {"gates", "verdict", "reasons"}
        assert after.model_dump(exclude=left_out) == before.model_dump(exclude=left_out)
