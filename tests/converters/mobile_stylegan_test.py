"""The converter of MobileStyleGAN, and parity with OpenVINO, its original engine."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pie_jax.converters import carriers, stack
from pie_jax.converters import mobile_stylegan as converter

from experiments import benchmark
from pie_jax.core.errors import PieError
from pie_jax.io import weights
from pie_jax.networks import mobile_stylegan
from tests import builders

WIDTHS = (12, 8, 8, 4, 4, 4, 4, 4)
BANDS_OF_12 = [0, 1, 2, 3, 6, 9, 4, 7, 10, 5, 8, 11]
"""From LL and triples (LH, HL, HH) of 3 channels to the four bands one after another.
"""


def mapping_constants(rng):
    constants = {}
    for i in range(8):
        kernel = rng.normal(0, np.sqrt(1 / 512), (512, 512))
        constants[str(173 + 4 * i)] = kernel.astype(np.float32)
        constants[str(174 + 4 * i)] = rng.normal(size=(1, 512)).astype(np.float32)
    return constants


def synthesis_constants(rng):
    """The published network's names and axes, with few channels; and what adds noise."""
    constants, inputs = {}, {}

    def add(name, *shape):
        constants[name] = rng.normal(size=shape).astype(np.float32)

    def modulation(name, channels):
        add(f"{name}.modulation.weight", channels, 512)
        add(f"{name}.modulation.bias", 1, channels)

    def epilogue(node, bias, size, channels):
        add(f"noise of {node}", 1, 1, size, size)
        inputs[node] = [f"noise of {node}"]
        add(bias, 1, channels, 1, 1)

    add("m.input.input", 1, WIDTHS[0], 4, 4)
    modulation("m.conv1.conv", WIDTHS[0])
    add("Mul_39_copy", WIDTHS[0], WIDTHS[0], 3, 3)
    add("Constant_18", 1, 1)
    epilogue("Add_40", "m.conv1.bias", 4, WIDTHS[0])
    for i in range(7):
        modulation(f"m.layers.{i}.up", WIDTHS[i])
        for conv, channels, node in ((1, WIDTHS[i] // 4, 84), (2, WIDTHS[i + 1], 117)):
            name, first = f"m.layers.{i}.conv{conv}", 100 * i + node
            modulation(f"{name}.conv", channels)
            add(f"Constant_{first}", 1)
            add(f"{name}.conv.weight_dw", channels, 1, 1, 3, 3)
            add(f"Mul_{first + 22}_copy", WIDTHS[i + 1], channels, 1, 1)
            epilogue(f"Add_{first + 23}", f"{name}.bias", 8 * 2**i, WIDTHS[i + 1])
    modulation("m.layers.6.to_img.conv", WIDTHS[-1])
    add("m.layers.6.to_img.conv.weight", 12, WIDTHS[-1], 1, 1)
    add("Constant_750", 1)
    add("m.layers.6.to_img.bias", 1, 12, 1, 1)
    return constants, inputs


@pytest.fixture(scope="module")
def constants():
    rng = np.random.default_rng(0)
    return mapping_constants(rng), *synthesis_constants(rng)


def files_of(constants):
    mapping, synthesis, inputs = constants
    files = {}
    for name, ir in [
        ("MappingNetwork", builders.openvino_ir(mapping)),
        ("SynthesisNetwork", builders.openvino_ir(synthesis, inputs)),
    ]:
        files[f"{name}.xml"], files[f"{name}.bin"] = ir
    return files


@pytest.fixture(scope="module")
def converted(constants):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(converter, "W_AVG_SAMPLES", 64)
        return converter.convert(files_of(constants))


def test_the_result_has_the_networks_layout(converted):
    layout = jax.eval_shape(
        lambda key: mobile_stylegan.init_params(key, WIDTHS), jax.random.key(0)
    )
    flat = {
        "/".join(entry.key for entry in path): leaf
        for path, leaf in jax.tree.leaves_with_path(layout)
    }
    weights.check(converted, flat, "mobile_stylegan_ffhq")


def test_dense_kernels_are_transposed(constants, converted):
    mapping, _, _ = constants
    np.testing.assert_array_equal(converted["mapping/dense1/kernel"], mapping["177"].T)
    np.testing.assert_array_equal(converted["mapping/dense7/bias"], mapping["202"][0])


def test_convolutions_are_channels_last_and_carry_the_constant_factor(
    constants, converted
):
    _, synthesis, _ = constants
    depthwise = converted["synthesis/block2_conv1/depthwise"]
    source = synthesis["m.layers.2.conv1.conv.weight_dw"]
    pointwise = converted["synthesis/block2_conv1/pointwise"]
    kernel, factor = synthesis["Mul_306_copy"], synthesis["Constant_284"][0]
    for i, j, c in np.ndindex(*depthwise.shape):
        assert depthwise[i, j, c] == source[c, 0, 0, i, j]
    for i, o in np.ndindex(*pointwise.shape):
        np.testing.assert_allclose(pointwise[i, o], kernel[o, i, 0, 0] * factor)
    np.testing.assert_array_equal(
        converted["synthesis/block2_conv1/epilogue/noise"][..., 0],
        synthesis["noise of Add_307"][0, 0],
    )


def test_channels_before_a_wavelet_stand_band_by_band(constants, converted):
    _, synthesis, _ = constants
    head = "m.layers.6.to_img"
    factor = synthesis["Constant_750"][0]
    for i, source in enumerate(BANDS_OF_12):
        np.testing.assert_allclose(
            converted["synthesis/image/kernel"][:, i],
            synthesis[f"{head}.conv.weight"][source, :, 0, 0] * factor,
        )
        np.testing.assert_array_equal(
            converted["synthesis/image/bias"][i],
            synthesis[f"{head}.bias"][0, source, 0, 0],
        )
        up = "m.layers.0.up.modulation"
        np.testing.assert_array_equal(
            converted["synthesis/block0_up/affine/kernel"][:, i],
            synthesis[f"{up}.weight"][source],
        )
        np.testing.assert_allclose(
            converted["synthesis/first_conv/kernel"][1, 2, 5, i],
            synthesis["Mul_39_copy"][source, 5, 1, 2] * synthesis["Constant_18"][0, 0],
        )


def test_the_mean_w_is_that_of_the_mapping_of_fixed_draws(converted):
    network = mobile_stylegan.mobile_stylegan(WIDTHS)
    params = {
        f"dense{i}": {
            leaf: converted[f"mapping/dense{i}/{leaf}"] for leaf in ("kernel", "bias")
        }
        for i in range(8)
    }
    z = np.random.default_rng(0).standard_normal((64, 512), np.float32)
    w = network.mapping({"mapping": params}, z)
    np.testing.assert_allclose(converted["w_avg"], w.mean(axis=0), rtol=1e-3, atol=1e-3)


def test_a_missing_constant_is_told_by_name(constants):
    mapping, synthesis, inputs = constants
    lacking = {k: v for k, v in mapping.items() if k != "189"}
    with pytest.raises(PieError, match="no layer called '189'"):
        converter.convert(files_of((lacking, synthesis, inputs)))


@pytest.fixture(scope="module")
def original():
    """Mapping and synthesis as OpenVINO runs them, in float32."""
    openvino = pytest.importorskip("openvino")
    files = carriers.read_members(
        "random-face", ["MappingNetwork.xml", "MappingNetwork.bin"], progress=False
    )
    core = openvino.Core()
    model = core.read_model(
        files["MappingNetwork.xml"],
        openvino.Tensor(np.frombuffer(files["MappingNetwork.bin"], np.uint8)),
    )
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 2}
    mapping = core.compile_model(model, "CPU", settings)
    return lambda z: mapping(z)[0], benchmark.openvino_synthesis(threads=2)


@pytest.fixture(scope="module")
def published():
    stack.ensure("mobile_stylegan_ffhq", progress=False)
    params = weights.load("mobile_stylegan_ffhq")
    return jax.tree.map(jnp.asarray, params)


@pytest.mark.real
def test_real_images_and_codes_are_those_of_openvino(original, published):
    network = mobile_stylegan.mobile_stylegan()
    original_mapping, original_synthesis = original
    synthesis = jax.jit(network.synthesis)
    for seed in range(3):
        z = np.random.default_rng(seed).standard_normal((1, 512), np.float32)
        w = original_mapping(z)
        np.testing.assert_allclose(network.mapping(published, z), w, atol=1e-4)
        expected = original_synthesis(w)
        w_plus = jnp.broadcast_to(w[:, None], (1, network.num_ws, 512))
        image = synthesis(published, w_plus)
        assert image.shape == expected.shape == (1, 1024, 1024, 3)
        assert 0.5 < np.abs(expected).max() < 2  # a picture, not a blank
        assert np.abs(image - expected).max() < 1e-4


@pytest.mark.real
def test_the_real_mean_w_is_that_of_other_draws(published):
    z = jax.random.normal(jax.random.key(1), (4096, 512))
    w = mobile_stylegan.mobile_stylegan().mapping(published, z)
    error = jnp.std(w, axis=0) * np.sqrt(1 / 4096 + 1 / converter.W_AVG_SAMPLES)
    assert (jnp.abs(w.mean(axis=0) - published["w_avg"]) < 6 * error).all()
