import os
import warnings
from types import MappingProxyType

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from pie_jax.configs import testing
from pie_jax.core.errors import PieError
from pie_jax.core.params import Params
from pie_jax.networks import stylegan1, stylegan2
from pie_jax.stack import cache, configuration, converted, fetch, networks, programs
from pie_jax.stack.load import keep_compiled_programs, load, origins
from pie_jax.stack.networks import Network
from pie_jax.stack.uses import EMBED, SYNTHESIZE, Use
from tests import builders

PERCEPTUAL, RECOGNITION = Use(parts=("perceptual",)), Use(parts=("recognition",))


def small_generator(path, module, widths):
    """A converted file of a small StyleGAN with random parameters."""
    params = builders.random_params(
        lambda key: module.init_params(key, widths, mapping_layers=2)
    )
    flat = traverse_util.flatten_dict(jax.tree.map(np.asarray, params), sep="/")
    kind = module.__name__.rpartition(".")[2]
    converted.save(path, flat, {"kind": kind})
    return params


def parts(params: Params) -> set[str]:
    return {k for k, x in vars(params).items() if x is not None and x != {}}


@pytest.fixture
def fetched(fakes, monkeypatch):
    """Overrides that name a perceptual network, "net", and one of recognition: a file
    with "net" within."""
    fetch.ensure("net", source=fakes.folder, progress=False)
    net = {"layer": {"bias": jnp.zeros(6)}}
    fake = Network(lambda: None, lambda key: net, "net")
    monkeypatch.setitem(networks.PERCEPTUAL, "fake", fake)
    whole = Network(
        lambda: None,
        lambda key: {"scale": jnp.zeros(2), "inner": net},
        "vgg_face",
        within=MappingProxyType({"inner": "net"}),
    )
    monkeypatch.setitem(networks.RECOGNITION, "whole", whole)
    file = fakes.folder / "whole.safetensors"
    converted.save(file, {"scale": np.ones(2, np.float16)}, {"kind": "vgg_face"})
    return [
        "--config.perceptual=fake",
        "--config.recognition=whole",
        f"--config.files.recognition={file}",
    ]


def test_only_the_parts_asked_for_are_loaded_and_they_must_fit(fetched, fakes):
    config = configuration.load("testing", fetched)
    params = load(config, PERCEPTUAL).params
    assert parts(params) == {"perceptual"}
    np.testing.assert_array_equal(params.perceptual["layer"]["bias"], np.arange(6.0))
    assert parts(load(config, SYNTHESIZE).params) == {"generator"}
    assert parts(load(config, EMBED).params) == {
        "generator",
        "perceptual",
        "recognition",
    }
    assert fakes.cached() == ["net.safetensors"]
    header = cache.metadata("net")
    cache.save("net", {"layer/kernel": np.zeros(6)}, header)
    with pytest.raises(PieError, match="(?s)do not fit.*surplus: layer/kernel.*verify"):
        load(configuration.load("testing", fetched), PERCEPTUAL)


def test_a_network_comes_with_the_one_in_it_from_a_file_and_the_cache(fetched):
    config = configuration.load("testing", fetched)
    params = load(config, RECOGNITION).params.recognition
    np.testing.assert_array_equal(params["scale"], np.ones(2))
    np.testing.assert_array_equal(params["inner"]["layer"]["bias"], np.arange(6.0))
    assert {x.dtype for x in jax.tree.leaves(params)} == {np.dtype(np.float32)}


def test_the_testing_configuration_is_always_the_same_and_layouts_the_published(
    no_weights,
):
    first, second = (load(configuration.load("testing"), EMBED) for _ in range(2))
    assert parts(first.params) == {"generator"}
    chex.assert_trees_all_equal(first.params, second.params)
    chex.assert_tree_all_finite(first.params)
    generator = first.functions.generator
    w_plus = jnp.ones((1, generator.num_ws, 512))
    image = generator.synthesis(first.params.generator, w_plus)
    assert image.shape == (1, generator.resolution, generator.resolution, 3)

    for network, layer, shape in [
        (networks.PERCEPTUAL["vgg16"], "block4_conv2", (3, 3, 512, 512)),
        (networks.RECOGNITION["dlib_resnet"], "fc", (256, 128)),
    ]:
        for _ in range(2):  # made, and read again
            layout = programs.layout(network.init, network.weights, ())
            assert layout[layer]["kernel"].shape == shape
            assert layout[layer]["kernel"].dtype == np.float32


@pytest.mark.parametrize("wanted", ["prior", "principal", "curvature"])
def test_what_tells_of_the_codes_is_there_where_it_is_wanted(no_weights, wanted):
    config = testing.get_config()
    last = config.stages[1]
    if wanted == "prior":
        config.energy.prior = 1.0
    else:
        last.coordinates = wanted
    if wanted == "curvature":
        last.optimizer, last.schedule = "quasi_newton", "adaptive"
    stack = load(config, EMBED)
    latents = jax.tree.map(jnp.shape, stack.params.latents)
    assert latents == {"mean": (512,), "axes": (512, 512)}
    if wanted == "curvature":
        shapes = jax.tree.map(jnp.shape, stack.params.curvature)
        assert shapes["directions"][::2] == shapes["roots"]
        assert shapes["rest"] == (stack.functions.generator.num_ws,)


@pytest.mark.parametrize("start", ["mean", "encoder"])
def test_every_start_gives_codes_of_the_generator(no_weights, start):
    stack = load(configuration.load("testing", [f"--config.start={start}"]), EMBED)
    image = jnp.linspace(-1, 1, 2 * 16 * 16 * 3).reshape(2, 16, 16, 3)
    w_plus = stack.functions.start(stack.params, image)
    assert w_plus.shape == (2, stack.functions.generator.num_ws, 512)
    # The encoder looks at the picture, the mean does not.
    assert bool(jnp.allclose(w_plus[0], w_plus[1], atol=1e-4)) == (start == "mean")


def test_a_damaged_entry_of_compiled_programs_is_no_warning(no_weights):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")  # none of the tests' own
        load(configuration.load("testing"), SYNTHESIZE)
        # As jax words it; it compiles anew after that.
        warnings.warn(
            "Error reading persistent compilation cache entry for 'jit_run': error: "
            "Error -3 while decompressing data",
            stacklevel=1,
        )
    assert not caught


def test_programs_that_a_full_disk_cut_off_are_removed_and_odd_folders_do_without(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("PIE_JAX_CACHE", str(tmp_path))
    (tmp_path / "xla").mkdir()
    for name, content in (("empty-cache", b""), ("whole-cache", b"program")):
        (tmp_path / "xla" / name).write_bytes(content)
    before = jax.config.jax_compilation_cache_dir
    try:
        keep_compiled_programs()
        assert jax.config.jax_compilation_cache_dir == str(tmp_path / "xla")
        monkeypatch.setenv("PIE_JAX_CACHE", os.fsdecode(b"/a\xff"))
        keep_compiled_programs()
        assert jax.config.jax_compilation_cache_dir == str(tmp_path / "xla")
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
    assert [path.name for path in (tmp_path / "xla").iterdir()] == ["whole-cache"]


@pytest.mark.parametrize("module", [stylegan1, stylegan2])
def test_a_file_brings_a_generator_of_its_own_size(no_weights, tmp_path, module):
    kind = module.__name__.rpartition(".")[2]
    file = tmp_path / "own.safetensors"
    saved = small_generator(file, module, (6, 5, 4))
    named = [f"--config.generator={kind}", f"--config.files.generator={file}"]
    config = configuration.load("projection", named)
    stack = load(config, SYNTHESIZE)
    generator = stack.functions.generator
    assert (generator.num_ws, generator.resolution) == (6, 16)
    assert stack.functions.stages[0].expand(np.zeros(512)).shape == (6, 512)
    chex.assert_trees_all_equal(stack.params.generator, saved)
    known = {"generator": {"path": str(file), "sha256": converted.sha256(file)}}
    assert origins(config) == stack.functions.origins == known


def test_ones_own_generator_comes_with_its_parameters(no_weights):
    own, _, known = builders.small_stack()
    stack = load(
        configuration.load("testing"), EMBED, own=own, own_params=known.generator
    )
    assert stack.functions.generator is own
    chex.assert_trees_all_equal(stack.params.generator, known.generator)


def test_a_misshapen_file_is_told_by_its_own_name(no_weights, tmp_path):
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
            load(configuration.load("projection", named), SYNTHESIZE)


@pytest.mark.parametrize(
    "kind, change, message",
    [
        ("mofa", {"body/stem/bias": None}, "not those of mofa"),
        ("mofa", {"body/stem/bias": np.float16(1)}, "not those of mofa|do not fit"),
        ("mofa", {"rotation/bias": np.zeros(2)}, r"rotation/bias is float32 \[2\]"),
        ("morphable", {"camera": None}, "missing: camera"),
    ],
)
def test_what_lacks_or_changes_a_part_is_named(
    fakes, tmp_path, monkeypatch, kind, change, message
):
    fetch.ensure("net", source=fakes.folder, progress=False)
    within = {key: "net" for key in networks.MOFA["mofa"].within}
    other = networks.MOFA["mofa"]._replace(within=within)
    monkeypatch.setitem(networks.MOFA, "mofa", other)
    part = "mofa" if kind == "mofa" else "face_model"
    flat = builders.toy_arrays()
    if kind == "mofa":
        whole = programs.layout(networks.MOFA["mofa"].init, "mofa", (1 / 16,))
        whole = {k: x for k, x in whole.items() if k not in within}
        flat = {
            k: np.zeros(x.shape, np.float16)
            for k, x in traverse_util.flatten_dict(whole, sep="/").items()
        }
    assert change.keys() <= flat.keys()
    flat = {k: x for k, x in (flat | change).items() if x is not None}
    file = tmp_path / "own.safetensors"
    converted.save(file, flat, {"kind": kind})
    config = configuration.load("default", [f"--config.files.{part}={file}"])
    with pytest.raises(PieError, match=message) as error:
        load(config, Use(parts=(part,)))
    assert "own.safetensors" in str(error.value) or "not those" in str(error.value)


def test_an_encoder_of_ones_own_is_the_start(no_weights, tmp_path):
    network = networks.ENCODERS["testing"]._replace(weights="encoder")
    params = builders.random_params(lambda key: network.init(key, 3))
    flat = traverse_util.flatten_dict(
        jax.tree.map(lambda x: np.float16(0.1 * x), params), sep="/"
    )
    file = tmp_path / "encoder.safetensors"
    converted.save(file, flat, {"kind": "encoder"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(networks.ENCODERS, "testing", network)
        overrides = ["--config.start=encoder", f"--config.files.encoder={file}"]
        stack = load(configuration.load("testing", overrides), EMBED)
    assert stack.params.encoder["reduce"]["kernel"].shape[1] == 3
    image = np.zeros((1, 256, 256, 3), np.float32)
    w_plus = stack.functions.start(stack.params, image)
    assert w_plus.shape == (1, stack.functions.generator.num_ws, 512)
    chex.assert_tree_all_finite(w_plus)


@pytest.mark.real
def test_the_default_stack_fits_its_networks():
    params = load(configuration.load("default"), EMBED).params
    assert parts(params) >= {"generator", "perceptual", "recognition", "latents"}
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(params))
