"""What is installed with the package, ready to use: the face model and networks."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from pie_jax import catalogue
from pie_jax.converters import stack
from pie_jax.core.errors import PieError
from pie_jax.core.interfaces import Rig
from pie_jax.core.theta import FaceParams
from pie_jax.face import correction, morphable
from pie_jax.face.morphable import Morphable
from pie_jax.io import assets, weights
from pie_jax.networks import mobile_stylegan, rignet
from pie_jax.networks.landmark_net import LandmarkNet
from pie_jax.networks.mofa import MoFA
from pie_jax.networks.picture_vector import width_of

# Pixels on a side of a picture that all these networks take.
_SEEN = 128


class Estimator(NamedTuple):
    """A network that estimates theta."""

    apply: Callable[[Any, jax.Array], FaceParams]
    """`(params, image [B, R, R, 3]) -> theta [B]`."""
    params: Any


def face_model(name: str = "morphable") -> Morphable:
    """Reads the face model.

    Raises:
        PieError: the file is absent, damaged, or no face model.
    """
    try:
        return morphable.from_arrays(assets.load(name).arrays)
    except ValueError as error:
        raise PieError(f"The installed {name}.safetensors is {error}.") from error


def mofa(name: str = "mofa") -> Estimator:
    """Reads MoFA; the network is as wide as its parameters tell.

    The recognition network in it is fetched if it is not there.

    Raises:
        PieError: the file is absent, damaged, or does not fit the network.
    """
    arrays = assets.load(name).arrays
    return estimator(
        arrays, f"installed {name}.safetensors", "Install the package again."
    )


def estimator(arrays: Mapping[str, np.ndarray], name: str, remedy: str) -> Estimator:
    """MoFA with the parameters of a file.

    Args:
        arrays: by `/`-joined names, of any float type.
        name: what the file is called in an error.
        remedy: what to do about it.

    Raises:
        PieError: they do not fit the network, or the recognition network in it cannot
            be fetched.
    """
    within = catalogue.MOFA["mofa"].within
    stack.ensure(*within.values())
    params = assets.single_precision(arrays) | weights.load_within(within)
    return Estimator(*_network(MoFA, params, f"The {name} is not MoFA.", remedy))


def corrected(estimator: Estimator, model: Morphable) -> Estimator:
    """MoFA, and what `face.correction` adds to it with the landmark network.

    Args:
        estimator: the network.
        model: whose parameters it gives.

    Raises:
        PieError: the landmark network's file is absent or damaged.
    """
    finder = landmark_net()
    params = {
        "mofa": estimator.params,
        "landmark_net": finder.params,
        "face_model": model,
    }
    return Estimator(correction.corrected(estimator.apply, finder.apply), params)


class LandmarkFinder(NamedTuple):
    """A network that finds landmarks."""

    apply: Callable[[Any, jax.Array], jax.Array]
    """`(params, image [B, R, R, 3]) -> landmarks [B, 68, 2]` in fractions of the
    frame."""
    params: Any


def landmark_net(name: str = "landmark_net") -> LandmarkFinder:
    """Reads the landmark network; it is as wide as its parameters tell.

    Raises:
        PieError: the file is absent, damaged, or does not fit the network.
    """
    arrays = assets.load(name).arrays
    complaint = f"The installed {name}.safetensors is not the landmark network."
    remedy = "Install the package again."
    params = assets.single_precision(arrays)
    return LandmarkFinder(*_network(LandmarkNet, params, complaint, remedy))


def rig(component: str) -> tuple[Rig, Any]:
    """Reads the rig of a component, as wide as its parameters tell.

    Raises:
        PieError: the file is absent or damaged.
    """
    params = jax.tree.map(jnp.asarray, assets.parameters(f"rig_{component}"))
    return rignet.rig(component, *rignet.widths(params)), params


class Silhouette(NamedTuple):
    """What tells a head from all else by the generator's features."""

    apply: Callable[[Any, Any, jax.Array], jax.Array]
    """`(params, the generator's params, w_plus [B, num_ws, 512]) -> [B, 64, 64]`,
    logarithms of the odds that a place is the head's."""
    params: Any


def silhouette(name: str = "silhouette") -> Silhouette:
    """Reads the function of the default generator (`experiments.train_silhouette`).

    Raises:
        PieError: the file is absent, damaged, or another's.
    """
    params = jax.tree.map(jnp.asarray, assets.parameters(name))
    if params.keys() != {"kernel", "bias"}:
        raise PieError(
            f"The installed {name}.safetensors is no silhouette. Install the package "
            "again."
        )

    def apply(params: Any, generator: Any, w_plus: jax.Array) -> jax.Array:
        known = mobile_stylegan.features(generator, w_plus)
        return known @ params["kernel"] + params["bias"]

    return Silhouette(apply, params)


def _network(
    build: Callable[[float], nn.Module],
    arrays: Mapping[str, Any],
    complaint: str,
    remedy: str,
) -> tuple[Callable[[Any, jax.Array], Any], Any]:
    """A network of the width that its parameters tell: its function, and these."""
    params = jax.tree.map(jnp.asarray, dict(arrays))
    try:
        module = build(width_of(params))
        blank = jnp.zeros((1, _SEEN, _SEEN, 3))
        layout = jax.eval_shape(module.init, jax.random.key(0), blank)["params"]
    except (LookupError, TypeError, ValueError) as error:
        raise PieError(f"{complaint} {remedy}") from error
    weights.check(params, layout, complaint, remedy)

    def apply(params: Any, image: jax.Array) -> Any:
        return module.apply({"params": params}, image)

    return apply, params
