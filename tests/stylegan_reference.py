"""StyleGAN 1 and 2 written slowly, one sample at a time, as the original programs do.

Both take the variables by NVIDIA's TensorFlow names. Channels come first, in float64.
"""

import numpy as np

from tests.deep3d_reference import convolve, windows

UP_FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64 * 4


def lrelu(x):
    return np.where(x > 0, x, 0.2 * x)


def mapping(variables, z, weight_gain, gain):
    """z `[B, 512]` to w `[B, 512]`."""
    x = z / np.sqrt(np.mean(z**2, axis=1, keepdims=True) + 1e-8)
    for i in range(8):
        weight = variables[f"mapping/Dense{i}/weight"]
        weight = weight * (weight_gain / np.sqrt(512) * 0.01)
        bias = variables[f"mapping/Dense{i}/bias"] * 0.01
        x = gain * lrelu(x @ weight + bias)
    return x


def correlate(x, kernel, pad):
    """`x` [I, H, W] with `kernel` [h, w, I, O], `pad` zeros on every side."""
    return convolve(x, kernel.transpose(3, 2, 0, 1), padding=pad)


def filtered(x, taps, before, after):
    """Every channel with the same two-dimensional filter."""
    x = np.pad(x, ((0, 0), (before, after), (before, after)))
    return np.einsum("crsij,ij->crs", windows(x, len(taps)), taps)


def insert_zeros(x):
    """Zeros between pixels, also after the last."""
    result = np.zeros((len(x), 2 * x.shape[1], 2 * x.shape[2]))
    result[:, ::2, ::2] = x
    return result


def fused_upsampling(x, kernel):
    """StyleGAN 1 from 128 pixels: a transposed convolution, as TensorFlow defines it."""
    padded = np.pad(kernel, ((1, 1), (1, 1), (0, 0), (0, 0)))
    kernel = padded[1:, 1:] + padded[:-1, 1:] + padded[1:, :-1] + padded[:-1, :-1]
    _, height, width = x.shape
    result = np.zeros((kernel.shape[3], 2 * height + 2, 2 * width + 2))
    for a, b in np.ndindex(4, 4):
        spread = np.einsum("ihw,io->ohw", x, kernel[a, b])
        result[:, a : a + 2 * height : 2, b : b + 2 * width : 2] += spread
    return result[:, 1:-1, 1:-1]


def stylegan1(variables, w_plus):
    """`w_plus` [num_ws, 512] to an image [R, R, 3]."""
    v = {name.removeprefix("synthesis/"): value for name, value in variables.items()}
    x = v["4x4/Const/const"][0]
    for row, w in enumerate(w_plus):
        size = 4 * 2 ** (row // 2)
        layer = f"{size}x{size}/" + ("Conv1" if row % 2 else "Conv0_up")
        layer = {0: "4x4/Const", 1: "4x4/Conv"}.get(row, layer)
        if row:
            kernel = v[f"{layer}/weight"]
            kernel = kernel * (np.sqrt(2) / np.sqrt(9 * kernel.shape[2]))
        if row > 1 and row % 2 == 0:
            if size < 128:
                x = correlate(x.repeat(2, axis=1).repeat(2, axis=2), kernel, 1)
            else:
                x = fused_upsampling(x, kernel)
            x = filtered(x, np.outer([1, 2, 1], [1, 2, 1]) / 16, 1, 1)
        elif row:
            x = correlate(x, kernel, 1)
        x = x + v[f"{layer}/Noise/weight"][:, None, None] * v[f"noise{row}"][0]
        x = lrelu(x + v[f"{layer}/bias"][:, None, None])
        x = x - x.mean(axis=(1, 2), keepdims=True)
        x = x / np.sqrt((x**2).mean(axis=(1, 2), keepdims=True) + 1e-8)
        style = w @ (v[f"{layer}/StyleMod/weight"] / np.sqrt(512))
        scale, shift = (style + v[f"{layer}/StyleMod/bias"]).reshape(2, -1, 1, 1)
        x = x * (scale + 1) + shift
    weight = v["ToRGB_lod0/weight"] / np.sqrt(len(x))
    return (correlate(x, weight, 0) + v["ToRGB_lod0/bias"][:, None, None]).transpose(
        1, 2, 0
    )


def modulated(v, layer, w, demodulate):
    """A layer's kernel in the style w."""
    kernel = v[f"{layer}/weight"]
    kernel = kernel / np.sqrt(np.prod(kernel.shape[:3]))
    style = w @ (v[f"{layer}/mod_weight"] / np.sqrt(512)) + v[f"{layer}/mod_bias"] + 1
    kernel = kernel * style[:, None]
    if demodulate:
        kernel = kernel / np.sqrt((kernel**2).sum(axis=(0, 1, 2)) + 1e-8)
    return kernel


def styled_conv(v, layer, x, w, noise, up):
    kernel = modulated(v, layer, w, demodulate=True)
    if up:
        x = correlate(insert_zeros(x)[:, :-1, :-1], kernel, 2)
        x = filtered(x, UP_FILTER, 1, 1)
    else:
        x = correlate(x, kernel, 1)
    x = x + v[f"{layer}/noise_strength"] * noise[0]
    return np.sqrt(2) * lrelu(x + v[f"{layer}/bias"][:, None, None])


def to_rgb(v, layer, x, w):
    kernel = modulated(v, layer, w, demodulate=False)
    return correlate(x, kernel, 0) + v[f"{layer}/bias"][:, None, None]


def stylegan2(variables, w_plus):
    v = {name.removeprefix("synthesis/"): value for name, value in variables.items()}
    x = styled_conv(
        v, "4x4/Conv", v["4x4/Const/const"][0], w_plus[0], v["noise0"], up=False
    )
    image = to_rgb(v, "4x4/ToRGB", x, w_plus[1])
    for block in range(1, len(w_plus) // 2):
        size, row = 4 * 2**block, 2 * block - 1
        place = f"{size}x{size}"
        for i, (name, up) in enumerate([("Conv0_up", True), ("Conv1", False)]):
            noise = v[f"noise{row + i}"]
            x = styled_conv(v, f"{place}/{name}", x, w_plus[row + i], noise, up)
        image = filtered(insert_zeros(image), UP_FILTER, 2, 1)
        image += to_rgb(v, f"{place}/ToRGB", x, w_plus[row + 2])
    return image.transpose(1, 2, 0)
