r"""Measures where eyes and mouth lie in the FFHQ frame, on generator samples.

    python -m experiments.measure_ffhq_frame --samples 100

`pie_jax.core.ffhq` holds the result, for which the morphable model's camera is chosen.
Photographs (already aligned) can be measured in the samples' place.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from pie_jax.converters import stack
from PIL import Image
from tqdm import tqdm

from experiments import script
from pie_jax.io import faces, weights
from pie_jax.networks.mobile_stylegan import mobile_stylegan


def main() -> None:
    """Prints the mean landmarks' eye centres and mouth in fractions of the width."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("aligned", nargs="*", type=Path, help="aligned photographs")
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    stack.ensure("landmarks68", "mobile_stylegan_ffhq")
    if args.aligned:
        images = (np.asarray(Image.open(file).convert("RGB")) for file in args.aligned)
        found = landmarks(images, len(args.aligned))
    else:
        found = landmarks(samples(args.seed, args.samples), args.samples)
    for name, values in positions(found).items():
        mean, deviation = values.mean(0), values.std(0)
        print(f"{name:10} mean {mean.round(4)} deviation {deviation.round(4)}")
    print(f"{len(found)} faces")


def samples(seed: int, count: int) -> Iterator[np.ndarray]:
    """`[H, W, 3]` uint8 images of the default generator, untruncated."""
    params = jax.tree.map(jnp.asarray, weights.load("mobile_stylegan_ffhq"))
    network = mobile_stylegan()

    @jax.jit
    def draw(params, key):
        w = network.mapping(params, jax.random.normal(key, (1, 512)))
        w_plus = jnp.broadcast_to(w[:, None], (1, network.num_ws, 512))
        image = network.synthesis(params, w_plus)[0]
        return jnp.clip(jnp.round((image + 1) * 127.5), 0, 255).astype(jnp.uint8)

    for key in jax.random.split(jax.random.key(seed), count):
        yield np.asarray(draw(params, key))


def landmarks(images: Iterator[np.ndarray], count: int) -> np.ndarray:
    """`[N, 68, 2]` in fractions of the width, of those images that show a face."""
    found = []
    for image_u8 in tqdm(images, total=count):
        boxes = faces.detect(image_u8)
        if boxes:
            points = faces.landmarks68(image_u8, boxes[0])
            found.append((points + 0.5) / image_u8.shape[1])
    return np.array(found)


def positions(landmarks68: np.ndarray) -> dict[str, np.ndarray]:
    """`[N, 2]` each: what the FFHQ crop goes by, from `[N, 68, 2]`."""
    return {
        "eye_left": landmarks68[:, 36:42].mean(1),
        "eye_right": landmarks68[:, 42:48].mean(1),
        "mouth": landmarks68[:, [48, 54]].mean(1),
    }


if __name__ == "__main__":
    script.run(main)
