import os
import shutil

import numpy as np
import pytest
from flax import traverse_util

from pie_jax.io import codes, images
from pie_jax.stack import converted, registry
from tests import builders, pickles
from tests.converters import stylegan_files

pytestmark = pytest.mark.usefixtures("no_weights")

SHORT = (
    "--config.perceptual=",
    "--config.recognition=",
    "--config.energy.perceptual=0",
    "--config.energy.recognition=0",
    "--config.energy.prior=0",
    "--config.stages[0].num_steps=2",
    "--config.stages[1].num_steps=2",
    "--config.stages[0].coordinates=w",
    "--config.stages[1].coordinates=w",
)
"""Leaves the generator alone, for a few steps."""


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A small StyleGAN 2 of 32 pixels as NVIDIA's pickle."""
    path = tmp_path_factory.mktemp("published") / "network.pkl"
    variables = stylegan_files.stylegan2()
    path.write_bytes(pickles.tf_pickle(variables, stylegan_files.OPTIONS2))
    return path


@pytest.fixture(scope="module")
def file(published, tmp_path_factory):
    """The same, converted; read only."""
    out = tmp_path_factory.mktemp("converted") / "own.safetensors"
    assert builders.pie("convert", "stylegan2", published, "--out", out) == 0
    return out


@pytest.fixture(scope="module")
def result(file, cache_folder, tmp_path_factory):
    """A portrait embedded with that generator; read only."""
    place = tmp_path_factory.mktemp("with_a_file")
    photo = builders.square_photo(place / "anna.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIE_JAX_CACHE", str(cache_folder))
        assert embed(photo, place / "out", file) == 0
    return place / "out" / "anna"


def embed(photo, out, file, *words):
    named = f"--config.files.generator={file}"
    options = ("--config", "stylegan2", "--aligned", named, *SHORT, *words)
    return builders.pie("embed", photo, "--out", out, *options)


def test_the_file_says_what_it_is_and_where_it_is_from_and_the_help_all_kinds(
    file, published, capsys
):
    header = converted.metadata(file)
    assert header["kind"] == "stylegan2" and header["resolution"] == "32"
    assert header["source_file"] == published.name
    assert header["source_sha256"] == converted.sha256(published)
    assert "no commercial use" in header["licence"]
    assert set(converted.load(file, "stylegan2")) == {"mapping", "synthesis", "w_avg"}
    with pytest.raises(SystemExit):
        builders.pie("convert", "--help")
    shown = capsys.readouterr().out
    for name, kind in registry.CONVERTIBLE.items():
        assert f"\n  {name} " in shown and kind.files in shown


def test_a_file_whose_name_is_no_text_is_converted(published, tmp_path):
    named = tmp_path / os.fsdecode(b"r\xf6.pkl")
    shutil.copy(published, named)
    out = tmp_path / "a.safetensors"
    assert builders.pie("convert", "stylegan2", named, "--out", out) == 0
    assert converted.metadata(out)["source_file"] == r"r\udcf6.pkl"


def test_nothing_is_replaced_without_force(published, tmp_path, capsys):
    out = tmp_path / "of mine.safetensors"
    out.write_text("mine")
    words = ("convert", "stylegan2", published, "--out", out)
    assert builders.pie(*words) == 1
    assert "exists; choose another name, or --force" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert builders.pie(*words, "--force") == 0
    assert converted.metadata(out)["kind"] == "stylegan2"
    shown = capsys.readouterr().out
    assert "kind             stylegan2\n" in shown
    use = f"--config.generator=stylegan2 '--config.files.generator={out}'"
    assert shown.endswith(use + "\n")


@pytest.mark.parametrize(
    "kind, name, out, message",
    [
        ("stylegan9", "network.pkl", "a.safetensors", "no kind 'stylegan9'"),
        ("stylegan2", "network.pkl", "a.npz", "end the name in .safetensors"),
        ("stylegan2", "absent.pkl", "a.safetensors", "Cannot read"),
        ("stylegan1", "network.pkl", "a.safetensors", "convert it as stylegan2"),
    ],
)
def test_what_cannot_be_converted_leaves_nothing(
    published, tmp_path, capsys, kind, name, out, message
):
    source = published.with_name(name)
    assert builders.pie("convert", kind, source, "--out", tmp_path / out) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_code_of_such_a_generator_is_synthesised_again_by_its_own_file_alone(
    result, file, tmp_path, capsys
):
    code, origin = codes.load(result)
    assert code["w_plus"].shape == (8, 512)
    recorded = {"path": str(file), "sha256": converted.sha256(file)}
    assert origin["files"] == {"generator": recorded}
    assert builders.pie("synthesize", result, "--out", tmp_path / "a.png") == 0
    again = images.read(tmp_path / "a.png")
    assert again.shape == (32, 32, 3)
    np.testing.assert_array_equal(again, images.read(result / "projection.png"))

    other = tmp_path / "other.safetensors"
    flat = traverse_util.flatten_dict(converted.load(file, "stylegan2"), sep="/")
    flat["w_avg"] = np.ones(512, np.float32)
    converted.save(other, flat, {"kind": "stylegan2"})
    named = f"--config.files.generator={other}"
    assert builders.pie("synthesize", result, "--out", tmp_path / "a.png", named) == 1
    assert "the configuration names another file" in capsys.readouterr().err
    photo = builders.square_photo(tmp_path / "anna.png")
    assert embed(photo, result.parent, other) == 1
    assert "another configuration or photograph" in capsys.readouterr().err


def test_a_file_that_has_moved_is_asked_for(result, file, tmp_path, capsys):
    moved = tmp_path / "moved.safetensors"
    out = tmp_path / "a.png"
    hidden = file.with_suffix(".hidden")
    shutil.copy(file, moved)
    file.rename(hidden)
    try:
        assert builders.pie("synthesize", result, "--out", out) == 1
        shown = capsys.readouterr().err
        assert (
            f"{file} (SHA-256 {converted.sha256(moved)}), which is not there" in shown
        )
        named = f"--config.files.generator={moved}"
        assert builders.pie("synthesize", result, "--out", out, named) == 0
        # The same file at another place leads to the same result.
        photo = builders.square_photo(tmp_path / "anna.png")
        assert embed(photo, result.parent, moved) == 0
        assert "done already" in capsys.readouterr().out
    finally:
        hidden.rename(file)


@pytest.mark.parametrize(
    "words, message",
    [
        ((), "--config.files.generator=stylegan2.safetensors"),
        (("--config.files.generator=absent.safetensors",), "is not there"),
        (("--config.generator=stylegan1",), "converted as stylegan2"),
        (("--config.generator=testing",), "generator 'testing' takes none"),
    ],
)
def test_a_generator_without_its_file_is_an_error(
    file, tmp_path, capsys, words, message
):
    photo = builders.square_photo(tmp_path / "anna.png")
    assert embed(photo, tmp_path / "out", file if words else "", *words) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
