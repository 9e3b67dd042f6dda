import warnings

import chex
import jax
import numpy as np
import pytest
from flax import traverse_util
from pie_jax.converters import stack

from pie_jax import catalogue
from pie_jax.cli import config, runtime
from pie_jax.core.errors import PieError
from pie_jax.io import converted, weights
from pie_jax.networks import stylegan1, stylegan2
from pie_jax.networks.mofa import RECOGNITION
from tests import builders


@pytest.fixture
def asked(monkeypatch, no_weights) -> list[str]:
    """Replaces the cache by random weights, and lists the names asked for."""
    names = []
    inits = {
        choice.weights: choice.init
        for table in catalogue.PARTS.values()
        for choice in table.values()
    }

    def load(name: str):
        assert name in names  # fetched before it is read
        return builders.random_params(inits[name])

    monkeypatch.setattr(stack, "ensure", lambda *wanted, **_: names.extend(wanted))
    monkeypatch.setattr(weights, "load", load)
    return names


def test_mofa_comes_with_the_recognition_network_in_it(asked):
    _, params = runtime.start(config.load("default"), parts=("mofa",))
    assert asked == ["dlib_resnet"] and set(params) == {"mofa"}
    recognition = params["mofa"][RECOGNITION]
    chex.assert_trees_all_equal(recognition, weights.load("dlib_resnet"))


def test_only_the_parts_asked_for_are_fetched_and_loaded(asked):
    values = config.load("default")
    assembled, params = runtime.start(values, parts=("generator",))
    assert asked == ["mobile_stylegan_ffhq"]
    assert set(params) & set(catalogue.PARTS) == {"generator"}
    assert params["generator"]["w_avg"].shape == (512,)
    assert assembled.generator.resolution == 1024


def test_everything_is_fetched_with_what_is_needed_besides(asked):
    _, params = runtime.start(config.load("default"), "landmarks68")
    assert sorted(asked) == sorted(
        ["mobile_stylegan_ffhq", "vgg16", "dlib_resnet", "landmarks68"]
    )
    assert set(params) >= {"generator", "perceptual", "recognition"}


def test_the_testing_configuration_needs_no_weights_and_is_always_the_same(asked):
    _, first = runtime.start(config.load("testing"))
    _, second = runtime.start(config.load("testing"))
    assert asked == []
    chex.assert_trees_all_equal(first, second)
    chex.assert_tree_all_finite(first)


def test_weights_that_do_not_fit_the_network_are_an_error(asked, monkeypatch):
    monkeypatch.setattr(weights, "load", lambda name: {"w_avg": np.zeros(512)})
    with pytest.raises(PieError, match="do not fit the network"):
        runtime.start(config.load("default"), parts=("generator",))


def test_a_damaged_entry_of_compiled_programs_is_no_warning(no_weights):
    with warnings.catch_warnings(record=True) as caught:
        runtime.start(config.load("testing"))
        # As jax words it; it compiles anew after that.
        warnings.warn(
            "Error reading persistent compilation cache entry for 'jit_run': error: "
            "Error -3 while decompressing data",
            stacklevel=1,
        )
    assert not caught


def small_generator(path, module, widths):
    """A converted file of a small StyleGAN with random parameters."""
    params = builders.random_params(
        lambda key: module.init_params(key, widths, mapping_layers=2)
    )
    flat = traverse_util.flatten_dict(jax.tree.map(np.asarray, params), sep="/")
    kind = module.__name__.rpartition(".")[2]
    converted.save(path, flat, {"kind": kind})
    return params


@pytest.mark.parametrize("module", [stylegan1, stylegan2])
def test_a_file_brings_a_generator_of_its_own_size(asked, tmp_path, module):
    kind = module.__name__.rpartition(".")[2]
    file = tmp_path / "own.safetensors"
    saved = small_generator(file, module, (6, 5, 4))
    named = [f"--config.generator={kind}", f"--config.files.generator={file}"]
    values = config.load("default", named)
    assembled, params = runtime.start(values, parts=("generator",))
    assert asked == []
    generator = assembled.generator
    assert (generator.num_ws, generator.resolution) == (6, 16)
    assert assembled.stages[0].expand(np.zeros(512)).shape == (6, 512)
    chex.assert_trees_all_equal(params["generator"], saved)
    assert params["latents"]["axes"].shape == (512, 512)
    w_plus = np.zeros((1, 6, 512), np.float32)
    image = generator.synthesis(params["generator"], w_plus)
    assert image.shape == (1, 16, 16, 3)
    origins = runtime.origins(values)
    assert origins == {
        "generator": {"path": str(file), "sha256": converted.sha256(file)}
    }


def test_a_file_may_stand_for_any_part_and_the_others_are_fetched(asked, tmp_path):
    init = catalogue.PERCEPTUAL["vgg16"].init
    flat = traverse_util.flatten_dict(
        jax.tree.map(np.asarray, builders.random_params(init, seed=5)), sep="/"
    )
    file = tmp_path / "vgg16.safetensors"
    converted.save(file, flat, {"kind": "vgg16"})
    values = config.load("default", [f"--config.files.perceptual={file}"])
    _, params = runtime.start(values, parts=("perceptual", "recognition"))
    assert asked == ["dlib_resnet"]
    kernel = params["perceptual"]["block1_conv1"]["kernel"]
    np.testing.assert_array_equal(kernel, flat["block1_conv1/kernel"])


def test_a_misshapen_file_is_told_by_its_own_name(asked, tmp_path):
    file = tmp_path / "own.safetensors"
    arrays = {"mapping/dense0/bias": np.zeros(3), "w_avg": np.zeros(3)}
    for kind, more in [
        ("stylegan2", {}),
        ("stylegan2", {"synthesis/block4_conv1/bias": np.zeros(3)}),
        ("mobile_stylegan_ffhq", {}),
    ]:
        converted.save(file, arrays | more, {"kind": kind})
        named = [f"--config.generator={kind}", f"--config.files.generator={file}"]
        with pytest.raises(PieError, match="not those of|own.safetensors do not fit"):
            runtime.start(config.load("default", named), parts=("generator",))
    assert asked == []


def test_an_encoder_of_ones_own_is_the_start(asked, tmp_path):
    values = config.load("default", ["--config.start=encoder"])
    parts = ("generator", "encoder")
    choice = catalogue.ENCODERS["mobile_stylegan_ffhq"]
    network = builders.random_params(lambda key: choice.init(key, 3))
    flat = traverse_util.flatten_dict(
        jax.tree.map(lambda x: np.float16(0.1 * x), network), sep="/"
    )
    file = tmp_path / "encoder.safetensors"
    converted.save(file, flat, {"kind": "encoder"})
    values.files.encoder = str(file)
    assembled, params = runtime.start(values, parts=parts)
    assert params["encoder"]["reduce"]["kernel"].shape[1] == 3
    w_plus = assembled.start(params, np.zeros((1, 256, 256, 3), np.float32))
    assert w_plus.shape == (1, assembled.generator.num_ws, 512)
    chex.assert_tree_all_finite(w_plus)
