"""What every session promises of its memory, its sizes and its streams; the .pte with internal and explicit state."""

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.helpers.programs import ProgramFactory
from tests.helpers.sessions import RestatedSession
from workbench.errors import ProgramError
from workbench.model.streaming import StreamingPesto
from workbench.model.upstream import load_upstream
from workbench.recipe.stream_config import Implementations, StreamConfig
from workbench.runtime.eager import UpstreamSession
from workbench.runtime.session import (
    Frames,
    Session,
    chunks,
    concat_frames,
    random_sizes,
    run_chunks,
    run_clips,
    validate_chunk,
)

Sing = Callable[[int, float], np.ndarray]

FIXED = StreamConfig(16_000, 320, 1, 1.0)
SIZES = replace(FIXED, max_frames_per_chunk=4)
WAITING = replace(SIZES, mirror=0.0)
VOICES = replace(SIZES, streams=3)
FORMS = Implementations("grouped", "fourier", "block")

kinds = pytest.mark.parametrize(
    "kind",
    [
        "upstream",
        "restated",
        pytest.param("internal", marks=pytest.mark.slow),
        pytest.param("explicit", marks=pytest.mark.slow),
    ],
)


@pytest.fixture
def new_session(program_for: ProgramFactory) -> Callable[[str, StreamConfig], Session]:
    def session(kind: str, stream: StreamConfig) -> Session:
        if kind == "upstream":
            return UpstreamSession(load_upstream("mir-1k_g7", stream), stream)
        if kind == "restated":
            return RestatedSession(StreamingPesto(load_upstream("mir-1k_g7", stream), stream, FORMS))
        from workbench.runtime.executorch import PteSession

        return PteSession(program_for(stream, kind))  # type: ignore[arg-type]

    return session


New = Callable[[str, StreamConfig], Session]


def assert_same(got: Frames, expected: Frames) -> None:
    assert_array_equal(got.pitch_semitones, expected.pitch_semitones)
    assert_array_equal(got.confidence, expected.confidence)
    assert_array_equal(got.volume, expected.volume)


def assert_near(got: Frames, expected: Frames, semitones: float = 1e-3) -> None:
    """Equal to float rounding; pitch where the expected side is confident."""
    voiced = expected.confidence >= 0.5
    assert voiced.sum() >= 20
    assert got.pitch_semitones.shape == expected.pitch_semitones.shape
    assert np.abs(got.pitch_semitones - expected.pitch_semitones)[voiced].max() <= semitones
    assert np.abs(got.confidence - expected.confidence).max() <= 1e-4
    assert np.abs(got.volume / expected.volume - 1).max() <= 1e-5


def voices(sing: Sing, seconds: float = 1.0) -> np.ndarray:
    """(3, n): three stretches of the phrase."""
    song, length = sing(16_000, 4.0), int(16_000 * seconds)
    return np.stack([song[at : at + length] for at in (8_000, 20_000, 40_000)])


# --- memory


@kinds
def test_reset_equals_a_fresh_session(kind: str, new_session: New, sing: Sing) -> None:
    samples, other = voices(sing)[:2]
    sizes = random_sizes(SIZES, 1)
    fresh = run_chunks(new_session(kind, SIZES), samples, sizes)
    used = new_session(kind, SIZES)
    run_chunks(used, other, sizes)
    cut = list(chunks(samples, SIZES, sizes))
    going_on = concat_frames([used.step(chunk) for chunk in cut])
    assert not np.array_equal(going_on.volume, fresh.volume)
    assert_same(run_chunks(used, samples, sizes), fresh)
    for chunk in chunks(other[:4_000], SIZES):  # in the middle of a song
        used.step(chunk)
    used.reset()
    assert_same(concat_frames([used.step(chunk) for chunk in cut]), fresh)


@kinds
@pytest.mark.parametrize("threads", [False, True], ids=["interleaved", "in threads"])
def test_sessions_do_not_share_memory(kind: str, threads: bool, new_session: New, sing: Sing) -> None:
    songs = voices(sing)[:2]
    alone = [run_chunks(new_session(kind, SIZES), song, [2, 1, 4]) for song in songs]
    sessions = [new_session(kind, SIZES) for _ in songs]
    cuts = [list(chunks(song, SIZES, [2, 1, 4])) for song in songs]
    steps: list[list[Frames]] = [[], []]
    if threads:

        def run(at: int) -> None:
            steps[at] = [sessions[at].step(chunk) for chunk in cuts[at]]

        workers = [threading.Thread(target=run, args=(at,)) for at in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    else:
        for pair in zip(*cuts, strict=True):
            for at, chunk in enumerate(pair):
                steps[at].append(sessions[at].step(chunk))
    for at in range(2):
        assert_same(concat_frames(steps[at]), alone[at])


def test_restated_sessions_of_one_model_do_not_share_memory(sing: Sing) -> None:
    model = StreamingPesto(load_upstream("mir-1k_g7", FIXED), FIXED)
    one, other = voices(sing)[:2]
    alone = run_chunks(RestatedSession(model), one)
    first, second = RestatedSession(model), RestatedSession(model)
    steps = []
    for a, b in zip(chunks(one, FIXED), chunks(other, FIXED), strict=True):
        steps.append(first.step(a))
        second.step(b)
    assert_same(concat_frames(steps), alone)


@kinds
def test_outputs_survive_the_next_steps(kind: str, new_session: New, sing: Sing) -> None:
    session, song = new_session(kind, VOICES), voices(sing, 0.4)
    kept = [session.step(chunk) for chunk in chunks(song, VOICES, [4, 1])]
    copies = [Frames(f.pitch_semitones.copy(), f.confidence.copy(), f.volume.copy()) for f in kept]
    session.step(np.ones((3, 640), np.float32))
    session.reset()
    for frames, copy in zip(kept, copies, strict=True):
        assert_same(frames, copy)
        assert all(array.flags.owndata for array in (frames.pitch_semitones, frames.confidence, frames.volume))


# --- sizes


@kinds
@pytest.mark.parametrize("stream", [SIZES, WAITING], ids=["mirror 1", "mirror 0"])
def test_every_size_carries_the_memory_and_matches_upstream(
    kind: str, stream: StreamConfig, new_session: New, sing: Sing
) -> None:
    samples = sing(16_000, 2.5)[16_000:]
    session, upstream = new_session(kind, stream), new_session("upstream", stream)
    assert session.stream == stream
    for sizes in ([1], [2], [3], [4], random_sizes(stream, 3)):
        assert_near(run_chunks(session, samples, sizes), run_chunks(upstream, samples, sizes))


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 4])
def test_fixed_and_dynamic_programs_agree(size: int, new_session: New, sing: Sing) -> None:
    samples = sing(16_000, 2.5)[16_000:39_040]  # 18 calls of four frames
    fixed = run_chunks(new_session("internal", replace(FIXED, frames_per_chunk=size)), samples)
    assert_near(run_chunks(new_session("internal", SIZES), samples, [size]), fixed, semitones=1e-4)


@pytest.mark.slow
def test_explicit_and_internal_state_agree(new_session: New, sing: Sing) -> None:
    samples, sizes = sing(16_000, 2.5)[16_000:], random_sizes(SIZES, 4)
    internal, explicit = (run_chunks(new_session(state, SIZES), samples, sizes) for state in ("internal", "explicit"))
    assert_same(explicit, internal)


@kinds
def test_without_mirror_one_go_equals_pieces(kind: str, new_session: New, sing: Sing) -> None:
    samples = sing(16_000, 2.5)[16_000:]
    session = new_session(kind, WAITING)
    assert not WAITING.depends_on_chunking
    assert_near(run_chunks(session, samples, [4]), run_chunks(session, samples, [1]))


@kinds
def test_with_mirror_the_pieces_matter(kind: str, new_session: New, sing: Sing) -> None:
    samples = sing(16_000, 2.5)[16_000:]
    session = new_session(kind, SIZES)
    assert SIZES.depends_on_chunking and not FIXED.depends_on_chunking
    volumes = [run_chunks(session, samples, sizes).volume for sizes in ([4], [1])]
    difference = np.abs(volumes[0] / volumes[1] - 1)[: len(volumes[1]) // 4 * 4]
    assert difference[3::4].max() <= 1e-5  # the last of a call hears zeros either way
    assert difference.max() > 0.1


# --- streams


@kinds
def test_streams_do_not_hear_each_other(kind: str, new_session: New, sing: Sing) -> None:
    songs, sizes = voices(sing), random_sizes(VOICES, 5)
    songs = np.concatenate([songs, songs[::-1]], 1)[:, :20_000]
    session, solo = new_session(kind, VOICES), new_session("upstream", SIZES)
    together = run_chunks(session, songs, sizes)
    for at, song in enumerate(songs):
        assert_near(together.of_stream(at, 1_000), run_chunks(solo, song, sizes))
    loud = songs.copy()
    loud[[0, 2]] = np.random.default_rng(1).standard_normal((2, songs.shape[1])).astype(np.float32)
    among_others = run_chunks(session, loud, sizes).of_stream(1, 1_000)
    assert_same(among_others, together.of_stream(1, 1_000))


@kinds
def test_the_reset_of_one_stream_leaves_the_others(kind: str, new_session: New, sing: Sing) -> None:
    songs = voices(sing)
    cut = list(chunks(songs, VOICES, [2]))
    session = new_session(kind, VOICES)
    fresh = run_chunks(session, songs, [2])
    session.reset()
    before = concat_frames([session.step(chunk) for chunk in cut[:10]])
    session.reset(1)
    again = [session.step(np.stack([a[0], b[1], a[2]])) for a, b in zip(cut[10:], cut, strict=False)]
    after = concat_frames(again)
    for at in (0, 2):
        assert_same(concat_frames([before.of_stream(at, 20), after.of_stream(at, 1_000)]), fresh.of_stream(at, 1_000))
    assert_same(after.of_stream(1, 1_000), fresh.of_stream(1, len(after)))


@kinds
def test_clips_side_by_side_equal_their_solo_rolls(kind: str, new_session: New, sing: Sing) -> None:
    song, sizes = sing(16_000, 4.0), [3, 1, 4]
    clips = [song[8_000:24_321], song[30_000:44_000]]  # of three streams, one has no clip
    solo = new_session("upstream", SIZES)
    rolls = run_clips(new_session(kind, VOICES), clips, sizes)
    assert [len(frames) for frames in rolls] == [52, 44]
    for frames, clip in zip(rolls, clips, strict=True):
        assert_near(frames, run_chunks(solo, clip, sizes))


# --- what is refused


REFUSED = [
    (SIZES, np.zeros(0, np.float32), "a chunk of 0 samples; expected 1 to 4 hops of 320"),
    (SIZES, np.zeros(319, np.float32), "a chunk of 319 samples; expected 1 to 4 hops of 320"),
    (SIZES, np.zeros(641, np.float32), "a chunk of 641 samples; expected 1 to 4 hops of 320"),
    (SIZES, np.zeros(1600, np.float32), "a chunk of 1600 samples; expected 1 to 4 hops of 320"),
    (
        StreamConfig(16_000, 320, 2, 0.0, 4),
        np.zeros(320, np.float32),
        "a chunk of 320 samples; expected 2 to 4 hops of 320",
    ),
    (SIZES, np.zeros((2, 320), np.float32), "a chunk of shape (2, 320); expected (samples,)"),
    (VOICES, np.zeros(320, np.float32), "a chunk of shape (320,); expected (3, samples)"),
    (VOICES, np.zeros((2, 320), np.float32), "a chunk of shape (2, 320); expected (3, samples)"),
    (VOICES, np.zeros((1, 3, 320), np.float32), "a chunk of shape (1, 3, 320); expected (3, samples)"),
    (VOICES, np.zeros((3, 480), np.float32), "a chunk of 480 samples; expected 1 to 4 hops of 320"),
    (FIXED, np.zeros(640, np.float32), "a chunk of 640 samples; expected 320"),
    (FIXED, np.zeros(320, np.int16), "a chunk of int16; expected float32 samples in -1..1"),
    (FIXED, np.zeros(320, np.complex64), "a chunk of complex64; expected float32 samples in -1..1"),
    (FIXED, ["loud"] * 320, "a chunk of <U4; expected float32 samples in -1..1"),
    (FIXED, None, "a chunk of object; expected float32 samples in -1..1"),
]


@pytest.mark.parametrize(("stream", "chunk", "problem"), REFUSED)
def test_a_chunk_that_does_not_fit_is_refused_in_words(stream: StreamConfig, chunk: np.ndarray, problem: str) -> None:
    with pytest.raises(ProgramError) as caught:
        validate_chunk(chunk, stream)
    assert str(caught.value) == problem


def test_what_is_no_array_is_refused_on_one_line() -> None:
    with pytest.raises(ProgramError) as caught:
        validate_chunk([[0.0, 0.1], [0.2]], FIXED)
    assert str(caught.value).startswith("a chunk that is not an array (")
    assert "\n" not in str(caught.value)


def test_a_chunk_is_converted_and_copied() -> None:
    samples = np.linspace(-1, 1, 320)
    got = validate_chunk(samples, FIXED)
    assert got.dtype == np.float32
    assert_array_equal(got, samples[None].astype(np.float32))
    same = np.zeros((1, 320), np.float32)
    assert not np.shares_memory(validate_chunk(same, FIXED), same)
    block = np.zeros((VOICES.chunk_samples, VOICES.streams), np.float32)  # as soundfile reads several channels
    assert validate_chunk(block.T, VOICES).flags.c_contiguous


@kinds
def test_a_refusal_changes_nothing(kind: str, new_session: New, sing: Sing) -> None:
    songs = voices(sing)
    cut = list(chunks(songs, VOICES, [2]))
    session = new_session(kind, VOICES)
    expected = run_chunks(session, songs, [2])
    session.reset()
    steps = [session.step(chunk) for chunk in cut[:12]]
    for stream, chunk, problem in REFUSED:
        if stream == VOICES:
            with pytest.raises(ProgramError) as caught:
                session.step(chunk)
            assert str(caught.value) == problem
    for which in (3, -1):
        with pytest.raises(ProgramError) as caught:
            session.reset(which)
        assert str(caught.value) == f"no stream {which} to reset; there are 3, counted from 0"
    assert_same(concat_frames([*steps, *(session.step(chunk) for chunk in cut[12:])]), expected)


@kinds
def test_a_session_of_one_stream_takes_and_gives_both_forms(kind: str, new_session: New, sing: Sing) -> None:
    chunk = sing(16_000, 1.0)[8_000:8_640]
    session = new_session(kind, SIZES)
    flat = session.step(chunk)
    session.reset()
    rows = session.step(chunk[None])
    assert flat.pitch_semitones.shape == (2,)
    assert rows.pitch_semitones.shape == (1, 2)
    assert len(flat) == len(rows) == 2
    assert_same(rows.of_stream(0, 2), flat)


# --- the program


@pytest.mark.slow
def test_a_program_tells_its_sizes_streams_and_state(program_for: ProgramFactory) -> None:
    from executorch.runtime import Runtime

    from workbench.runtime.executorch import PteSession

    explicit, internal = (PteSession(program_for(VOICES, state)) for state in ("explicit", "internal"))
    for session, state in ((explicit, "explicit"), (internal, "internal")):
        told = {
            key: getattr(session.metadata, key)
            for key in ("state", "streams", "max_frames_per_chunk", "frames_per_chunk")
        }
        assert told == {"state": state, "streams": 3, "max_frames_per_chunk": 4, "frames_per_chunk": 1}
        assert session.stream == VOICES
    names = [Runtime.get().load_program(program_for(VOICES, state)).method_names for state in ("explicit", "internal")]
    assert names[1] - names[0] == {"reset"}


@pytest.mark.slow
def test_one_or_two_frames_a_call(new_session: New, sing: Sing) -> None:
    """The smallest range there is, of which torch would make the constant 2."""
    stream, song = replace(FIXED, max_frames_per_chunk=2), sing(16_000, 2.0)
    program = new_session("internal", stream)
    assert_near(run_chunks(program, song, [1, 2, 2]), run_chunks(new_session("upstream", stream), song, [1, 2, 2]))
    with pytest.raises(ProgramError, match=r"^a chunk of 960 samples; expected 1 to 2 hops of 320$"):
        program.step(song[:960])
