"""VGG-16 and VGG-Face in slow NumPy, channels first, from the published arrays."""

import numpy as np

from tests.deep3d_reference import convolve, windows

MEAN_RGB = np.array([129.1863, 104.7624, 93.5940])
TAPS = {"conv1_1": (0, 0), "conv1_2": (0, 1), "conv3_2": (2, 1), "conv4_2": (3, 1)}


def conv(x, kernel, bias):
    """`[I, H, W]` and (out, in, 3, 3) to `[O, H, W]`, zeros around `x`."""
    y = convolve(np.float64(x), np.float64(kernel))
    return y + np.float64(bias)[:, None, None]


def pool(x):
    """The maximum of each 2 x 2 square."""
    return windows(x, 2, 2).max(axis=(3, 4))


def trunk(x, blocks):
    """Every ReLU's output; `blocks` are lists of (kernel, bias)."""
    outputs = []
    for number, block in enumerate(blocks):
        x = pool(x) if number else x
        outputs.append([])
        for kernel, bias in block:
            x = np.maximum(conv(x, kernel, bias), 0)
            outputs[-1].append(x)
    return outputs


def taps(x, blocks):
    outputs = trunk(x, blocks)
    return {tap: outputs[i][j].transpose(1, 2, 0) for tap, (i, j) in TAPS.items()}


def torchvision(image_u8, blocks, mean, deviation):
    """RGB in [0, 1], minus a mean, divided by a deviation."""
    x = (image_u8 / 255 - np.array(mean)) / np.array(deviation)
    return taps(x.transpose(2, 0, 1), blocks)


def keras(image_u8, blocks):
    """BGR in [0, 255], minus a mean; kernels are (rows, columns, in, out)."""
    x = image_u8[..., ::-1] - np.array([103.939, 116.779, 123.68])
    turned = [[(k.transpose(3, 2, 0, 1), b) for k, b in block] for block in blocks]
    return taps(x.transpose(2, 0, 1), turned)


def vgg_face(face_u8, blocks, fc6, fc7):
    """fc7 after the ReLU; fc6's kernel is (out, in, 7, 7), fc7's (out, in)."""
    x = (face_u8 - MEAN_RGB).transpose(2, 0, 1)
    x = pool(trunk(x, blocks)[-1][-1])
    y = np.maximum([np.sum(x * kernel) for kernel in np.float64(fc6[0])] + fc6[1], 0)
    return np.maximum(np.float64(fc7[0]) @ y + fc7[1], 0)
