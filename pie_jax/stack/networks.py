"""The networks and models that a configuration can name.

Nothing is read here: a table says under which name the weights are kept (`registry`),
and how parameters of that layout are made.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from pie_jax.core.interfaces import Estimate, Rig
from pie_jax.core.theta import SIZES
from pie_jax.face import crops
from pie_jax.face import deep3d as deep3d_face
from pie_jax.networks import (
    deep3d,
    dlib_resnet,
    encoder,
    landmark_net,
    mobile_stylegan,
    mofa,
    picture_vector,
    rignet,
    stylegan1,
    stylegan2,
    to_rgb,
    vgg,
    vgg_face,
)

TESTING_WIDTHS = (8, 8)


class Network(NamedTuple):
    """A network that a configuration can name."""

    build: Callable[..., Any]
    """`(*sizes) -> functions`; without sizes, those of the published network."""
    init: Callable[..., Any] | None
    """`(key, *sizes) -> params`: their layout, and random values for testing; None for
    what is no network, and complete as it is loaded."""
    weights: str | None
    """Name of the weights in `registry`, or of a file that a training wrote; None:
    random parameters, for tests."""
    sizes: Callable[[Any], tuple] = lambda params: ()
    """`params -> sizes`, for networks that were published in several sizes."""
    within: Mapping[str, str] = MappingProxyType({})
    """Other weights that are parameters of this network, too: what they are called
    among its own, and their names. They are not kept twice."""


GENERATORS = {
    "mobile_stylegan_ffhq": Network(
        mobile_stylegan.mobile_stylegan,
        mobile_stylegan.init_params,
        "mobile_stylegan_ffhq",
    ),
    "stylegan1": Network(
        stylegan1.stylegan1, stylegan1.init_params, "stylegan1", stylegan1.sizes
    ),
    "stylegan2": Network(
        stylegan2.stylegan2, stylegan2.init_params, "stylegan2", stylegan2.sizes
    ),
    "testing": Network(
        lambda: mobile_stylegan.mobile_stylegan(TESTING_WIDTHS),
        lambda key: mobile_stylegan.init_params(key, TESTING_WIDTHS),
        None,
    ),
}


def _of_pictures(
    module: Callable[..., nn.Module],
    size: int,
    weights: str | None,
    sizes: Callable[[Any], tuple] = lambda params: (),
    within: Mapping[str, str] = MappingProxyType({}),
) -> Network:
    """A network that takes square pictures of at least `size` pixels; `module` makes it
    of its sizes, or of none."""

    def build(*own: Any) -> Callable[[Any, jax.Array], Any]:
        return lambda params, image: module(*own).apply({"params": params}, image)

    def init(key: jax.Array, *own: Any) -> Any:
        return module(*own).init(key, jnp.zeros((1, size, size, 3)))["params"]

    return Network(build, init, weights, sizes, within)


PERCEPTUAL = {"vgg16": _of_pictures(vgg.VGG16, vgg.MIN_SIZE, "vgg16")}

RECOGNITION = {
    "dlib_resnet": _of_pictures(
        dlib_resnet.DlibResNet, dlib_resnet.CHIP_SIZE, "dlib_resnet"
    ),
    "vgg_face": _of_pictures(vgg_face.VGGFace, vgg_face.SIZE, "vgg_face"),
}

CROPS = {"dlib_resnet": crops.dlib_chip, "vgg_face": crops.vgg_face_patch}
"""What each recognition network sees of a portrait."""


def _encoder(generator: str, weights: str | None) -> Network:
    return _of_pictures(
        partial(encoder.Encoder, GENERATORS[generator].build().num_ws),
        encoder.SIZE,
        weights,
        lambda params: (encoder.rank_of(params),),
    )


ENCODERS = {
    name: _encoder(name, weights)
    for name, weights in (("mobile_stylegan_ffhq", "encoder"), ("testing", None))
}
"""By the generator that they were trained on."""


def _curvature(generator: str, weights: str | None) -> Network:
    """How an energy curves around the generator's codes (`embedding.curvature`)."""
    num_ws = GENERATORS[generator].build().num_ws

    def init(key: jax.Array, rank: int = 2) -> Any:
        del key  # as if it curved the same everywhere
        return {
            "directions": jnp.broadcast_to(jnp.eye(512, rank), (num_ws, 512, rank)),
            "roots": jnp.ones((num_ws, rank)),
            "rest": jnp.ones(num_ws),
        }

    return Network(
        lambda *rank: None, init, weights, lambda params: (params["roots"].shape[1],)
    )


CURVATURES = {
    name: _curvature(name, weights)
    for name, weights in (("mobile_stylegan_ffhq", "curvature"), ("testing", None))
}
"""By the generator; of the energy of `--config projection`."""


def _drawn(network: Network) -> Network:
    """The network with random parameters of NumPy's: XLA compiles those of a deep
    network's own `init` for a minute."""

    own: Callable = network.init or dict

    def init(key: jax.Array, *sizes: Any) -> Any:
        layout = jax.eval_shape(lambda: own(key, *sizes))
        rng = np.random.default_rng(0)

        def draw(path: Any, leaf: jax.ShapeDtypeStruct) -> np.ndarray:
            if len(leaf.shape) < 2:  # biases, and scales of normalisations
                return np.full(leaf.shape, path[-1].key == "scale", leaf.dtype)
            deviation = np.prod(leaf.shape[:-1]) ** -0.5
            return rng.normal(0, deviation, leaf.shape).astype(leaf.dtype)

        return jax.device_put(jax.tree_util.tree_map_with_path(draw, layout))

    return network._replace(init=init)


def _width(params: Any) -> tuple:
    return (picture_vector.width_of(params),)


_DEEP3D = _of_pictures(
    deep3d.Deep3D, deep3d.SIZE, "deep3d", lambda params: (deep3d.width_of(params),)
)


def _estimate_deep3d(*width: float) -> Estimate:
    """Deep3DFaceRecon as MoFA, whose parameters are those of the `network`, and the
    `face_model` that it belongs to."""
    network = _DEEP3D.build(*width)
    return lambda params, image: deep3d_face.theta(
        params["face_model"], network(params["network"], image)
    )


MOFA = {
    "mofa": _of_pictures(
        lambda width=0.5: mofa.MoFA(width),
        mofa.SIZE,
        "mofa",
        _width,
        {mofa.RECOGNITION: "dlib_resnet"},
    ),
    "deep3d": _DEEP3D._replace(build=_estimate_deep3d),
    "testing": _drawn(
        _of_pictures(
            lambda width=1 / 16: mofa.MoFA(width, recognition_width=1 / 16),
            mofa.SIZE,
            None,
            _width,
        )
    ),
}
LANDMARK_NET = _of_pictures(
    landmark_net.LandmarkNet, landmark_net.SIZE, "landmark_net", _width
)
FACE_MODELS = {
    name: Network(build=lambda: None, init=None, weights=name)
    for name in ("morphable", "bfm_front", "basel2009", "basel2017", "ict_facekit")
}
SEES = {"mofa": "morphable", "deep3d": "bfm_front"}
"""The face model whose parameters each MoFA gives, as it is published."""

RIGGED = "mobile_stylegan_ffhq"
"""The generator that the installed rigs, silhouette and early output belong to."""


class RigNetwork(NamedTuple):
    """Rigs, one for each component."""

    weights: str | None
    """`weights` of `Network`, to be followed by the component."""
    widths: tuple[int, int] = (rignet.FEATURES, rignet.HIDDEN)


RIGS = {"rignet": RigNetwork("rig_"), "testing": RigNetwork(None, widths=(2, 2))}


def rig_name(generator: str, component: str) -> str:
    """What the weights of a generator's rig are called."""
    return f"rig_{component}" + ("" if generator == RIGGED else f"_{generator}")


def rig(rigs: RigNetwork, generator: str, num_ws: int, component: str) -> Network:
    """The rig of one component, for codes of `num_ws` rows of this generator."""
    size = SIZES[component]

    def build(
        features: int = rigs.widths[0], hidden: int = rigs.widths[1], *_: int
    ) -> Rig:
        return rignet.rig(component, features, hidden)

    def init(
        key: jax.Array,
        features: int = rigs.widths[0],
        hidden: int = rigs.widths[1],
        num_ws: int = num_ws,
    ) -> Any:
        module = rignet.RigNet(features, hidden)
        blank = jnp.zeros((1, num_ws, 512)), jnp.zeros((1, size))
        network = dict(module.init(key, *blank)["params"])
        # The decoder begins at zero, where every edit would leave a code as it is.
        kernel = network["decoder"]["kernel"]
        kernel = 0.01 * jax.random.normal(key, kernel.shape)
        network["decoder"] = network["decoder"] | {"kernel": kernel}
        ones = jnp.ones(size)
        scales = {"mean": 0 * ones, "deviation": ones, "low": -ones, "high": ones}
        return {"network": network} | scales

    weights = rigs.weights and rig_name(generator, component)
    return Network(
        build,
        init,
        weights,
        lambda params: (*rignet.widths(params), rignet.num_ws(params)),
    )


SILHOUETTE = Network(
    build=lambda *channels: (
        lambda params, features: features @ params["kernel"] + params["bias"]
    ),
    init=lambda key, channels: {
        "kernel": jnp.zeros(channels),
        "bias": jnp.zeros(()),
    },
    weights="silhouette",
    sizes=lambda params: params["kernel"].shape,
)
"""What tells a head from all else by the features of `RIGGED`: `(params, features
[B, S, S, C]) -> [B, S, S]`, logarithms of the odds that a place is the head's."""

TO_RGB = Network(lambda: to_rgb.preview, to_rgb.init_params, "to_rgb")
"""Small pictures of `RIGGED`: `(params, generator's, w_plus [B, num_ws, 512]) -> image
[B, 256, 256, 3]`."""

NAMED: dict[str, Mapping[str, Network]] = {
    "generator": GENERATORS,
    "perceptual": PERCEPTUAL,
    "recognition": RECOGNITION,
    "mofa": MOFA,
    "face_model": FACE_MODELS,
}
"""Parts that a configuration names, and may name a file for. (It may for rigs, too.)"""
