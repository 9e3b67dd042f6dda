"""RigNet: a code and one component of theta to the code of the edited portrait.

StyleRig (Tewari et al., CVPR 2020) as far as it is known: a linear layer for each row
of w_plus, joined with the component, leads to what is added to that row. Ours also
shows every row a summary of all rows, for what a portrait's pose is no single row
says; and what is nonlinear is one hidden layer beside a linear path.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from pie_jax.core.interfaces import Rig
from pie_jax.core.numerics import einsum, matmul
from pie_jax.core.theta import FaceParams
from pie_jax.networks import own_rig

FEATURES = 32
"""Numbers that are kept of each row (StyleRig)."""
HIDDEN = 64


class RowDense(nn.Module):
    """A linear layer for each row.

    Attributes:
        width: numbers that a row becomes.
        scale: variance of the initial outputs, for inputs of variance 1.
    """

    width: int
    scale: float = 1.0

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """`[..., num_ws, n]` to `[..., num_ws, width]`."""
        rows, n = x.shape[-2:]
        begin = (
            nn.initializers.variance_scaling(
                self.scale, "fan_in", "normal", in_axis=1, out_axis=2, batch_axis=(0,)
            )
            if self.scale
            else nn.initializers.zeros
        )
        kernel = self.param("kernel", begin, (rows, n, self.width))
        bias = self.param("bias", nn.initializers.zeros, (rows, self.width))
        return einsum("...rn,rnw->...rw", x, kernel) + bias


class RigNet(nn.Module):
    """What is added to a code; zero with initial parameters.

    Attributes:
        features: numbers that are kept of each row, and of all rows together.
        hidden: width of the hidden layer of each row.
    """

    features: int = FEATURES
    hidden: int = HIDDEN

    @nn.compact
    def __call__(self, w_plus: Array, target: Array) -> Array:
        """Offsets `[B, num_ws, 512]` of codes, in the coordinates that these have, for
        a `target` `[B, n]`, the component in standard deviations."""
        seen = RowDense(2 * self.features, name="encoder")(w_plus)
        own, shared = jnp.split(seen, 2, axis=-1)
        known = jnp.concatenate([shared.mean(axis=-2), target], axis=-1)
        known = jnp.broadcast_to(
            known[..., None, :], (*own.shape[:-1], known.shape[-1])
        )
        x = jnp.concatenate([own, known], axis=-1)
        hidden = nn.elu(RowDense(self.hidden, name="hidden")(x))
        x = jnp.concatenate([x, hidden], axis=-1)
        return RowDense(w_plus.shape[-1], scale=0.0, name="decoder")(x)


def rig(component: str, features: int = FEATURES, hidden: int = HIDDEN) -> Rig:
    """RigNet as a function of its parameters (`core.interfaces.Rig`), of one of
    `core.theta.COMPONENTS`:

        w_hat = w + rignet(w, target) - rignet(w, own).

    The network gives a code of its own even for the theta that the code has already. So
    only the difference counts: an edit that asks for what is there is exactly none, to
    the last bit, and a small one small.
    """
    module = RigNet(features, hidden)

    def offset(params: Any, w_plus: Array, theta: FaceParams) -> Array:
        values = standardized(params, getattr(theta, component))
        added: Any = module.apply({"params": params["network"]}, w_plus, values)
        return added

    def edit(params: Any, w_plus: Array, own: FaceParams, target: FaceParams) -> Array:
        difference = offset(params, w_plus, target) - offset(params, w_plus, own)
        if "own" in params:
            change = getattr(target, component) - getattr(own, component)
            difference += own_rig.added(params["own"], change)
        return w_plus + difference

    return Rig(edit, component)


def standardized(params: Any, values: Array) -> Array:
    """A rig's component `[..., n]` in standard deviations over the generator's samples."""
    return (values - params["mean"]) / params["deviation"]


def widths(params: Any) -> tuple[int, int]:
    """`features` and `hidden` of the network that has these parameters."""
    network = params["network"]
    features = network["encoder"]["bias"].shape[-1] // 2
    return features, network["hidden"]["bias"].shape[-1]


def num_ws(params: Any) -> int:
    """Of the codes that the network with these parameters edits."""
    return params["network"]["encoder"]["bias"].shape[0]


def unwhitened(network: Any, moments: dict[str, Array]) -> Any:
    """The parameters that do on codes what these do in principal coordinates, standard
    deviations along the axes of `latents.moments`."""
    axes = moments["axes"]
    inward = axes / jnp.sum(axes**2, axis=0)
    encoder, decoder = network["encoder"], network["decoder"]
    kernel = matmul(inward, encoder["kernel"])
    bias = encoder["bias"] - matmul(moments["mean"], kernel)
    return network | {
        "encoder": {"kernel": kernel, "bias": bias},
        "decoder": {
            "kernel": matmul(decoder["kernel"], axes.T),
            "bias": matmul(decoder["bias"], axes.T),
        },
    }


def whitened(network: Any, moments: dict[str, Array]) -> Any:
    """The inverse of `unwhitened`."""
    axes = moments["axes"]
    outward = axes / jnp.sum(axes**2, axis=0)
    encoder, decoder = network["encoder"], network["decoder"]
    kernel = encoder["kernel"]
    return network | {
        "encoder": {
            "kernel": matmul(axes.T, kernel),
            "bias": encoder["bias"] + matmul(moments["mean"], kernel),
        },
        "decoder": {
            "kernel": matmul(decoder["kernel"], outward),
            "bias": matmul(decoder["bias"], outward),
        },
    }
