r"""Asks MediaPipe's face mesh how far heads turned that `pie edit` was to turn.

    pie edit embedded/anna --sweep yaw=-20:20:5 --feedback 3 --background edited \
        --quick --out turned/anna
    python -m experiments.mediapipe_yaw turned/*

It knows nothing of dlib's landmarks, of our face model or of MoFA. Needs mediapipe
0.10.14, whose package holds its networks (Apache 2.0), in an environment of its own,
as it wants NumPy 1:

    python -m venv judge
    judge/bin/python -m pip install mediapipe==0.10.14 "numpy<2"
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

_PAIRS = (  # of the mesh's 468 points: the person's right, left
    *((33, 263), (133, 362)),  # outer and inner corners of the eyes
    *((70, 300), (61, 291)),  # brows, corners of the mouth
    *((50, 280), (127, 356), (234, 454), (172, 397)),  # cheeks, temples, ears, jaw
)

Find = Callable[[np.ndarray], np.ndarray | None]
"""A picture `[S, S, 3]` uint8 to `[468, 3]` points in its widths; x to the right, y down,
z away from the viewer. None where there is no face."""


def main() -> None:
    """Prints for each sweep the slopes of achieved against requested yaw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sweeps", type=Path, nargs="+", help="folders of `pie edit`")
    args = parser.parse_args()
    find = mesh()
    turned = {folder.name: read(folder, find) for folder in args.sweeps}
    turned["all"] = np.concatenate([*turned.values()])
    print(f"{'slope by':20}{'pie edit':>9}{'MediaPipe':>11}")
    for name, (requested, *achieved) in ((k, x.T) for k, x in turned.items()):
        slopes = (np.polyfit(requested, yaws, 1)[0] for yaws in achieved)
        print(f"{name:20}{next(slopes):9.3f}{next(slopes):11.3f}")


def mesh() -> Find:
    """The face mesh for single pictures."""
    try:
        import mediapipe
    except ImportError as error:
        raise SystemExit(f"mediapipe_yaw: {error}; see --help") from error

    network = mediapipe.solutions.face_mesh.FaceMesh(
        static_image_mode=True, refine_landmarks=True, min_detection_confidence=0.3
    )

    def find(picture_u8: np.ndarray) -> np.ndarray | None:
        faces = network.process(np.ascontiguousarray(picture_u8)).multi_face_landmarks
        if not faces:
            return None
        return np.array([(p.x, p.y, p.z) for p in faces[0].landmark[:468]])

    return find


def read(folder: Path, find: Find) -> np.ndarray:
    """A sweep's yaws in degrees, to the viewer's right, of the pictures with a face:
    `[n, 3]`, requested, achieved in `pie edit`'s eyes, in the mesh's.

    Raises:
        SystemExit: the edit was no sweep.
    """
    edits = json.loads((folder / "edit.json").read_text()).get("edits")
    if edits is None:
        raise SystemExit(f"mediapipe_yaw: {folder} is no sweep; see --help")
    strip = np.asarray(Image.open(folder / "strip.png").convert("RGB"))
    rows = []
    for edit, picture in zip(edits, np.split(strip, len(edits), axis=1), strict=True):
        points = find(picture)
        if points is not None:
            yaws = (edit[x]["degrees"]["yaw"] for x in ("requested", "achieved"))
            rows.append((*yaws, yaw(points)))
    return np.array(rows)


def yaw(points: np.ndarray) -> float:
    """Where a face `[468, 3]` looks, across the line between its two halves: degrees,
    positive to the viewer's right."""
    right, left = np.transpose(_PAIRS)
    x, _, z = np.mean(points[left] - points[right], axis=0)
    return float(np.rad2deg(np.arctan2(z, x)))


if __name__ == "__main__":
    main()
