"""The mapping network of the StyleGAN family: a draw z to a code w."""

import math

import flax.linen as nn
from jax import Array

from pie_jax.networks.layers import leaky_relu, normalize_z

GAIN = math.sqrt(2)
"""What multiplies each leaky ReLU from StyleGAN 2 on, so that variances stay."""


class Mapping(nn.Module):
    """Dense layers with leaky ReLU; learning rate multipliers are in the weights.

    Attributes:
        num_layers: how many; 8 in every network published for FFHQ.
        gain: what multiplies each layer's result: `GAIN` from StyleGAN 2 on, 1 in
            StyleGAN 1, whose gain is part of the weights but not of the biases.
        w_dim: length of z and w.
    """

    num_layers: int = 8
    gain: float = 1.0
    w_dim: int = 512

    @nn.compact
    def __call__(self, z: Array) -> Array:
        """Maps `z` `[B, w_dim]`, normal draws, to `w` `[B, w_dim]`."""
        x = normalize_z(z)
        for i in range(self.num_layers):
            x = self.gain * leaky_relu(nn.Dense(self.w_dim, name=f"dense{i}")(x))
        return x
