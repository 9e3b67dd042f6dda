"""The generator in a pickle that NVIDIA's TensorFlow programs for StyleGAN wrote.

Such a file is a tuple of three networks (G, D, Gs), each with its options, its
variables and its component networks. It also carries the source code that builds the
network, which is text here and never run. Layout: `dnnlib/tflib/network.py` of
NVlabs/stylegan and NVlabs/stylegan2.
"""

from typing import Any, NamedTuple

import numpy as np
from pie_jax.converters.restricted_pickle import Call
from pie_jax.converters.user_file import UserFile

from pie_jax.converters import numpy_pickle, restricted_pickle
from pie_jax.core.errors import PieError
from pie_jax.io import reading

_NETWORK = "dnnlib.tflib.network.Network"
_MAX_PREFIX = 100


class TFGenerator(NamedTuple):
    """The average generator Gs of such a file.

    Attributes:
        variables: arrays by name; those of the components begin with `mapping/` and
            `synthesis/`.
        options: what the network was built with, those of the components included.
    """

    variables: dict[str, np.ndarray]
    options: dict[str, Any]


def _network(call: Call) -> dict[str, Any]:
    if not isinstance(call.state, dict):
        raise TypeError("a network without state")
    return call.state


MAKERS = {
    **restricted_pickle.CONTAINERS,
    **numpy_pickle.MAKERS,
    _NETWORK: _network,
    "dnnlib.util.EasyDict": restricted_pickle.make_dict,
}


def is_tf_pickle(content: Any) -> bool:
    """Whether a pickle's content, not yet built, is a tuple of such networks."""
    return isinstance(content, tuple) and all(
        isinstance(item, Call) and item.name == _NETWORK for item in content
    )


def generator(content: tuple, file: UserFile) -> TFGenerator:
    """Makes the variables of Gs, of a pickle's content for which `is_tf_pickle` holds.

    Raises:
        PieError: there are not three networks, or the last is not built as expected.
    """
    if len(content) != 3:
        raise PieError(
            f"{file.name} holds {len(content)} networks; the three (G, D, Gs) were expected."
        )
    state = restricted_pickle.build(content[-1], MAKERS, file.allowance())
    problem = "cannot be read: its network Gs is not as NVIDIA's are"
    with reading.explained(file.name, problem):
        variables = restricted_pickle.dictionary(state["variables"])
        own = TFGenerator(variables, dict(state["static_kwargs"].items()))
        for prefix, component in state["components"].items():
            if len(prefix) > _MAX_PREFIX:
                raise ValueError("a component of too long a name")
            for name, value in component["variables"]:
                own.variables[f"{prefix}/{name}"] = value
            own.options.update(component["static_kwargs"].items())
    return own
