import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import benchmark
from pie_jax.converters import mean_w
from pie_jax.converters import mobile_stylegan as converter
from pie_jax.core.errors import PieError
from pie_jax.io import arrays
from pie_jax.networks import mobile_stylegan
from pie_jax.stack import cache, carriers, fetch
from tests import builders

WIDTHS = (12, 8, 8, 4, 4, 4, 4, 4)
BANDS = [0, 1, 2, 3, 6, 9, 4, 7, 10, 5, 8, 11]
"""From LL and triples (LH, HL, HH) of 3 channels to the four bands one after another."""


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


RNG = np.random.default_rng(0)
MAPPING, (SYNTHESIS, INPUTS) = mapping_constants(RNG), synthesis_constants(RNG)


def convert(mapping):
    networks = {"Mapping": (mapping,), "Synthesis": (SYNTHESIS, INPUTS)}
    files = {}
    for name, content in networks.items():
        pair = builders.openvino_ir(*content)
        files[f"{name}Network.xml"], files[f"{name}Network.bin"] = pair
    return converter.convert(files)


@pytest.fixture(scope="module")
def converted():
    return convert(MAPPING)


def test_the_result_has_the_networks_layout_mean_w_and_channels_last(converted):
    layout = jax.eval_shape(
        lambda key: mobile_stylegan.init_params(key, WIDTHS), jax.random.key(0)
    )
    params = arrays.nest(converted)
    arrays.check(params, layout, "mobile_stylegan_ffhq", "")
    z = np.random.default_rng(1).standard_normal((512, 512), np.float32)
    w = mobile_stylegan.mobile_stylegan(WIDTHS).mapping(params, z)
    error = (params["w_avg"] - w.mean(axis=0)) / w.std(axis=0)
    assert np.abs(error).max() < 6 / np.sqrt(512)
    with pytest.raises(PieError, match="no layer called '189'"):
        convert({k: v for k, v in MAPPING.items() if k != "189"})

    def of(name):
        return converted[f"synthesis/{name}"]

    np.testing.assert_array_equal(converted["mapping/dense1/kernel"], MAPPING["177"].T)
    np.testing.assert_array_equal(converted["mapping/dense7/bias"], MAPPING["202"][0])
    kernel = SYNTHESIS["m.layers.2.conv1.conv.weight_dw"][:, 0, 0]
    np.testing.assert_array_equal(
        of("block2_conv1/depthwise"), np.moveaxis(kernel, 0, 2)
    )
    pointwise, factor = SYNTHESIS["Mul_306_copy"], SYNTHESIS["Constant_284"][0]
    expected = pointwise[..., 0, 0].T * factor
    np.testing.assert_allclose(of("block2_conv1/pointwise"), expected)
    noise = SYNTHESIS["noise of Add_307"][0, 0]
    np.testing.assert_array_equal(of("block2_conv1/epilogue/noise")[..., 0], noise)
    # Channels that an inverse wavelet transform takes stand band by band.
    head, factor = "m.layers.6.to_img", SYNTHESIS["Constant_750"][0]
    expected = SYNTHESIS[f"{head}.conv.weight"][BANDS, :, 0, 0].T * factor
    np.testing.assert_allclose(of("image/kernel"), expected)
    expected = SYNTHESIS[f"{head}.bias"][0, BANDS, 0, 0]
    np.testing.assert_array_equal(of("image/bias"), expected)
    expected = SYNTHESIS["m.layers.0.up.modulation.weight"][BANDS].T
    np.testing.assert_array_equal(of("block0_up/affine/kernel"), expected)
    expected = SYNTHESIS["Mul_39_copy"][BANDS].transpose(2, 3, 1, 0)
    factor = SYNTHESIS["Constant_18"].item()
    np.testing.assert_allclose(of("first_conv/kernel"), expected * factor)


def original_mapping():
    """z to w as OpenVINO runs it, in float32."""
    openvino = pytest.importorskip("openvino")
    names = ["MappingNetwork.xml", "MappingNetwork.bin"]
    files = carriers.read_members("random-face", names, progress=False)
    core, binary = openvino.Core(), np.frombuffer(files[names[1]], np.uint8)
    model = core.read_model(files[names[0]], openvino.Tensor(binary))
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 2}
    mapping = core.compile_model(model, "CPU", settings)
    return lambda z: mapping(z)[0]


@pytest.mark.real
def test_real_images_and_codes_are_those_of_openvino():
    mapping = original_mapping()
    original_synthesis = benchmark.openvino_synthesis(threads=2)
    fetch.ensure("mobile_stylegan_ffhq", progress=False)
    published = jax.tree.map(jnp.asarray, cache.load("mobile_stylegan_ffhq"))
    network = mobile_stylegan.mobile_stylegan()
    synthesis = jax.jit(network.synthesis)
    for seed in range(3):
        z = np.random.default_rng(seed).standard_normal((1, 512), np.float32)
        w = mapping(z)
        np.testing.assert_allclose(network.mapping(published, z), w, atol=1e-4)
        expected = original_synthesis(w)
        w_plus = jnp.broadcast_to(w[:, None], (1, network.num_ws, 512))
        image = synthesis(published, w_plus)
        assert image.shape == expected.shape == (1, 1024, 1024, 3)
        assert 0.5 < np.abs(expected).max() < 2  # a picture, not a blank
        assert np.abs(image - expected).max() < 1e-4
    z = jax.random.normal(jax.random.key(1), (4096, 512))
    w = network.mapping(published, z)
    error = jnp.abs(w.mean(axis=0) - published["w_avg"]) / jnp.std(w, axis=0)
    assert error.max() < 6 * np.sqrt(1 / 4096 + 1 / mean_w.SAMPLES)
