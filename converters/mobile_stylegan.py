"""MobileStyleGAN FFHQ from the OpenVINO IR that the package `random-face` carries."""

import numpy as np
from pie_jax.converters.openvino_ir import Graph

from pie_jax.converters import mean_w
from pie_jax.networks.mapping import GAIN

NUM_BLOCKS = 7


def convert(files: dict[str, bytes]) -> dict[str, np.ndarray]:
    """Converts `{MappingNetwork,SynthesisNetwork}.{xml,bin}`, and estimates the mean w,
    which no file carries: `mapping/...`, `synthesis/...` and `w_avg` `[512]`, flat
    linen names."""
    mapping = Graph(files["MappingNetwork.xml"], files["MappingNetwork.bin"])
    synthesis = Graph(files["SynthesisNetwork.xml"], files["SynthesisNetwork.bin"])
    flat = {f"mapping/{k}": v for k, v in _mapping(mapping).items()}
    flat["w_avg"] = mean_w.estimate(flat, 8, GAIN)
    flat |= {f"synthesis/{k}": v for k, v in _synthesis(synthesis).items()}
    return {k: np.ascontiguousarray(v, np.float32) for k, v in flat.items()}


def _mapping(graph: Graph) -> dict[str, np.ndarray]:
    flat = {}
    for i in range(8):
        flat[f"dense{i}/kernel"] = graph.constant(str(173 + 4 * i)).T
        flat[f"dense{i}/bias"] = graph.constant(str(174 + 4 * i)).reshape(-1)
    return flat


def _synthesis(graph: Graph) -> dict[str, np.ndarray]:
    flat = {"const": graph.constant("m.input.input")[0].transpose(1, 2, 0)}
    flat |= _affine(graph, "first_modulation", "m.conv1.conv")
    # The constant factor of every modulation is folded into the kernel after it.
    flat["first_conv/kernel"] = (
        graph.constant("Mul_39_copy").transpose(2, 3, 1, 0)
        * graph.constant("Constant_18").item()
    )
    flat |= _epilogue(graph, "first_epilogue", "Add_40", "m.conv1.bias")
    for i in range(NUM_BLOCKS):
        flat |= _affine(graph, f"block{i}_up", f"m.layers.{i}.up")
        flat |= _separable(graph, i, 1, node=84)
        flat |= _separable(graph, i, 2, node=117)
    head = f"m.layers.{NUM_BLOCKS - 1}.to_img"
    flat |= _affine(graph, "image_modulation", f"{head}.conv")
    kernel = graph.constant(f"{head}.conv.weight")[:, :, 0, 0]
    flat["image/kernel"] = kernel.T * graph.constant("Constant_750").item()
    flat["image/bias"] = graph.constant(f"{head}.bias").reshape(-1)
    for name in _BEFORE_HAAR:
        flat[name] = flat[name][..., _band_order(flat[name].shape[-1])]
    return flat


_BEFORE_HAAR = (
    "first_conv/kernel",
    "first_epilogue/bias",
    *(f"block{i}_conv2/pointwise" for i in range(NUM_BLOCKS - 1)),
    *(f"block{i}_conv2/epilogue/bias" for i in range(NUM_BLOCKS - 1)),
    *(f"block{i}_up/affine/kernel" for i in range(NUM_BLOCKS)),
    *(f"block{i}_up/affine/bias" for i in range(NUM_BLOCKS)),
    "image/kernel",
    "image/bias",
)
"""What makes or scales channels that an inverse Haar transform takes."""


def _band_order(channels: int) -> np.ndarray:
    """From LL and triples (LH, HL, HH) per channel to whole bands, which run faster."""
    low, high = np.split(np.arange(channels), [channels // 4])
    return np.concatenate([low, high.reshape(-1, 3).T.reshape(-1)])


def _separable(graph: Graph, block: int, conv: int, node: int) -> dict[str, np.ndarray]:
    """One depthwise separable layer; `node` numbers its first operation in block 0."""
    source, name = f"m.layers.{block}.conv{conv}", f"block{block}_conv{conv}"
    first = 100 * block + node
    scale = graph.constant(f"Constant_{first}").item()
    pointwise = graph.constant(f"Mul_{first + 22}_copy")[:, :, 0, 0].T
    depthwise = graph.constant(f"{source}.conv.weight_dw")[:, 0, 0]
    return {
        f"{name}/depthwise": depthwise.transpose(1, 2, 0),
        f"{name}/pointwise": pointwise * scale,
        **_affine(graph, f"{name}/modulation", f"{source}.conv"),
        **_epilogue(graph, f"{name}/epilogue", f"Add_{first + 23}", f"{source}.bias"),
    }


def _affine(graph: Graph, name: str, source: str) -> dict[str, np.ndarray]:
    return {
        f"{name}/affine/kernel": graph.constant(f"{source}.modulation.weight").T,
        f"{name}/affine/bias": graph.constant(f"{source}.modulation.bias").reshape(-1),
    }


def _epilogue(graph: Graph, name: str, add: str, bias: str) -> dict[str, np.ndarray]:
    return {
        f"{name}/noise": graph.constant_input(add)[0].transpose(1, 2, 0),
        f"{name}/bias": graph.constant(bias).reshape(-1),
    }
