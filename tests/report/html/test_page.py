"""The report without a browser: its data are the records', names are text, nothing comes from outside."""

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.frames import paired
from tests.helpers.project import workbench
from tests.helpers.records.report_run import CLIPS, FRAMES, NASTY, OFF, clip_of, frames_of, make_run
from tests.helpers.records.results import kept, natively, stored, written
from workbench.audit.verdict import judge_result
from workbench.errors import WorkbenchError
from workbench.recipe import Gate
from workbench.records.frames.stored import frames_path, read_frames, write_frames
from workbench.records.frames.worst_moments import save_clips_around, worst
from workbench.records.profile import PROFILE_NAME, Profile
from workbench.records.run_folders import StoredResult, find_results
from workbench.report.html.contours import histogram
from workbench.report.html.overview import deviation_chart, figure, recipes_line
from workbench.report.html.page import report_html
from workbench.report.html.variant import variant_view
from workbench.storage.json_files import write_json

ROOT = Path(__file__).parent.parent.parent.parent


@pytest.fixture(scope="module")
def page(run: Path) -> str:
    return report_html(find_results([run]))


@pytest.fixture(scope="module")
def data(page: str) -> dict:
    return data_of(page)


def data_of(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


class Tags(HTMLParser):
    """Every tag with its attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


# --- the page


def test_page_data_has_the_figures_of_the_results(run: Path, data: dict) -> None:
    for shown, result in zip(data["variants"], [each.result for each in find_results([run])], strict=True):
        pitch = result.deviation and result.deviation.pitch
        spread = result.speed and result.speed.speedup
        assert (
            shown.items()
            >= {
                "name": result.recipe.name,
                "verdict": result.verdict,
                "fair": result.protocol.fair,
                "p95_cents": pitch and pitch.p95_cents,
                "max_cents": pitch and pitch.max_cents,
                "bytes": result.program and result.program.bytes,
                "speedup": spread and {"p50": spread.p50, "low": spread.low, "high": spread.high},
                "gates": [{"metric": gate.metric, "limit": gate.limit} for gate in result.gates],
            }.items()
        )


def test_page_data_has_the_frames_and_shared_parts_once(run: Path, data: dict) -> None:
    clip, other = data["variants"][0]["clips"]
    assert (clip["clip"], other["clip"]) == CLIPS
    assert {frame: cents for frame, cents in enumerate(clip["cents"]) if cents} == pytest.approx(OFF, abs=0.05)
    assert clip["cents"][:5] == [None] * 5 and None not in clip["cents"][5:]
    baseline, stored = data["baselines"][clip["baseline"]], read_frames(run / "a", CLIPS[0])
    assert baseline["pitch"][5:] == pytest.approx(list(stored.baseline.pitch_semitones[5:]), abs=5e-4)
    assert baseline["confidence"] == pytest.approx(list(stored.baseline.confidence), abs=5e-4)
    assert clip["confidence"] == pytest.approx(list(stored.variant.confidence), abs=5e-4)
    assert baseline["hop_s"] == 0.02
    assert clip["baseline"] == other["baseline"] and len(data["baselines"]) == 1
    assert len(set(data["sounds"].values())) == len(data["sounds"])


def test_page_shows_names_and_reasons_as_text(page: str) -> None:
    found = Tags(page)
    assert not {"img", "iframe", "object", "embed"} & {tag for tag, _ in found.tags}
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
    assert "".join(found.texts).count("onerror=alert(1)") >= 6  # in the headings, tables and choices, as it is written
    assert NASTY in [text.strip() for text in found.texts]
    text = re.sub(r"\s+", " ", "".join(found.texts))
    for reason in (
        "the program loads, but cannot be set up",
        "UNFAIR",
        "2 of 4 variants pass",
        "Nothing was compared: ",
    ):
        assert reason in text
    assert "The frames that this run compared are not beside its result" in text


def test_page_begins_with_recipes_and_a_contour(page: str, data: dict) -> None:
    tags, texts = Tags(page).tags, "".join(Tags(page).texts)
    assert texts.index("float-xnnpack, int8-naive, unfair") < texts.index("PESTO estimates the pitch")
    (first,) = (attributes for _, attributes in tags if attributes.get("id") == "first")
    variant = data["variants"][int(first["data-variant"])]
    moment = variant["moments"][0]
    assert variant["clips"][int(first["data-clip"])]["clip"] == moment["clip"] == CLIPS[0]
    buttons = [attributes for _, attributes in tags if attributes.get("class") == "play"]
    assert buttons[0]["data-sound"] == moment["sound"]
    assert recipes_line([kept(stored(renamed=name)) for name in "abcdefga"]) == "a, b, c, d, e and 2 more"


def test_deviation_bars_are_proportional_to_their_counts(run: Path) -> None:
    frames = frames_of("a", {10: 0.5, 30: 20.0, 31: 20.0})
    (found,) = find_results([run / "float-xnnpack"])
    view = dataclasses.replace(variant_view(found, "a", {}, {}, None), histogram=histogram([frames]))
    (row,) = deviation_chart([view]).rows
    heights = {bar.text: bar.height for bar in row.bars if bar.height}
    assert heights == pytest.approx({"1 of 145 voiced frames": 50, "2 of 145 voiced frames": 100})


def test_page_links_lead_only_into_itself(page: str) -> None:
    found = Tags(page)
    names = ("src", "href", "action", "poster", "srcset", "data", "xlink:href")
    links = [attributes[name] for _, attributes in found.tags for name in names if name in attributes]
    targets = {f"#{attributes['id']}" for _, attributes in found.tags if "id" in attributes}
    assert links
    assert [link for link in links if link not in targets and not link.startswith("data:")] == []
    styles = "".join(re.findall(r"<style>(.*?)</style>", page, re.DOTALL))
    assert "url(" not in styles and "@import" not in styles
    policy = next(a["content"] for _, a in found.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'") and "http" not in policy


def test_view_of_an_archived_result_has_no_frames(run: Path) -> None:
    (one,) = find_results([run / "a"])
    shown = variant_view(dataclasses.replace(one, current=False), "a", {}, {}, None)
    assert (shown.clips, shown.moments, shown.histogram) == ([], [], None)
    assert "a later result" in shown.missing_frames


def test_page_explains_what_is_missing(run: Path) -> None:
    (found,) = find_results([run / "float-xnnpack"])

    def changed(**changes: object) -> str:
        return report_html([dataclasses.replace(found, result=found.result.replace(**changes))])

    speed = found.result.speed.replace(speedup_low=1.5, speedup_p50=2.0, speedup_high=2.5)
    unclear = judge_result(found.result.replace(speed=speed), (Gate("speed.speedup_p50", ">=", 2.0),), 0)
    assert "1.5 to 2.5" in changed(gates=unclear.gates)
    note = "The recipe has no gate. Without a gate on the pitch deviation no variant passes."
    assert note in changed(gates=()) and note not in changed()
    failures = report_html(find_results([run / "int8-naive"]))
    assert "The one variant does not pass." in failures
    assert "No variant ran, so nothing was timed." in failures


def test_page_with_broken_frames_raises(tmp_path: Path) -> None:
    make_run(tmp_path)
    path = frames_path(tmp_path / "a", CLIPS[1])
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(WorkbenchError, match=f"^{re.escape(str(path))}: not a file of frames"):
        report_html(find_results([tmp_path]))


def test_view_has_the_times_of_a_profile_of_its_program(profile: Profile, tmp_path: Path) -> None:
    path = written(stored(), tmp_path) / PROFILE_NAME
    (one,) = find_results([path.parent])
    assert "Not profiled." in report_html([one])
    write_json(profile, path)
    assert variant_view(one, "a", {}, {}, None).time_chart is None, "a profile of another program"
    write_json(profile.replace(program=one.result.program), path)
    shown = variant_view(one, "a", {}, {}, None).time_chart
    layers = profile.layers or ()
    assert [(row.name, row.us) for row in shown.rows] == [(layer.name, layer.total_us) for layer in layers]
    assert max(row.high_at for row in shown.rows) == 100
    page = report_html([one])
    assert "Not profiled." not in page and " µs, bound" in page
    path.write_text("{}")
    with pytest.raises(WorkbenchError, match="not a profile of schema version 2; delete it"):
        report_html([one])


def test_page_shows_native_times_first() -> None:
    """All variants are drawn by one clock: one that was not timed natively makes it that of the Python session."""
    timed = [kept(natively(stored(renamed=name), p50)) for name, p50 in (("a", 5.0), ("b", 10.0))]
    native, mixed = report_html(timed), report_html([*timed, kept(stored(renamed="c"))])
    assert [variant["speedup"]["p50"] for variant in data_of(native)["variants"]] == [5, 10]
    assert (data_of(native)["clock"], data_of(mixed)["clock"]) == ("native", "session")
    session = stored().speed
    assert session is not None
    assert {variant["speedup"]["p50"] for variant in data_of(mixed)["variants"]} == {session.speedup_p50}
    assert f"10.0 times faster in the native host, {session.speedup_p50:.1f} in Python" in native
    assert f"{session.baseline.p50_ms:.2f} → 0.100 ms, in Python {session.variant.p50_ms:.2f}" in native
    assert native.count('class="dot native"') == 2 and "times faster (native)" in native
    assert "(native)" not in report_html([kept(stored())])  # no column without a number


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (0.0, "0"), (0.000763, "0.000763"), (-9.734, "−9.73"), (1203.4794, "1,203"), (6.55e-7, "6.55e-07")],
)
def test_figure_has_so_many_digits(value: float | None, shown: str) -> None:
    assert figure(value, 3) == shown


# --- from the command line


def test_report_writes_into_the_run_a_new_folder_or_out(run: Path, project: Path) -> None:
    result = workbench("report", run)
    size = (run / "report.html").stat().st_size
    assert result.output == f"{run / 'report.html'}  4 variants, {size:,} bytes\n"
    assert (run / "report.md").is_file()
    result = workbench("report", run / "unfair", run / "float-xnnpack" / "result.json")
    assert re.match(r"outputs/\d{8}-\d{6}-report/report\.html  2 variants, ", result.output)
    assert workbench("report", run / "unfair", "--out", "pages/mine.html").exit_code == 0
    assert sorted(path.name for path in (project / "pages").iterdir()) == ["mine.html", "mine.md"]


def test_page_has_at_most_300_kilobytes_a_variant(run: Path, tmp_path: Path) -> None:
    """With fifteen clips that deviate in every frame, and with sounds that do not compress."""
    random, one = np.random.default_rng(1), find_results([run / "a"])[0]
    audio = tuple(one.result.audio[1].model_copy(update={"name": f"sung/{number}"}) for number in range(15))
    clips = [frames_of(clip.name, dict(enumerate(random.normal(0, 3, FRAMES)))) for clip in audio]
    for frames in clips:
        write_frames(tmp_path, paired(frames.baseline, frames.variant, frames.voiced, frames.clip), frames.time_s)
    sounds = [dataclasses.replace(clip_of(clip.name), samples=random.normal(0, 0.1, 48_000)) for clip in audio]
    save_clips_around(tmp_path, worst(clips), sounds)
    page = report_html([StoredResult(one.result.replace(audio=audio), tmp_path, "run")])
    assert page.count("data:audio/wav") == 5
    assert len(page) < 300_000
