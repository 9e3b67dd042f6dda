"""Builds what several tests need."""

import functools
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from PIL import Image

from pie_jax.cli import main
from pie_jax.core import ibug, theta
from pie_jax.core.images import reduce_area
from pie_jax.core.interfaces import Generator, Preview
from pie_jax.core.params import Params
from pie_jax.core.theta import SIZES, FaceParams
from pie_jax.embedding.stages import Stage, stage
from pie_jax.energy.term import Networks, Person, Target
from pie_jax.energy.total import Energy
from pie_jax.face import morphable, render
from pie_jax.face.morphable import Morphable
from pie_jax.networks import dlib_resnet, mobile_stylegan, rignet, vgg
from tests import checks

SHARED = Path(__file__).resolve().parents[2] / "shared"


def portrait(name: str) -> Path:
    """The path of a real photograph beside the project; skips where it is absent."""
    path = SHARED / "portraits" / name
    if not path.exists():
        pytest.skip(
            f"needs ../shared/portraits/{name}, which is not beside the project"
        )
    return path


TRIAL = ("--config", "testing", "--aligned")
"""Options of `pie embed` for a square photograph and a tiny random generator."""


def square_photo(path: Path, seed: int = 0) -> Path:
    """Writes a square PNG of smooth colours, another one for every seed."""
    y, x = np.mgrid[:64, :64] / 64
    phases = np.random.default_rng(seed).uniform(0, 6, 3)
    waves = [np.sin(6 * x + phase) + np.cos(5 * y * phase) for phase in phases]
    image_u8 = np.uint8(127.5 + 60 * np.stack(waves, axis=-1))
    Image.fromarray(image_u8).save(path)
    return path


def pie(*words: object) -> int:
    """Runs `pie WORDS` in this process; the exit status."""
    return main.main([str(word) for word in words])


def files(folder: Path) -> dict[str, bytes]:
    """All files below `folder`: their contents by relative name."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def random_params(init: Callable, seed: int = 0) -> dict:
    """Normal parameters, scaled as He has it, in the layout of `init(key)`.

    Nothing is compiled, which for a whole network takes longer than the test of it;
    and biases and noise maps, which an `init` leaves at zero, take part.
    """
    rng = np.random.default_rng(seed)

    def draw(leaf: jax.ShapeDtypeStruct) -> jax.Array:
        fan_in = np.prod(leaf.shape[:-1]) if len(leaf.shape) > 1 else 20
        return jnp.asarray(rng.normal(0, np.sqrt(2 / fan_in), leaf.shape), leaf.dtype)

    return jax.tree.map(draw, jax.eval_shape(init, jax.random.key(0)))


def module_params(module: nn.Module, *inputs: Any) -> dict:
    """Those of a linen module for such inputs; a tuple of integers is a shape."""
    arrays = [jnp.zeros(x) if isinstance(x, tuple) else x for x in inputs]
    return random_params(lambda key: module.init(key, *arrays)["params"])


def orthogonal(size: int, rng: np.random.Generator) -> jax.Array:
    matrix, _ = np.linalg.qr(rng.normal(size=(size, size)))
    return jnp.asarray(matrix, jnp.result_type(float))


WIDTHS = (8, 8, 8)
"""Of the small generator: 32 pixels, the least that VGG can take after reduction."""


def whole(generator: Generator) -> Preview:
    """Pictures of codes as large as the generator's."""
    return lambda params, w_plus: generator.synthesis(params.generator, w_plus)


def small_stack(component: str = "rotation") -> tuple[Generator, Networks, Params]:
    """The default stack's networks with few channels, and random parameters.

    MoFA is `toy_estimate`, the face model `toy_morphable`; the bank holds five people.
    Under `jax.enable_x64` all of it is float64. It is built once for all tests.
    """
    return _small_stack(component, jax.config.jax_enable_x64)


@functools.cache
def _small_stack(component: str, x64: bool) -> tuple[Generator, Networks, Params]:
    perceptual = vgg.VGG16(width=1 / 16)
    recognition = dlib_resnet.DlibResNet(width=1 / 16)
    chip = (1, dlib_resnet.CHIP_SIZE, dlib_resnet.CHIP_SIZE, 3)
    init = functools.partial(mobile_stylegan.init_params, widths=WIDTHS)
    known = {
        "generator": random_params(init),
        "perceptual": module_params(perceptual, (1, 8, 8, 3)),
        "recognition": module_params(recognition, chip),
    }
    rng = np.random.default_rng(0)
    latents = {
        "mean": jnp.asarray(0.1 * rng.normal(size=512), jnp.result_type(float)),
        "axes": orthogonal(512, rng) * rng.uniform(0.1, 0.5, 512),
    }
    generator = mobile_stylegan.mobile_stylegan(WIDTHS)
    params = Params(
        **(checks.double(known) if x64 else known),
        latents=latents,
        mofa=jnp.asarray(0.02 * rng.normal(size=(48, 257))),
        rigs={component: toy_rig_params(component, generator.num_ws)},
        face_model=toy_morphable(),
        bank=toy_people(5, generator.resolution),
    )
    networks = Networks(
        perceptual=lambda params, x: perceptual.apply({"params": params}, x),
        recognition=lambda params, x: recognition.apply({"params": params}, x),
        estimate=toy_estimate,
        rig=rignet.rig(component, 2, 2),
    )
    return generator, networks, params


def toy_estimate(params: jax.Array, image: jax.Array) -> FaceParams:
    """A smooth function of the picture in place of MoFA; `params` are `[48, 257]`."""
    coarse = reduce_area(image, 4).reshape(len(image), 48)
    start = theta.to_vector(theta.neutral((len(image),)))
    return theta.from_vector(start + coarse @ params)


def toy_rig_params(component: str, num_ws: int) -> dict:
    """Random parameters of a RigNet of two features; float64 under `enable_x64`."""
    size = SIZES[component]
    network = module_params(rignet.RigNet(2, 2), (1, num_ws, 512), (1, size))
    ones = jnp.ones(size)
    scales = {"mean": 0 * ones, "deviation": ones, "low": -ones, "high": ones}
    params = {"network": network} | scales
    return checks.double(params) if jax.config.jax_enable_x64 else params


def toy_people(count: int, resolution: int, seed: int = 4) -> Person:
    """Random people as a bank keeps them."""
    rng = np.random.default_rng(seed)
    vector = theta.to_vector(theta.neutral((count,)))
    coarse = rng.uniform(0, 255, (count, 4, 4, 3))
    image = jax.image.resize(coarse, (count, resolution, resolution, 3), "linear")
    return Person(
        theta=theta.from_vector(vector + 0.2 * rng.normal(size=vector.shape)),
        image=image.astype(jnp.uint8),
        landmarks=jnp.asarray(rng.uniform(0.2, 0.8, (count, 68, 2))),
        w=jnp.asarray(rng.normal(size=(count, 512))),
    )


def small_portraits(batch: int, resolution: int, seed: int = 1) -> Target:
    """Smooth random portraits, turned and shifted; leaves have a leading axis."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(-1, 1, (batch, 4, 4, 3))
    image = jax.image.resize(coarse, (batch, resolution, resolution, 3), "linear")
    scale = resolution / dlib_resnet.CHIP_SIZE * 0.7
    turn, shift = 0.1 * rng.normal(size=batch), 0.1 * resolution
    rows = [scale * np.cos(turn), scale * np.sin(turn), np.full(batch, shift)]
    matrix = np.stack([*rows, -rows[1], rows[0], rows[2]], axis=-1)
    dtype = jnp.result_type(float)
    return Target(
        image=image.astype(dtype),
        chip_matrix=jnp.asarray(matrix.reshape(batch, 2, 3), dtype),
        landmarks=jnp.asarray(rng.uniform(0.2, 0.8, (batch, 68, 2)), dtype),
    )


def toy_energy() -> Energy:
    """A bumpy energy of any latent without any network.

    `params` is a number, a portrait and its reference are an array `[num_ws, 512]`.
    """

    def value(params, reference, w_plus, person):
        del person
        distance = jnp.mean((w_plus - reference) ** 2)
        bumps = jnp.mean(jnp.sin(3 * w_plus))
        return params * distance + bumps, {"distance": distance, "bumps": bumps}

    return Energy(prepare=lambda params, portrait: portrait, value=value)


def toy_stage(space: str = "w_plus", num_steps: int = 4, **values) -> Stage:
    """A short Adam stage for a generator of three style inputs."""
    plain = {"optimizer": "adam", "step_size": 0.1, "schedule": "cosine", "num_ws": 3}
    return stage(space, num_steps, **(plain | values))


def icosphere(subdivisions: int) -> tuple[np.ndarray, np.ndarray]:
    """A unit sphere: vertices `[V, 3]`, nearly equal triangles `[20 * 4**subdivisions, 3]`
    int32, counter-clockwise from outside."""
    golden = (1 + 5**0.5) / 2
    one = [(0, a, b * golden) for a in (-1, 1) for b in (-1, 1)]
    vertices = np.array([np.roll(v, shift) for shift in range(3) for v in one])
    near = np.linalg.norm(vertices[:, None] - vertices, axis=-1) < 2.1
    triangles = [
        (i, j, k) if np.linalg.det(vertices[[i, j, k]]) > 0 else (i, k, j)
        for i, j, k in itertools.combinations(range(12), 3)
        if near[i, j] and near[j, k] and near[i, k]
    ]
    for _ in range(subdivisions):
        corners = vertices[triangles]
        middles = (corners + np.roll(corners, -1, axis=1)) / 2
        a, b, c = np.moveaxis(corners, 1, 0)
        ab, bc, ca = np.moveaxis(middles, 1, 0)
        parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
        soup = np.concatenate([np.stack(part, axis=1) for part in parts])
        _, first, index = np.unique(
            soup.reshape(-1, 3).round(6), axis=0, return_index=True, return_inverse=True
        )
        vertices, triangles = soup.reshape(-1, 3)[first], index.reshape(-1, 3)
    vertices = vertices / np.linalg.norm(vertices, axis=-1, keepdims=True)
    return vertices, np.asarray(triangles, np.int32)


def toy_head(subdivisions: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """An egg with a nose, in decimetres, as high as a head: vertices and triangles."""
    vertices, triangles = icosphere(subdivisions)
    nose = np.exp(-((vertices[:, 0] / 0.2) ** 2) - (vertices[:, 1] / 0.3) ** 2)
    vertices[:, 2] *= 1 + 0.4 * nose * (vertices[:, 2] > 0)
    return vertices * [0.75, 1.1, 0.9], triangles


def toy_morphable(subdivisions: int = 2, seed: int = 0) -> Morphable:
    """A small head with random bases; landmarks are any vertices. As `small_stack`."""
    model = morphable.from_arrays(toy_arrays(subdivisions, seed))
    return checks.double(model) if jax.config.jax_enable_x64 else model


def named_arrays(*units: str, seed: int = 0) -> dict[str, np.ndarray]:
    """The same as `toy_arrays`, with expressions of these names."""
    codes = np.random.default_rng(1).normal(size=(len(units), 64))
    names = morphable.encode_names(units)
    return toy_arrays(seed=seed) | {"unit_names": names, "unit_codes": codes}


def toy_arrays(subdivisions: int = 2, seed: int = 0) -> dict[str, np.ndarray]:
    """The arrays of `toy_morphable`, as a file has them."""
    rng = np.random.default_rng(seed)
    mean, triangles = toy_head(subdivisions)
    count = len(mean)
    return {
        "mean": mean,
        "triangles": triangles,
        "identity": 0.01 * rng.normal(size=(80, count, 3)),
        "expression": 0.01 * rng.normal(size=(64, count, 3)),
        "albedo_mean": rng.uniform(0.3, 0.7, (count, 3)),
        "albedo": 0.02 * rng.normal(size=(80, count, 3)),
        "contour": rng.integers(count, size=(17, 5)),
        "inner": rng.integers(count, size=51),
        "camera": np.asarray([4.5, 15.0]),
    }


VERTICES = jax.jit(
    render.render_vertices, static_argnums=2, static_argnames="occlusion"
)
PICTURE = jax.jit(render.render_image, static_argnums=2)
"""The renderer, compiled once for all tests of one size."""


def random_theta(*batch: int, seed: int = 0) -> FaceParams:
    """Unusual faces in coloured light, but all inside the frame."""
    rng = np.random.default_rng(seed)
    neutral = theta.neutral(batch)
    spread = neutral.replace(
        rotation=0.2, translation=0.1, identity=0.5, reflectance=0.5, expression=0.5,
        illumination=0.3,
    )  # fmt: skip
    return jax.tree.map(
        lambda x, s: x + s * jnp.asarray(rng.normal(size=x.shape), x.dtype),
        neutral,
        spread,
    )


def miss_the_pose(model: Morphable, size: int = 8) -> tuple:
    """Two faces, an estimate that misses their pose, pictures `[2, size, size, 3]`, and
    MoFA and the landmark network, which know the answers and add their parameters."""
    truth = random_theta(2, seed=5)
    estimated = truth.replace(
        rotation=0.8 * truth.rotation, translation=truth.translation + 0.05
    )
    shown = VERTICES(model, truth, 1).landmarks
    both = jnp.concatenate([shown, ibug.mirror(shown)])
    image, _ = PICTURE(model, truth, size)
    networks = (
        lambda params, image: jax.tree.map(lambda x: x + params, estimated),
        lambda params, image: both + params,
    )
    return truth, estimated, 2 * image - 1, networks


TILT = jnp.stack([jnp.zeros(68), jnp.linspace(0, 0.3, 68)], axis=-1)
"""What moves landmarks as another pose would."""


def openvino_ir(
    constants: dict[str, np.ndarray], inputs: dict[str, list[str]] | None = None
) -> tuple[bytes, bytes]:
    """An OpenVINO IR: XML and binary. `inputs` are layers by name: what feeds them."""
    inputs = inputs or {}
    types = {"float32": "f32", "int32": "i32", "int64": "i64"}
    ids = {name: str(7 + i) for i, name in enumerate([*constants, *inputs])}
    binary, layers = b"", ""
    for name, value in constants.items():
        shape, size = ",".join(map(str, value.shape)), value.nbytes
        layers += (
            f'<layer id="{ids[name]}" name="{name}" type="Const" version="opset1">'
            f'<data element_type="{types[value.dtype.name]}" offset="{len(binary)}" '
            f'shape="{shape}" size="{size}"/></layer>'
        )
        binary += value.tobytes()
    layers += "".join(f'<layer id="{ids[x]}" name="{x}" type="Add"/>' for x in inputs)
    edges = "".join(
        f'<edge from-layer="{ids[source]}" from-port="0" to-layer="{ids[layer]}" '
        f'to-port="{port}"/>'
        for layer, sources in inputs.items()
        for port, source in enumerate(sources)
    )
    xml = (
        f'<?xml version="1.0"?><net name="net" version="10">'
        f"<layers>{layers}</layers><edges>{edges}</edges></net>"
    )
    return xml.encode(), binary
