"""The manifest, and the page that is rendered from it."""

from dataclasses import replace

from tests.helpers.bundles import STREAM, described
from tests.helpers.records.results import stored
from workbench.bundle.contents import readme
from workbench.bundle.manifest import methods


def test_methods_have_shapes_of_each_kind_of_state() -> None:
    internal = methods(STREAM, "internal", 3616)
    assert [(tensor.name, tensor.shape) for tensor in internal["forward"].inputs] == [("audio", (1, 960))]
    assert [tensor.shape for tensor in internal["forward"].outputs] == [(1, 1)] * 3
    assert internal["reset"].inputs[0].dtype == "bool"
    explicit = methods(replace(STREAM, streams=4, max_frames_per_chunk=32), "explicit", 3616)
    assert set(explicit) == {"forward"}
    shapes = [("audio", (4, "samples")), ("state", (4, 3616))]
    assert [(tensor.name, tensor.shape) for tensor in explicit["forward"].inputs] == shapes
    assert explicit["forward"].outputs[3] == explicit["forward"].inputs[1]
    assert [tensor.shape for tensor in explicit["forward"].outputs[:3]] == [(4, "frames")] * 3


def test_readme_shows_how_to_call_each_kind_of_state() -> None:
    internal, explicit = readme(described(stored())), readme(described(stored(), state="explicit"))
    for text in (internal, explicit):
        assert "48000 Hz" in text and "960 samples = 1 frame" in text and "LGPL-3.0" in text
        assert "did not pass" not in text and "not known" not in text
        assert all(section in text for section in ("## C++", "## Kotlin", "## Swift"))
        assert text.count("0.12") == 4 and "below 0.12**" in text, "in the rules, and in each language"
    assert "make_tensor_ptr({1}, which, ScalarType::Bool)" in internal, "the overload for pointers defaults to floats"
    assert "bool which[] = {true, true, true};" in readme(described(stored(), replace(STREAM, streams=3)))
    assert "share_memory_arenas" in internal and "FloatArray(" not in internal
    assert "FloatArray(3616)" in explicit and "`reset`" not in explicit.split("## C++")[1]


def test_readme_shows_a_forced_bundle_and_a_users_checkpoint() -> None:
    manifest = described(stored(verdict="fail", reasons=("too wrong",), recipe__resolved__checkpoint="mine.ckpt"))
    assert manifest.scores.forced
    assert [licence.licence for licence in manifest.licences] == ["Apache-2.0", None]
    text = readme(manifest)
    assert "> **This program did not pass.** Its verdict is *fail*: too wrong." in text
    assert "not known: the weights are from a checkpoint file" in text
