"""The report without a browser: its data are the records', names are text, nothing comes from outside."""

import dataclasses
import io
import json
import re
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from tests.helpers.report_run import CLIPS, FRAMES, NASTY, OFF, RATE_HZ, clip_of, frames_of, make_run
from tests.helpers.results import replaced
from workbench.audio.corpus import Corpus
from workbench.audit.verdict import judge_result
from workbench.cli import main
from workbench.errors import WorkbenchError
from workbench.measure.deviation import PairedFrames
from workbench.recipe import Gate
from workbench.records.frames import frames_path, read_frames, write_frames
from workbench.records.run_folders import StoredResult, find_results, unique_names
from workbench.records.worst_moments import MOMENTS_FOLDER, save_clips_around, sound_of, wav_of, worst
from workbench.report.html import charts
from workbench.report.html.axis import LinearAxis, LogAxis
from workbench.report.html.contours import histogram
from workbench.report.html.overview import figure
from workbench.report.html.page import report_html, write_report
from workbench.report.html.variant import variant_view
from workbench.report.markdown import report_md
from workbench.report.summary import cautions, sentence

ROOT = Path(__file__).parent.parent.parent.parent


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outputs") / "a run"
    make_run(folder)
    return folder


@pytest.fixture(scope="module")
def page(run: Path) -> str:
    return report_html(find_results([run]))


@pytest.fixture(scope="module")
def data(page: str) -> dict:
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


def test_the_figures_of_the_page_are_those_of_the_records(run: Path, data: dict) -> None:
    records = [one.record for one in find_results([run])]
    assert [one["name"] for one in data["variants"]] == [record.recipe.name for record in records]
    for shown, record in zip(data["variants"], records, strict=True):
        pitch = record.deviation.pitch if record.deviation else None
        assert (shown["verdict"], shown["fair"]) == (record.verdict, record.protocol.fair)
        assert shown["p95_cents"] == (pitch.p95_cents if pitch else None)
        assert shown["max_cents"] == (pitch.max_cents if pitch else None)
        assert shown["bytes"] == (record.program.bytes if record.program else None)
        spread = record.speed.speedup if record.speed else None
        assert shown["speedup"] == (spread and {"p50": spread.p50, "low": spread.low, "high": spread.high})
        assert [(gate["metric"], gate["limit"]) for gate in shown["gates"]] == [
            (gate.metric, gate.limit) for gate in record.gates
        ]


def test_the_contours_of_the_page_are_the_frames(run: Path, data: dict) -> None:
    (clip, other) = data["variants"][0]["clips"]
    assert (clip["clip"], other["clip"]) == CLIPS
    assert {at: cents for at, cents in enumerate(clip["cents"]) if cents} == pytest.approx(OFF, abs=0.05)
    assert clip["cents"][:5] == [None] * 5 and None not in clip["cents"][5:]
    baseline, stored = data["baselines"][clip["baseline"]], read_frames(run / "a", CLIPS[0])
    assert baseline["pitch"][5:] == pytest.approx(list(stored.baseline.pitch_semitones[5:]), abs=5e-4)
    assert baseline["confidence"] == pytest.approx(list(stored.baseline.confidence), abs=5e-4)
    assert clip["confidence"] == pytest.approx(list(stored.variant.confidence), abs=5e-4)
    assert baseline["hop_s"] == 0.02


def test_what_is_the_same_is_in_the_page_once(data: dict) -> None:
    assert data["variants"][0]["clips"][0]["baseline"] == data["variants"][0]["clips"][1]["baseline"]
    assert len(data["baselines"]) == 1
    assert len(set(data["sounds"].values())) == len(data["sounds"])


def test_names_are_text_and_never_markup(page: str) -> None:
    found = Tags(page)
    assert not {"img", "iframe", "object", "embed"} & {tag for tag, _ in found.tags}
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
    assert "".join(found.texts).count("onerror=alert(1)") >= 6  # in the headings, tables and choices, as it is written
    assert NASTY in [text.strip() for text in found.texts]


def test_the_page_asks_for_nothing_from_outside(page: str) -> None:
    found = Tags(page)
    links = [
        value
        for _, attributes in found.tags
        for name, value in attributes.items()
        if name in ("src", "href", "action", "poster", "srcset", "data", "xlink:href")
    ]
    assert links
    assert [link for link in links if not link.startswith(("#", "data:"))] == []
    styles = "".join(re.findall(r"<style>(.*?)</style>", page, re.DOTALL))
    assert "url(" not in styles and "@import" not in styles
    policy = next(a["content"] for _, a in found.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'") and "http" not in policy


def test_every_link_within_the_page_leads_somewhere(page: str) -> None:
    found = Tags(page)
    ids = {attributes["id"] for _, attributes in found.tags if "id" in attributes}
    wanted = {a["href"][1:] for tag, a in found.tags if tag == "a"}
    assert wanted and wanted <= ids


def test_reasons_labels_and_dashes_are_shown(page: str) -> None:
    text = re.sub(r"\s+", " ", "".join(Tags(page).texts))
    assert "the program loads, but cannot be set up" in text
    assert "UNFAIR" in text
    assert "2 of 4 variants pass. Smallest: " in text
    assert "The frames that this run compared are not beside its result, so no contour can be drawn." in text
    assert "Nothing was compared: " in text


def test_an_earlier_record_shows_no_frames_of_the_later_one(run: Path) -> None:
    (one,) = find_results([run / "a"])
    shown = variant_view(dataclasses.replace(one, current=False), "a", {}, {}, None)
    assert (shown.clips, shown.moments, shown.histogram) == ([], [], None)
    assert "a later result" in shown.missing_frames


def test_an_undecided_gate_says_why(run: Path) -> None:
    (one,) = find_results([run / "float-xnnpack"])
    speed = one.record.speed.model_copy(update={"speedup_low": 1.5, "speedup_p50": 2.0, "speedup_high": 2.5})
    record = judge_result(one.record.model_copy(update={"speed": speed}), (Gate("speed.speedup_p50", ">=", 2.0),), 0)
    (gate,) = variant_view(dataclasses.replace(one, record=record), "a", {}, {}, None).gates
    assert "1.5 to 2.5" in gate.null_reasons["passed"]


def test_a_page_of_nothing_but_failures_is_made(run: Path) -> None:
    page = report_html(find_results([run / "int8-naive"]))
    assert "The one variant does not pass." in page
    assert "No variant ran, so nothing was timed." in page


def test_broken_frames_are_named(tmp_path: Path) -> None:
    make_run(tmp_path)
    path = frames_path(tmp_path / "a", CLIPS[1])
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(WorkbenchError) as error:
        report_html(find_results([tmp_path]))
    assert str(error.value).startswith(f"{path}: not a file of frames from a run")


def test_a_profile_beside_the_record_tells_the_time_of_its_parts(tmp_path: Path) -> None:
    from tests.workflows.test_profile import made_up
    from workbench.records.profile import PROFILE_NAME
    from workbench.storage.json_files import write_json

    make_run(tmp_path)
    place = tmp_path / "float-xnnpack"
    assert charts.PROFILE_NAME == PROFILE_NAME
    assert "Not profiled." in report_html(find_results([place]))
    profile = made_up()
    write_json(profile, place / PROFILE_NAME)
    (one,) = find_results([place])
    assert variant_view(one, "a", {}, {}, None).time_chart is None, "a profile of another program"
    assert one.record.program is not None
    write_json(profile.model_copy(update={"program": one.record.program}), place / PROFILE_NAME)
    shown = variant_view(one, "a", {}, {}, None).time_chart
    assert [row.name for row in shown.rows] == [part.name for part in profile.parts]
    assert [row.net_us for row in shown.rows] == [part.net_us and part.net_us.p50 for part in profile.parts]
    assert max(row.net_at for row in shown.rows if row.net_at is not None) == 100
    page = report_html([one])
    assert "Not profiled." not in page and "2,000 µs, bound" in page
    (place / PROFILE_NAME).write_text("{}")
    with pytest.raises(WorkbenchError) as error:
        report_html([one])
    assert str(error.value) == (
        f"{place / PROFILE_NAME}: not a profile of schema version 1; delete it, or run `workbench profile` again"
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (0.0, "0"), (0.000763, "0.000763"), (-9.734, "−9.73"), (1203.4794, "1,203"), (6.55e-7, "6.55e-07")],
)
def test_figures(value: float | None, shown: str) -> None:
    assert figure(value, 3) == shown


def test_the_templates_travel_with_the_package() -> None:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    pattern = patterns["workbench.report.html"]
    package = ROOT / "workbench" / "report" / "html"
    beside = {path for path in package.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert beside == {path for glob in pattern for path in package.glob(glob)}


# --- the worst moments


def test_the_worst_frames_are_a_second_apart_and_in_order() -> None:
    found = worst([frames_of("a", OFF), frames_of("b", {7: 5.0})])
    # frame 30 is nearer than a second to 10 and to 59, which is 0.98 s after 10 and so left out too
    assert [(one.clip, round(one.at_s, 3)) for one in found] == [("a", 0.22), ("a", 2.42), ("b", 0.16)]
    assert [one.cents for one in found] == pytest.approx([50, -30, 5], abs=1e-3)
    assert [round(one.from_s, 3) for one in found] == [0, 1.92, 0]


def test_frames_that_are_equal_or_not_voiced_are_no_moments() -> None:
    assert worst([frames_of("a", {})]) == []
    assert worst([frames_of("a", {2: 500.0})]) == []
    assert worst([]) == []


def test_a_frame_that_is_not_finite_is_the_worst() -> None:
    found = worst([frames_of("a", {20: 3000.0, 100: float("nan")})])
    assert [one.cents for one in found] == [None, pytest.approx(3000, abs=1e-2)]


def test_at_most_five() -> None:
    assert len(worst([frames_of(name, {50: 1.0}) for name in "abcdefg"])) == 5


def test_the_second_is_cut_where_the_moment_is() -> None:
    """A click in silence is heard where it was, less where the second begins."""
    samples = np.zeros(3 * 48_000, np.float32)
    samples[round(2.0 * 48_000) : round(2.01 * 48_000)] = 0.5
    (moment,) = worst([frames_of("a", {99: 10.0})])
    assert (moment.at_s, moment.from_s) == (pytest.approx(2.0), pytest.approx(1.5))
    content = wav_of(moment, samples, 48_000)
    heard, rate_hz = soundfile.read(io.BytesIO(content))
    info = soundfile.info(io.BytesIO(content))
    assert (rate_hz, info.channels, info.subtype, info.format) == (12_000, 1, "PCM_16", "WAV")
    assert len(heard) == 12_000
    loud = np.flatnonzero(np.abs(heard) > 0.25) / rate_hz
    assert (loud[0], loud[-1]) == (pytest.approx(0.5, abs=2e-3), pytest.approx(0.51, abs=2e-3))


def test_a_rate_below_12_khz_stays_and_a_short_clip_is_enough() -> None:
    (moment,) = worst([frames_of("a", {10: 10.0})])
    heard, rate_hz = soundfile.read(io.BytesIO(wav_of(moment, np.full(4000, 0.5, np.float32), 8000)))
    assert (len(heard), rate_hz) == (4000, 8000)


def test_where_a_sound_comes_from(run: Path, tmp_path: Path) -> None:
    (tmp_path / "manifest.yaml").write_text("calibrate: []\nscore: []\n")
    tone = clip_of("plain")
    (tmp_path / "sung").mkdir()
    soundfile.write(tmp_path / "sung" / "plain.wav", tone.samples, RATE_HZ)
    record = find_results([run / "a"])[0].record
    moment = worst([frames_of(CLIPS[1], {7: 5.0})])[0]
    kept, why = sound_of(moment, record, run / "a", None)
    assert kept is not None and kept.startswith(b"RIFF") and why == ""

    corpus = Corpus(tmp_path)
    assert sound_of(moment, record, tmp_path, corpus) == (
        None,
        "the run stored no audio of it, and the clip of that name has other content now",
    )
    used = record.audio[1].model_copy(update={"sha256": corpus.read("sung/plain", RATE_HZ).sha256})
    same = record.model_copy(update={"audio": (used,)})
    found, why = sound_of(moment, same, tmp_path, corpus)
    assert why == ""
    heard, _ = soundfile.read(io.BytesIO(found))
    expected, _ = soundfile.read(io.BytesIO(kept))
    assert np.abs(heard[200:-200] - expected[200:-200]).max() < 0.01  # resampled whole, or the second alone
    assert sound_of(moment, record, tmp_path, None) == (
        None,
        "the run stored no audio of it, and there is no clip of that name",
    )


def test_a_second_run_leaves_no_seconds_of_the_first(run: Path) -> None:
    assert len(list((run / "a" / MOMENTS_FOLDER).iterdir())) == 3
    make_run(run)
    assert len(list((run / "a" / MOMENTS_FOLDER).iterdir())) == 3


# --- at a glance


def test_the_histogram_counts_every_voiced_frame_once() -> None:
    found = histogram([frames_of("a", {10: 0.5, 30: 2e9, 40: float("nan")})])
    assert found.frames == FRAMES - 5
    assert found.equal + sum(found.counts) == found.frames
    assert found.counts[-1] == 2
    at = int(np.flatnonzero(found.counts)[0])
    low = 1e-4 * 10 ** (at / 4)
    assert low <= 0.5 < low * 10**0.25
    assert histogram([]) is None


def test_names_are_told_apart(run: Path) -> None:
    one = find_results([run / "unfair"])[0]
    elsewhere = dataclasses.replace(one, run="b")
    assert unique_names([one]) == ["unfair"]
    assert unique_names([one, elsewhere]) == ["a run/unfair", "b/unfair"]
    assert unique_names([one, one]) == ["a run/unfair (1)", "a run/unfair (2)"]


def test_cautions_name_what_differs(run: Path) -> None:
    record = find_results([run / "float-xnnpack"])[0].record

    def with_(**changes: object) -> list[str]:
        return cautions([StoredResult(record, run, "a"), StoredResult(record.model_copy(update=changes), run, "a")])

    assert with_() == []
    assert with_(audio=record.audio[:-1]) == ["scored on different audio"]
    assert with_(environment=record.environment.model_copy(update={"cpu": "another"})) == [
        "timed on different machines or with different threads"
    ]
    assert with_(environment=record.environment.model_copy(update={"torch": "2"})) == [
        "measured with different versions of torch or PESTO"
    ]
    other = record.recipe.model_copy(update={"resolved": {**record.recipe.resolved, "mirror": 0.0}})
    assert with_(recipe=other) == ["compared with different baselines, each with its own"]


def test_the_sentence_of_one_and_of_none(run: Path) -> None:
    (one,) = find_results([run / "float-xnnpack"])
    assert sentence([one], ["it"]).startswith(f"it passes. {one.record.program.bytes:,} bytes; ")
    failing = find_results([run / "unfair", run / "int8-naive"])
    assert sentence(failing, unique_names(failing)) == "None of 2 variants passes."


def rival(one: StoredResult, **changes: object) -> StoredResult:
    """The same with a program half as large; keys such as speed__speedup_p50 change more."""
    record = replaced(one.record, "program.bytes", one.record.program.bytes // 2)
    for path, value in changes.items():
        record = replaced(record, path.replace("__", "."), value)
    return dataclasses.replace(one, record=record)


def test_the_sentence_claims_what_the_records_tell_apart(run: Path) -> None:
    (found,) = find_results([run / "float-xnnpack"])
    spread = {"speed__speedup_low": 4.5, "speed__speedup_p50": 5.0, "speed__speedup_high": 5.5}
    one = rival(found, deviation__pitch__p95_cents=2.0, floor__pitch__p95_cents=0.1, **spread)

    def claims(**changes: object) -> list[str]:
        text = sentence([one, rival(one, **changes)], ["a", "b"])
        return [claim.partition(" (")[0] for claim in text.removeprefix("2 of 2 variants pass. ").split("; ")]

    slower = {"speed__speedup_low": 3.0, "speed__speedup_p50": 4.0, "speed__speedup_high": 4.4}
    wrong = {"deviation__pitch__p95_cents": 3.0}
    assert claims(**slower, **wrong) == ["Smallest: b", "fastest: a", "most accurate: a"]
    assert claims(**slower | {"speed__speedup_high": 4.6}, **wrong)[1] == "largest median speed: a"
    assert claims(**slower, **wrong, environment__cpu="another") == ["Smallest: b", "most accurate: a"]
    assert claims(**slower, **wrong, audio=one.record.audio[:-1]) == ["Smallest: b"]
    assert claims(**slower, **wrong, floor__pitch__p95_cents=3.0)[2] == (
        "least deviation, like others below that of 16-bit dither: a"
    )


def test_axes_put_values_in_their_place() -> None:
    axis = LogAxis(0.1, 1000)
    assert [axis.percent(value) for value in (0, 0.1, 10, 1000, 5000)] == [0, 0, 50, 100, 100]
    assert axis.ticks() == [(0, "0.1"), (25, "1"), (50, "10"), (75, "100"), (100, "1000")]
    assert LinearAxis(-10, 30).ticks() == [(0, "−10"), (25, "0"), (50, "10"), (75, "20"), (100, "30")]


# --- for a pull request, and from the command line


def test_the_text_for_a_pull_request(run: Path) -> None:
    kept = find_results([run])
    text = report_md(kept, unique_names(kept), Path("outputs/a run/report.html"))
    lines = text.splitlines()
    assert lines[0].startswith("### 2 of 4 variants pass. Smallest: ")
    rows = [line for line in lines if line.startswith("| ")]
    assert len(rows) == 2 + len(kept)
    assert "❌ fail (UNFAIR)" in rows[-1] and "-0.1078" in rows[-1]
    assert not [line for line in lines if re.search(r"(?<!\\)<", line)]
    assert "- **unfair** fail: deviation.pitch.p95\\_cents is 1900.000381, wants \\<= 0.01" in lines
    assert lines[-1].endswith("The whole report: `outputs/a run/report.html`")


def command(*words: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["report", *map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "calib_audio").mkdir()
    (tmp_path / "calib_audio" / "manifest.yaml").write_text("calibrate: []\nscore: []\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_is_rendered_again_in_its_place(run: Path, project: Path) -> None:
    code, printed, problems = command(run)
    assert (code, problems) == (0, "")
    size = (run / "report.html").stat().st_size
    assert printed == f"{run / 'report.html'}  4 variants, {size:,} bytes\n"
    assert (run / "report.md").is_file()


def test_several_get_a_folder_of_their_own_or_the_file_asked_for(run: Path, project: Path) -> None:
    _, printed, _ = command(run / "unfair", run / "float-xnnpack" / "result.json")
    assert re.match(r"outputs/\d{8}-\d{6}-report/report\.html  2 variants, ", printed)
    assert command(run / "unfair", "--out", "pages/mine.html")[0] == 0
    assert sorted(path.name for path in (project / "pages").iterdir()) == ["mine.html", "mine.md"]


@pytest.mark.parametrize("name", ["mine.md", "mine", "mine.htm"])
def test_a_page_under_another_suffix_is_refused(name: str, run: Path, project: Path) -> None:
    assert command(run, "--out", name) == (
        2,
        "",
        f"error: --out {name}: the page is HTML; use a name that ends in .html\n",
    )
    assert not (project / name).exists()


def test_a_place_without_records_is_a_mistake(project: Path) -> None:
    code, printed, problems = command("calib_audio")
    assert (code, printed) == (2, "")
    assert problems == "error: calib_audio: has no result.json; `workbench run` writes one for each variant\n"


def test_nothing_is_loaded_that_could_roll_a_model(run: Path, project: Path) -> None:
    code = (
        "import sys\n"
        "from workbench.cli import main\n"
        "main(['report', sys.argv[1]], standalone_mode=False)\n"
        "assert not {'torch', 'executorch', 'pesto'} & set(sys.modules), 'imported'\n"
    )
    subprocess.run([sys.executable, "-c", code, run], check=True, capture_output=True)


def test_the_page_of_ten_variants_is_below_three_megabytes(run: Path, tmp_path: Path) -> None:
    """Ten that deviate each in its own way, over fifteen clips, with all their sounds."""
    make_run(tmp_path / "run")
    one = find_results([tmp_path / "run" / "a"])[0]
    name = CLIPS[1]
    noise = np.random.default_rng(1)

    audio = tuple(one.record.audio[1].model_copy(update={"name": f"{name}{each}"}) for each in range(15))
    record = one.record.model_copy(update={"audio": audio})
    kept = []
    for at in range(10):
        folder, both = tmp_path / f"{at}", []
        for each in range(15):
            frames = frames_of(f"{name}{each}", dict(enumerate(noise.normal(0, 3, FRAMES))))
            both.append(frames)
            sides = PairedFrames(frames.clip, frames.baseline, frames.variant, frames.voiced, "known f0")
            write_frames(folder, sides, frames.time_s)
        heard = [dataclasses.replace(clip_of(clip.name), samples=noise.normal(0, 0.1, 48_000)) for clip in audio]
        save_clips_around(folder, worst(both), heard)
        kept.append(StoredResult(record, folder, "run"))
    write_report(kept, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert page.count("data:audio/wav") == 50
    assert len(page) < 3_000_000


def test_a_recipe_without_a_gate_is_told_that_it_passes_nothing(tmp_path: Path) -> None:
    make_run(tmp_path)
    kept = find_results([tmp_path / "float-xnnpack"])[0]
    ungated = dataclasses.replace(kept, record=kept.record.model_copy(update={"gates": ()}))
    told = "The recipe sets no gate. A broken program fails; without a gate on pitch deviation nothing passes."
    assert told in report_html([ungated]) and told not in report_html([kept])
