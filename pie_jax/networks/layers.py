"""Layers that several networks share, in forms that XLA runs fast on CPUs and GPUs."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax


def scaled(features: int, width: float) -> int:
    """How many of so many channels a network of this width has."""
    return max(1, round(features * width))


@jax.custom_vjp
def leaky_relu(x: Array) -> Array:
    """Leaky ReLU with StyleGAN's slope of 0.2.

    Its gradient is read off the sign of the result, which the next layer keeps anyway,
    so that the argument need not be kept as well.
    """
    return jnp.maximum(x, 0.2 * x)


leaky_relu.defvjp(
    lambda x: (leaky_relu(x),) * 2,
    lambda y, grad: (jnp.where(y > 0, grad, 0.2 * grad),),
)


def normalize_z(z: Array) -> Array:
    """Scales each normal draw to unit mean square: `z` `[..., D]` -> `[..., D]`."""
    return z * jax.lax.rsqrt(jnp.mean(z**2, axis=-1, keepdims=True) + 1e-8)


@jax.custom_vjp
def depthwise_conv3x3(x: Array, kernel: Array) -> Array:
    """Correlates every channel of `[B, H, W, C]` with its own kernel of `[3, 3, C]`,
    zero padding of one pixel.

    Written as nine shifted multiply-adds: XLA's CPU backend runs a grouped convolution
    of this size 8 to 20 times slower. The gradient with respect to `x` is the same step
    with the kernel turned by 180 degrees; left to itself, JAX would transpose the nine
    slices into nine padded additions, almost twice as slow.
    """
    height, width = x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifted = [
        padded[:, i : i + height, j : j + width] * kernel[i, j]
        for i in range(3)
        for j in range(3)
    ]
    return functools.reduce(jnp.add, shifted)


def _depthwise_backward(
    residuals: tuple[Array, Array], grad: Array
) -> tuple[Array, Array]:
    x, kernel = residuals
    height, width = x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    # Under jit this sum is dropped as dead code wherever the kernel is a constant.
    grad_kernel = jnp.stack(
        [
            jnp.sum(padded[:, i : i + height, j : j + width] * grad, axis=(0, 1, 2))
            for i in range(3)
            for j in range(3)
        ]
    )
    return depthwise_conv3x3(grad, kernel[::-1, ::-1]), grad_kernel.reshape(
        kernel.shape
    )


depthwise_conv3x3.defvjp(
    lambda x, kernel: (depthwise_conv3x3(x, kernel), (x, kernel)), _depthwise_backward
)


@jax.custom_vjp
def conv3x3(x: Array, kernel: Array) -> Array:
    """Correlates `[B, H, W, C]` with a kernel `[3, 3, C, D]`, stride 1, zero padding of
    one.

    The gradient with respect to `x` is the same operation with the kernel turned by 180
    degrees and its channels exchanged. XLA's CPU backend runs JAX's own form of it, a
    convolution with reversed windows, three times slower inside a loop.
    """
    return lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def _conv3x3_backward(
    residuals: tuple[Array, Array], grad: Array
) -> tuple[Array, Array]:
    x, kernel = residuals
    # A kernel's gradient is the correlation of input and gradient, with the batch in
    # the channels' place. Dropped as dead code where the kernel is a constant.
    grad_kernel = lax.conv_general_dilated(
        x, grad, (1, 1), [(1, 1), (1, 1)], dimension_numbers=("CHWN", "IHWO", "HWNC")
    )
    return conv3x3(grad, kernel[::-1, ::-1].swapaxes(2, 3)), grad_kernel


conv3x3.defvjp(lambda x, kernel: (conv3x3(x, kernel), (x, kernel)), _conv3x3_backward)


@jax.custom_vjp
def conv1x1(x: Array, kernel: Array) -> Array:
    """Joins the channels of `[B, H, W, C]` by a kernel `[C, D]`.

    The kernel's gradient is written as a product of two matrices: XLA's CPU backend
    takes several times as long where three axes are summed over.
    """
    return x @ kernel


def _conv1x1_backward(
    residuals: tuple[Array, Array], grad: Array
) -> tuple[Array, Array]:
    x, kernel = residuals
    rows, grad_rows = (a.reshape(-1, a.shape[-1]) for a in (x, grad))
    return grad @ kernel.T, rows.T @ grad_rows


conv1x1.defvjp(lambda x, kernel: (conv1x1(x, kernel), (x, kernel)), _conv1x1_backward)


class Conv3x3(nn.Module):
    """`nn.Conv(features, (3, 3), padding=1)` on `conv3x3`, with the same parameters."""

    features: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """`[B, H, W, C]` to `[B, H, W, features]`."""
        shape = (3, 3, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return conv3x3(x, kernel) + bias
