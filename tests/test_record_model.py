"""The base of records: a null and its reason belong together, in a replaced copy too."""

from datetime import datetime, timedelta

import pytest
from pydantic import ValidationError

from workbench.record_model import NOT_STATED, RecordModel, now_utc


class Size(RecordModel):
    bytes: int
    ratio: float | None


UNKNOWN = Size(bytes=3, ratio=None, null_reasons={"ratio": "no baseline"})


@pytest.mark.parametrize(("ratio", "reasons"), [(None, {}), (1.0, {"ratio": "no baseline"})])
def test_null_and_reason_belong_together(ratio: float | None, reasons: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="ratio"):
        Size(bytes=3, ratio=ratio, null_reasons=reasons)


def test_figure_of_a_later_version_is_null_with_a_reason() -> None:
    class LaterSize(Size):
        rows: int | None = None

    earlier = LaterSize.model_validate_json('{"bytes": 3, "ratio": null, "null_reasons": {"ratio": "no baseline"}}')
    assert (earlier.rows, earlier.null_reasons) == (None, {"ratio": "no baseline", "rows": NOT_STATED})
    with pytest.raises(ValidationError, match="rows"):
        LaterSize(bytes=3, ratio=0.5, rows=None)


def test_replace_changes_only_the_named_fields() -> None:
    replaced = UNKNOWN.replace(ratio=0.5, null_reasons={})
    assert replaced == Size(bytes=3, ratio=0.5)
    assert UNKNOWN.ratio is None


@pytest.mark.parametrize(
    "changes",
    [{"ratio": 0.5}, {"null_reasons": {}}, {"ratio": float("nan"), "null_reasons": {}}, {"bytes": "x"}, {"size": 1}],
    ids=["value-keeps-reason", "null-loses-reason", "nan", "wrong-type", "unknown-field"],
)
def test_replace_validates_the_copy(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        UNKNOWN.replace(**changes)


def test_now_utc_is_aware_and_to_the_second() -> None:
    now = datetime.fromisoformat(now_utc())
    assert now.utcoffset() == timedelta(0)
    assert now.microsecond == 0
