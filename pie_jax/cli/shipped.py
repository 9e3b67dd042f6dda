"""The face model and MoFA as they are installed with the package, ready to use."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import traverse_util

from pie_jax.core.errors import PieError
from pie_jax.core.theta import FaceParams
from pie_jax.face import morphable
from pie_jax.face.morphable import Morphable
from pie_jax.io import assets, weights
from pie_jax.networks.mofa import MoFA, width_of


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

    Raises:
        PieError: the file is absent, damaged, or does not fit the network.
    """
    flat = {k: jnp.asarray(x, jnp.float32) for k, x in assets.load(name).arrays.items()}
    params = traverse_util.unflatten_dict(flat, sep="/")
    try:
        module = MoFA(width_of(params))
    except (KeyError, TypeError) as error:
        raise PieError(f"The installed {name}.safetensors is not MoFA.") from error
    blank = jnp.zeros((1, module.size, module.size, 3))
    layout = jax.eval_shape(module.init, jax.random.key(0), blank)["params"]
    weights.check(params, layout, name)

    def apply(params: Any, image: jax.Array) -> Any:
        return module.apply({"params": params}, image)

    return Estimator(apply, params)
