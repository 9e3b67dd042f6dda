"""Deep3DFaceRecon's network: the FFHQ frame to coefficients of the Basel face model.

Deng et al., "Accurate 3D Face Reconstruction with Weakly-Supervised Learning: From
Single Image to Image Set", CVPR workshops 2019, in the version that its authors later
published for PyTorch: ResNet-50 (He et al., CVPR 2016) with the stride in the 3 x 3
convolutions, and seven linear heads. The network's batch normalisation has fixed
statistics, so it is a part of the convolutions here.

What it sees. It was trained on crops of 224 pixels which each face's eyes, nose tip and
mouth corners place and scale. Those are at nearly fixed places in the FFHQ frame. So
the crop is the same for every picture: the mean of the crops of 6446 faces of the default
generator (its template of five points, fitted to dlib's landmarks in scaled orthographic
projection; 102 pixels to its unit). Single faces' own crops differ from it by 4% in size
and by 1.5% of the frame in place (deviations); the network sees that as a face which is
nearer, or further up.

How it sees it. It was trained with a camera whose axis goes through the middle of the
crop, which is below the middle of the frame. Our cameras look through the middle of the
frame. So the crop is what our camera would see if it turned down by `TILT` and zoomed:
within 0.3 pixels of 224 the plain crop, and exactly a picture of the same face in the
same place, which `face.deep3d` makes use of.
"""

import math

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array

from pie_jax.core.images import downsample
from pie_jax.networks.layers import Conv3x3, scaled

SIZE = 224
"""Pixels on a side of what the network sees."""
FOCAL = 1015 / 224
"""Of the camera that the network was trained with, in widths of the crop."""

CROP_WIDTH = 0.884
"""The crop's side, in widths of the FFHQ frame."""
CROP_DOWN = 0.582
"""The middle of the crop, in widths of the frame from its upper edge."""

TILT = math.asin((CROP_DOWN - 0.5) / (CROP_WIDTH * FOCAL))
"""Radians by which the camera turns down from the frame's middle to the crop's."""
FRAME_FOCAL = CROP_WIDTH * FOCAL * math.cos(TILT)
"""The same camera's focal length before it turns, in widths of the FFHQ frame."""

BLOCKS = (3, 4, 6, 3)
"""How many blocks there are at each resolution; `FEATURES` is their inner width."""
FEATURES = (64, 128, 256, 512)
EXPANSION = 4
"""What a block gives, in units of its inner width."""

HEADS = {
    "identity": 80,
    "expression": 64,
    "texture": 80,
    "angles": 3,
    "light": 27,
    "shift": 2,
    "depth": 1,
}
"""The heads in the order of the published file, and their sizes."""


@struct.dataclass
class Coefficients:
    """What the network says of a face, in its own conventions; batch axes lead.

    Attributes:
        identity: `[..., 80]`, in standard deviations.
        expression: `[..., 64]`, in standard deviations.
        texture: `[..., 80]`, in standard deviations.
        angles: `[..., 3]`, about x, y and z, in radians.
        light: `[..., 27]`, a flattened (3, 9): nine coefficients for each of R, G, B.
        translation: `[..., 3]`, in decimetres.
    """

    identity: Array
    expression: Array
    texture: Array
    angles: Array
    light: Array
    translation: Array


class Deep3D(nn.Module):
    """Picture to coefficients.

    Attributes:
        width: multiplies the body's number of channels; 1 is the published network's.
    """

    width: float = 1.0

    @nn.compact
    def __call__(self, image: Array) -> Coefficients:
        """Estimates the faces that fill pictures `[B, R, R, 3]`, RGB in [-1, 1], the
        FFHQ frame; any R."""
        x = (crop(image) + 1) / 2
        x = _strided(scaled(64, self.width), 7, name="stem")(x)
        x = nn.max_pool(nn.relu(x), (3, 3), (2, 2), ((1, 1), (1, 1)))
        for stage, (features, count) in enumerate(zip(FEATURES, BLOCKS, strict=True)):
            for i in range(count):
                stride = 2 if stage and i == 0 else 1
                name = f"layer{stage + 1}_{i}"
                x = Bottleneck(scaled(features, self.width), stride, name=name)(x)
        x = x.mean(axis=(1, 2))
        heads = {name: nn.Dense(size, name=name)(x) for name, size in HEADS.items()}
        shift, depth = heads.pop("shift"), heads.pop("depth")
        translation = jnp.concatenate([shift, depth], axis=-1)
        return Coefficients(**heads, translation=translation)


class Bottleneck(nn.Module):
    """Three convolutions, 1 x 1, 3 x 3 and 1 x 1, and a shortcut."""

    features: int
    stride: int = 1

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """`[B, H, W, C]` to `[B, H / stride, W / stride, 4 features]`."""
        outputs = EXPANSION * self.features
        y = nn.relu(nn.Dense(self.features, name="conv1")(x))
        if self.stride == 1:
            y = Conv3x3(self.features, name="conv2")(y)
        else:
            y = _strided(self.features, 3, name="conv2")(y)
        y = nn.Dense(outputs, name="conv3")(nn.relu(y))
        if self.stride > 1 or x.shape[-1] != outputs:
            x = x[:, :: self.stride, :: self.stride]
            x = nn.Dense(outputs, name="shortcut")(x)
        return nn.relu(x + y)


def _strided(features: int, size: int, name: str) -> nn.Conv:
    """A convolution that halves the picture, padded alike on both sides."""
    padding = [(size // 2, size // 2)] * 2
    return nn.Conv(features, (size, size), 2, padding=padding, name=name)


def width_of(params: dict) -> float:
    """The attribute `width` of the module that these parameters are for."""
    return params["stem"]["bias"].shape[0] / 64


def crop(image: Array) -> Array:
    """What the network sees of the FFHQ frame `[B, R, R, C]`: `[B, 224, 224, C]`,
    interpolated bilinearly; differentiable. At the lower edge, which the crop crosses
    by 2.4% of the frame, pixels repeat."""
    image = downsample(image, _reduction(image.shape[1]))
    resolution = image.shape[1]
    centres = np.stack(np.meshgrid(*[(np.arange(SIZE) + 0.5) / SIZE] * 2), axis=-1)
    pixels = np.clip(to_frame(centres) * resolution - 0.5, 0, resolution - 1)
    first = np.minimum(pixels.astype(int), max(resolution - 2, 0))
    (left, top), (x, y) = np.moveaxis(first, 2, 0), np.moveaxis(pixels - first, 2, 0)
    right, bottom = np.minimum([left + 1, top + 1], resolution - 1)
    x, y = (jnp.asarray(share[..., None], image.dtype) for share in (x, y))
    upper = image[:, top, left] * (1 - x) + image[:, top, right] * x
    lower = image[:, bottom, left] * (1 - x) + image[:, bottom, right] * x
    return upper * (1 - y) + lower * y


def _reduction(resolution: int) -> int:
    """Pixels to average before sampling: no finer than the crop's own are needed."""
    most = int(resolution * CROP_WIDTH / SIZE)
    return next(n for n in range(max(most, 1), 0, -1) if resolution % n == 0)


def to_frame(points: np.ndarray) -> np.ndarray:
    """Where the FFHQ frame shows what the crop shows, `[..., 2]` (x right, y down):
    from fractions of the crop's side to fractions of the frame's width."""
    right, up = np.moveaxis((points - 0.5) * [1, -1] / FOCAL, -1, 0)
    sine, cosine = math.sin(TILT), math.cos(TILT)
    # The direction of each point from the turned camera, turned back.
    upward, ahead = cosine * up - sine, sine * up + cosine
    frame = FRAME_FOCAL * np.stack([right, -upward], axis=-1)
    return 0.5 + frame / ahead[..., None]
