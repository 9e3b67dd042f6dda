r"""Measures which part of the FFHQ frame Deep3DFaceRecon would crop, on generator samples.

    python -m experiments.measure_deep3d_crop samples/

Its own procedure places a crop by five points of each face: the template of these
points is fitted to them in scaled orthographic projection, and scaled to 102 pixels of
224. `pie_jax.networks.deep3d` holds the means. The folder is one that
`experiments.generate_samples` fills.
"""

import argparse
from pathlib import Path

import numpy as np

from experiments import samples
from pie_jax.networks.deep3d import SIZE

SCALE = 102
"""Pixels of the crop for one unit of the template."""
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
    """Prints the crop's width and middle in fractions of the frame's width."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("samples", type=Path)
    parser.add_argument("--generator", default="mobile_stylegan_ffhq")
    args = parser.parse_args()
    found = []
    for path in sorted(args.samples.glob("samples-*.npz")):
        shard = samples.read(path, args.generator)
        found += [crop(points) for points in shard.landmarks[shard.valid]]
    if not found:
        raise SystemExit(f"measure_deep3d_crop: {args.samples} holds no samples")
    for name, values in zip(("width", "x", "y"), np.transpose(found), strict=True):
        print(f"{name:6} mean {values.mean():.4f} deviation {values.std():.4f}")
    print(f"{len(found)} faces")


def crop(landmarks68: np.ndarray) -> tuple[float, float, float]:
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
