r"""Measures how the energy curves around codes: what `config.stages` calls "curvature".

    python -m experiments.generate_samples --num 1200 --out samples
    python -m experiments.measure_curvature --samples samples --out curvature

The Gauss-Newton matrix of the terms that look at the picture, 2 J^T J for residuals whose
squares they sum, is nearly the same for all faces, and of low rank: the 20 foremost
directions of half of the probes hold about 95 % of the other half's, row by row. Probes
are gradients of residuals with random signs, whose mean square it is (Hutchinson 1990).

600 probes take ten minutes on two cores. May be killed and started again: it goes on
after the last fifty. The folder then holds `curvature.safetensors`, ready for
`pie_jax/assets/`.
"""

from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from tqdm import tqdm

from experiments import samples, script
from experiments.export import export
from experiments.samples import Samples
from pie_jax.core.images import downsample, to_255
from pie_jax.core.params import Params
from pie_jax.energy.perceptual import FACTOR
from pie_jax.energy.term import needed
from pie_jax.io import atomic
from pie_jax.networks import latents
from pie_jax.photos import faces
from pie_jax.stack import configuration, converted
from pie_jax.stack.assembly import Stack
from pie_jax.stack.load import load
from pie_jax.stack.uses import EMBED

RANK = 64
"""Of each row's 512 directions those that are told apart. 86 steps bring jemison.jpg to an
energy of 2158 with all, 2161 with 64, 2208 with 32."""

_EVERY = 50

Probe = Callable[[Array, Array, Array], Array]
"""`(code [num_ws, 512], chip matrix [2, 3], key) -> gradient [num_ws, 512]`."""


def main() -> None:
    """Probes, and writes the curvature."""
    parser = script.parser(__doc__, "samples", "out", num=(600, "how many probes"))
    args = parser.parse_args()
    config = configuration.load(configuration.OF_ANY)
    chosen, _ = samples.load(args.samples, config.generator, most=args.num)
    stack = load(config, EMBED)
    args.out.mkdir(parents=True, exist_ok=True)
    found = gather(prober(stack), chosen, stack, args.out / "probes.npy")
    about = {
        converted.KIND: "curvature",
        "data": f"{len(found)} probes of samples of {config.generator}",
    }
    export(args.out / "curvature.safetensors", decompose(found, RANK), about)


def prober(stack: Stack) -> Probe:
    """Builds the gradient, along a code in standard deviations, of randomly signed
    residuals, sqrt(2 weight) times what the energy's terms square."""
    params, weights = stack.params, stack.functions.config.energy
    networks, generator = stack.functions.networks, stack.functions.generator
    perceptual = needed(networks.perceptual, "perceptual")
    recognition = needed(networks.recognition, "recognition")

    def residuals(params: Params, code: Array, chip_matrix: Array) -> list[Array]:
        w_plus = latents.unwhiten(params.latents, code)
        image = generator.synthesis(params.generator, w_plus[None])[0]
        reduced = downsample(image, FACTOR)[None]
        layers = perceptual(params.perceptual, reduced)
        face = networks.crop(image, chip_matrix)[None]
        return [
            weights.pixel**0.5 * to_255(image),
            *(weights.perceptual**0.5 * x for x in layers.values()),
            weights.recognition**0.5 * recognition(params.recognition, face),
        ]

    def signed(code: Array, params: Params, chip_matrix: Array, key: Array) -> Array:
        parts = residuals(params, code, chip_matrix)
        keys = jax.random.split(key, len(parts))
        signs = map(jax.random.rademacher, keys, [x.shape for x in parts])
        products = [jnp.sum(s * x) for s, x in zip(signs, parts, strict=True)]
        return 2**0.5 * jnp.sum(jnp.stack(products))

    gradient = jax.jit(jax.grad(signed))
    return lambda code, chip_matrix, key: gradient(code, params, chip_matrix, key)


def gather(probe: Probe, chosen: Samples, stack: Stack, file: Path) -> np.ndarray:
    """One probe at each sample, `[S, num_ws, 512]`; those that `file` has are kept."""
    generator = stack.functions.generator
    codes = samples.w_plus(chosen, generator.num_ws)
    found = list(np.load(file)) if file.exists() else []
    with tqdm(total=len(codes), initial=len(found), unit="probe") as bar:
        for i in range(len(found), len(codes)):
            pixels = chosen.landmarks[i] * generator.resolution - 0.5
            matrix = jnp.asarray(faces.chip_matrix(pixels), jnp.float32)
            code = latents.whiten(stack.params.latents, jnp.asarray(codes[i]))
            found.append(np.asarray(probe(code, matrix, jax.random.key(i))))
            bar.update()
            if len(found) % _EVERY == 0 or len(found) == len(codes):
                with atomic.replacing(file) as opened:
                    np.save(opened, np.stack(found))
    return np.stack(found[: len(codes)])


def decompose(probes: np.ndarray, rank: int) -> dict[str, np.ndarray]:
    """Each row's foremost directions (`embedding.curvature`) of probes
    `[S, num_ws, 512]`."""
    by_row = np.swapaxes(np.float64(probes), 0, 1)
    matrix = np.swapaxes(by_row, 1, 2) @ by_row / len(probes)
    eigenvalues, directions = np.linalg.eigh(matrix)
    eigenvalues = np.maximum(eigenvalues[:, ::-1], 0)
    return {
        "directions": directions[:, :, ::-1][:, :, :rank],
        "roots": np.sqrt(eigenvalues[:, :rank]),
        "rest": np.sqrt(eigenvalues[:, rank:].mean(axis=1)),
    }


if __name__ == "__main__":
    script.run(main)
