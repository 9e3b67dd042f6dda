r"""Measures which part of the FFHQ frame other networks would crop, on generator samples.

    python -m experiments.measure_crops samples/

Deep3DFaceRecon and dlib's recognition place a crop by points of each face, the former
thus: the template of five points is fitted to them in scaled orthographic projection,
and scaled to 102 pixels of 224. `pie_jax.networks.deep3d` and `pie_jax.networks.mofa`
hold the means. The folder is one that `experiments.generate_samples` fills.
"""

import argparse
from pathlib import Path

import numpy as np

from experiments import samples
from pie_jax.io import faces
from pie_jax.networks.deep3d import SIZE
from pie_jax.networks.dlib_resnet import CHIP_SIZE

SCALE = 102
"""Pixels of the crop for one unit of the template."""
# On a side of a frame, in which landmarks are where pixels' centres are.
_PIXELS = 256
# Eyes, nose tip and corners of the mouth as Deep3DFaceRecon has them; y up.
TEMPLATE = np.array(
    [
        [-0.3115, 0.2904, 0.1338],
        [0.3098, 0.2897, 0.1318],
        [0.0033, -0.0462, 0.5524],
        [-0.2522, -0.3813, 0.2241],
        [0.2485, -0.3813, 0.2224],
    ]
)


def main() -> None:
    """Prints each crop's width and middle in fractions of the frame's width."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("samples", type=Path)
    parser.add_argument("--generator", default="mobile_stylegan_ffhq")
    args = parser.parse_args()
    landmarks: list[np.ndarray] = []
    for path in sorted(args.samples.glob("samples-*.npz")):
        shard = samples.read(path, args.generator)
        landmarks += list(shard.landmarks[shard.valid])
    if not landmarks:
        raise SystemExit(f"measure_crops: {args.samples} holds no samples")
    for network, crop in (("Deep3DFaceRecon", deep3d_crop), ("dlib", dlib_crop)):
        print(f"{network}, {len(landmarks)} faces")
        found = np.transpose([crop(points) for points in landmarks])
        for name, values in zip(("width", "x", "y"), found, strict=True):
            print(f"{name:6} mean {values.mean():.4f} deviation {values.std():.4f}")


def dlib_crop(landmarks68: np.ndarray) -> tuple[float, float, float]:
    """The chip that dlib cuts for its recognition network; as `deep3d_crop`."""
    matrix = faces.chip_matrix(_PIXELS * landmarks68.astype(float) - 0.5)
    x, y = matrix @ [*[(CHIP_SIZE - 1) / 2] * 2, 1] + 0.5
    width = CHIP_SIZE * np.hypot(*matrix[:, 0])
    return float(width / _PIXELS), float(x / _PIXELS), float(y / _PIXELS)


def deep3d_crop(landmarks68: np.ndarray) -> tuple[float, float, float]:
    """The crop that Deep3DFaceRecon places on a face.

    Args:
        landmarks68: `[68, 2]` in fractions of the frame's width.

    Returns:
        Its width, and its middle's x and y, in the same unit.
    """
    points = np.asarray(landmarks68, np.float64) * [1, -1]
    eyes = [points[[36, 39]].mean(axis=0), points[[42, 45]].mean(axis=0)]
    five = np.stack([*eyes, points[30], points[48], points[54]])
    unknown = np.concatenate([TEMPLATE, np.ones((5, 1))], axis=1)
    fit = np.linalg.lstsq(unknown, five, rcond=None)[0]
    scale = np.linalg.norm(fit[:3], axis=0).mean()
    return float(scale * SIZE / SCALE), float(fit[3, 0]), float(-fit[3, 1])


if __name__ == "__main__":
    main()
