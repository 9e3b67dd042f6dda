r"""Draws samples of a generator for the trainings, in the background.

    python -m experiments.generate_samples --num 20000 --out samples
    python -m experiments.generate_samples --num 20000 --out samples2 \
        --config stylegan2 --config.files.generator=stylegan2.safetensors

May be killed at any moment and started again: it goes on after the shards that are
there. On several cores run one job for each, with its own `--first` and folder, and
move the shards together at the end. A sample takes 0.43 s of one core's time (mean of
345) and 0.2 MB. What is stored: `experiments.samples`.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from tqdm import tqdm

from experiments import generators, samples, script
from experiments.samples import Samples
from pie_jax.core.images import downsample, to_255
from pie_jax.core.interfaces import Generator
from pie_jax.io import atomic
from pie_jax.photos import faces
from pie_jax.stack import fetch
from pie_jax.stack.load import load
from pie_jax.stack.registry import LANDMARKS68
from pie_jax.stack.uses import SYNTHESIZE

WEAKEST, STRONGEST = 0.4, 1.0
"""Truncation strengths are spread evenly between the two."""
MIXED = 0.5
"""Share of samples whose w_plus joins two w's."""

_NARROWEST = 0.25
"""What is narrower, in widths of the frame, is no face of an aligned portrait."""


def main() -> None:
    """Generates until `--num` seeds are there."""
    numbers = {"num": (20_000, "how many seeds"), "first": (0, "the first seed")}
    args, config = generators.parse(script.parser(__doc__, "out", **numbers))
    fetch.ensure(LANDMARKS68)
    found = load(config, SYNTHESIZE)
    draw = jax.jit(partial(draw_sample, found.functions.generator))
    name = generators.identity(config)
    generate(name, draw, found.params.generator, args.num, args.out, first=args.first)


def generate(
    name: str,
    draw: Callable[[Any, Array], tuple[dict[str, Array], Array, Array]],
    params: Any,
    num: int,
    folder: Path,
    shard: int = samples.SHARD,
    measure: Callable[[np.ndarray], np.ndarray | None] | None = None,
    first: int = 0,
) -> None:
    """Writes the shards that `folder` lacks of the seeds first, ..., first + num - 1.

    Args:
        name: tells this generator from others.
        draw: `(params, seed)`, what is made of a seed, as `draw_sample`.
        params: what it takes.
        num: rounded up to whole shards.
        folder: made if missing; no other job writes there.
        shard: seeds in a file.
        measure: finds landmarks, as `find_landmarks`.
        first: the first seed, a multiple of `shard`.

    Raises:
        ValueError: `first` begins no shard.
    """
    if first % shard:
        raise ValueError(f"first is {first}; expected a multiple of {shard}")
    folder.mkdir(parents=True, exist_ok=True)
    atomic.clear(folder)
    if known := next(folder.glob("samples-*.npz"), None):
        samples.read(known, name)  # another generator's would be an error now
    starts = range(first, first + num, shard)
    with tqdm(total=len(starts) * shard, unit="sample", smoothing=0.05) as bar:
        for start in starts:
            if samples.shard_path(folder, start, shard).exists():
                bar.update(shard)
                continue
            rows = []
            for seed in range(start, start + shard):
                rows.append(_sample(draw, params, seed, measure or find_landmarks))
                bar.update()
            stacked = Samples(*(np.stack(x) for x in zip(*rows, strict=True)))
            samples.write(folder, stacked, name)


def draw_sample(
    generator: Generator, params: Any, seed: Array
) -> tuple[dict[str, Array], Array, Array]:
    """Draws one code of an int32 seed, and synthesises it.

    Returns:
        The fields `w`, `crossover` and `psi` of `Samples`; the picture `[R, R, 3]` and
        the stored one `[SIZE, SIZE, 3]` (or smaller, if R is), uint8.
    """
    key = jax.random.fold_in(jax.random.key(0), seed)
    key_z, key_psi, key_mixed, key_row = jax.random.split(key, 4)
    psi = jax.random.uniform(key_psi, minval=WEAKEST, maxval=STRONGEST)
    w = generator.mapping(params, jax.random.normal(key_z, (2, 512)))
    w = params["w_avg"] + psi * (w - params["w_avg"])
    num_ws = generator.num_ws
    row = jax.random.randint(key_row, (), 1, num_ws)
    crossover = jnp.where(jax.random.bernoulli(key_mixed, MIXED), row, num_ws)
    w_plus = jnp.where((jnp.arange(num_ws) < crossover)[:, None], w[0], w[1])
    image = generator.synthesis(params, w_plus[None])[0]
    return {"w": w, "crossover": crossover, "psi": psi}, *both_sizes(image)


def both_sizes(image: Array) -> tuple[Array, Array]:
    """A picture `[R, R, 3]` in about [-1, 1], and it as it is stored; uint8."""
    image = jnp.clip(image, -1, 1)
    small = downsample(image, max(1, image.shape[0] // samples.SIZE))
    whole_u8, small_u8 = (jnp.rint(to_255(x)).astype(jnp.uint8) for x in (image, small))
    return whole_u8, small_u8


def _sample(
    draw: Callable, params: Any, seed: int, measure: Callable[..., np.ndarray | None]
) -> Samples:
    """The sample of one seed, without a leading axis."""
    code, image_u8, small_u8 = jax.tree.map(np.asarray, draw(params, jnp.int32(seed)))
    found = measure(image_u8)
    return Samples(
        seed=np.array(seed, np.int64),
        image_u8=small_u8,
        w=code["w"],
        crossover=code["crossover"],
        psi=code["psi"],
        landmarks=np.asarray(np.zeros((68, 2)) if found is None else found, np.float32),
        valid=np.array(found is not None),
    )


def find_landmarks(image_u8: np.ndarray) -> np.ndarray | None:
    """dlib's landmarks `[68, 2]`, in fractions of the frame, of the face that fills an
    aligned picture `[R, R, 3]` uint8, R even; None if there is no such face.

    The face is looked for at half of the resolution, where the detector takes a sixth
    of the time. The landmarks that follow differ by 1.3 % of the distance of the eyes
    from those of the full search (12 samples), as much as dlib varies with any shift
    of its box.
    """
    resolution = image_u8.shape[0]
    for box in faces.detect(samples.shrink(image_u8[None], resolution // 2)[0]):
        corner = 2 * box.right + 1, 2 * box.bottom + 1
        whole = faces.Box(2 * box.left, 2 * box.top, *corner)
        if whole.width >= _NARROWEST * resolution:
            return (faces.landmarks68(image_u8, whole) + 0.5) / resolution
    return None


if __name__ == "__main__":
    script.run(main)
