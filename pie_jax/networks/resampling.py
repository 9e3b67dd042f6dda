"""Doubling the resolution with StyleGAN's low-pass filter, phase by phase.

Every method here is defined by inserting zeros between pixels, which no implementation
needs to do: an output pixel of even position sees other taps than one of odd position
and none of the zeros, so that each parity ("phase") is an ordinary convolution.
"""

import functools

import jax
import jax.numpy as jnp
from jax import Array, lax

TAPS = (0.25, 0.75, 0.75, 0.25)
"""The filter [1, 3, 3, 1] along one axis, with the gain of 2 that zeros call for."""

_ROWS, _COLUMNS = 1, 2


@jax.custom_vjp
def upsample(x: Array) -> Array:
    """Inserts zeros, then filters: StyleGAN 2's upsampling of the RGB image,
    `[B, H, W, C]` to `[B, 2 * H, 2 * W, C]`.

    In other words bilinear interpolation between pixel centres, with zeros outside.
    """
    return _upsample_axis(_upsample_axis(x, _ROWS), _COLUMNS)


def _upsample_axis(x: Array, axis: int) -> Array:
    size = x.shape[axis]
    padded = _pad(x, axis, 1, 1)
    before, after = _slice(padded, axis, 0, size), _slice(padded, axis, 2, size)
    even = TAPS[0] * before + TAPS[2] * x
    odd = TAPS[1] * x + TAPS[3] * after
    return _interleave(even, odd, axis)


def _upsample_backward(_: None, grad: Array) -> tuple[Array]:
    return (_downsample_axis(_downsample_axis(grad, _COLUMNS), _ROWS),)


def _downsample_axis(grad: Array, axis: int) -> Array:
    """The transpose of `_upsample_axis`."""
    size = grad.shape[axis] // 2
    even, odd = _phases(grad, axis)
    after = _slice(_pad(even, axis, 0, 1), axis, 1, size)
    before = _slice(_pad(odd, axis, 1, 0), axis, 0, size)
    return TAPS[0] * (after + before) + TAPS[1] * (even + odd)


upsample.defvjp(lambda x: (upsample(x), None), _upsample_backward)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def upsample_conv3x3(x: Array, kernel: Array, edge: float = 0.0) -> Array:
    """Inserts zeros, correlates with a 3 x 3 kernel, then filters with [1, 3, 3, 1].

    Between the two steps a signal of n pixels has 2 n + 1. What the filter finds one
    pixel beyond its ends is `edge` times the end:

    - 0 as in StyleGAN 2;
    - -1 for StyleGAN 1, which repeats every pixel, correlates with zero padding and
      blurs with [1, 2, 1]. Repeating is inserting zeros and adding neighbours, and
      [1, 1] with [1, 2, 1] is [1, 3, 3, 1]; but there the sums of neighbours beyond
      the ends are cut off before the blur, which the negative end undoes.

    The gradient with respect to `x` is the filter once more, then an ordinary
    correlation of stride two.

    Args:
        x: `[B, H, W, C]`.
        kernel: `[3, 3, C, D]`.
        edge: see above.

    Returns:
        `[B, 2 * H, 2 * W, D]`.
    """
    batch, height, width, _ = x.shape
    # Two columns side by side, an even and an odd one, are twice the channels in
    # memory: the columns come interleaved from the convolution without a copy. The row
    # filter works on whole phases; only the column filter on interleaved pixels.
    even = _conv(x, _column_pairs(kernel[0::2]), [(1, 1), (1, 1)])
    odd = _conv(x, _column_pairs(kernel[1:2]), [(0, 0), (1, 1)])
    rows = jnp.stack(_filter_phases(even, odd, edge), axis=_ROWS + 1)
    y = rows.reshape(batch, 2 * height, 2 * width + 2, kernel.shape[-1])
    y = y[:, :, :-1]  # the last odd column is made of zeros alone
    padded = jnp.concatenate([edge * y[:, :, :1], y, edge * y[:, :, -1:]], _COLUMNS)
    return _correlate(padded, _COLUMNS)


def _column_pairs(kernel: Array) -> Array:
    """`[h, 3, C, D]` to `[h, 2, C, 2 * D]`, which gives columns 2 j and 2 j + 1."""
    left, centre, right = jnp.moveaxis(kernel, 1, 0)
    previous = jnp.concatenate([left, jnp.zeros_like(left)], axis=-1)
    return jnp.stack([previous, jnp.concatenate([right, centre], axis=-1)], axis=1)


def _filter_phases(even: Array, odd: Array, edge: float) -> tuple[Array, Array]:
    """The filtered rows by phase: `even` has n + 1 rows, `odd` and the results n."""
    size = odd.shape[_ROWS]
    odd = jnp.concatenate([edge * even[:, :1], odd, edge * even[:, -1:]], axis=_ROWS)
    odds = [_slice(odd, _ROWS, i, size) for i in range(3)]
    evens = [_slice(even, _ROWS, i, size) for i in range(2)]
    outer = TAPS[0] * odds[0] + TAPS[3] * evens[1]
    first = outer + TAPS[1] * evens[0] + TAPS[2] * odds[1]
    outer = TAPS[0] * evens[0] + TAPS[3] * odds[2]
    return first, outer + TAPS[1] * odds[1] + TAPS[2] * evens[1]


def _correlate(padded: Array, axis: int) -> Array:
    """Correlates with the filter; the result is three pixels shorter."""
    size = padded.shape[axis] - 3
    return functools.reduce(
        jnp.add, [tap * _slice(padded, axis, i, size) for i, tap in enumerate(TAPS)]
    )


def _upsample_conv_backward(
    edge: float, residuals: tuple[Array, Array], grad: Array
) -> tuple[Array, Array]:
    x, kernel = residuals
    grad = _filter_transposed(_filter_transposed(grad, _COLUMNS, edge), _ROWS, edge)
    turned = kernel[::-1, ::-1].swapaxes(2, 3)
    grad_x = _conv(grad, turned, [(0, 0), (0, 0)], stride=2)
    height, width = x.shape[1:3]
    # Dropped as dead code where the kernel is a constant.
    grad_kernel = jnp.stack(
        [
            jnp.einsum(
                "bhwc,bhwd->cd",
                x,
                grad[:, 2 - i :: 2, 2 - j :: 2][:, :height, :width],
            )
            for i in range(3)
            for j in range(3)
        ]
    )
    return grad_x, grad_kernel.reshape(kernel.shape)


def _filter_transposed(grad: Array, axis: int, edge: float) -> Array:
    """From 2 n pixels to 2 n + 1."""
    result = _correlate(_pad(grad, axis, 2, 2), axis)
    if not edge:
        return result
    size = grad.shape[axis]
    first, last = _slice(grad, axis, 0, 1), _slice(grad, axis, size - 1, 1)
    ends = _pad(first, axis, 0, size) + _pad(last, axis, size, 0)
    return result + edge * TAPS[0] * ends


upsample_conv3x3.defvjp(
    lambda x, kernel, edge: (upsample_conv3x3(x, kernel, edge), (x, kernel)),
    _upsample_conv_backward,
)


def _conv(x: Array, kernel: Array, padding: list, stride: int = 1) -> Array:
    return lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def _pad(x: Array, axis: int, before: int, after: int) -> Array:
    widths = [(0, 0)] * x.ndim
    widths[axis] = (before, after)
    return jnp.pad(x, widths)


def _slice(x: Array, axis: int, start: int, size: int) -> Array:
    return lax.slice_in_dim(x, start, start + size, axis=axis)


def _interleave(even: Array, odd: Array, axis: int) -> Array:
    shape = list(even.shape)
    shape[axis] *= 2
    return jnp.stack([even, odd], axis=axis + 1).reshape(shape)


def _phases(x: Array, axis: int) -> tuple[Array, Array]:
    """Undoes `_interleave`."""
    shape = list(x.shape)
    shape[axis : axis + 1] = [shape[axis] // 2, 2]
    even, odd = jnp.moveaxis(x.reshape(shape), axis + 1, 0)
    return even, odd
