r"""Trains what tells heads from all else by the generator's features.

    python -m experiments.generate_samples --num 1000 --out samples
    python -m experiments.train_silhouette --samples samples \
        --out pie_jax/assets/silhouette.safetensors

A linear function of `mobile_stylegan.features`, taught by `editing.matte` (colours, and
where the face model is), which is often wrong, but not always in the same way. Later
rounds learn mostly from what the round before found. No person labels anything.
"""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from tqdm import tqdm

from experiments import fitting, generators, samples, script
from experiments.export import export
from experiments.generators import GENERATOR
from pie_jax.core.images import from_255, reduce_area
from pie_jax.editing.matte import matte
from pie_jax.networks import mobile_stylegan
from pie_jax.training.update import training

_CHUNK = 10
_SHARE = 0.06
"""Of all places those that are learnt from: neighbours say the same."""
_ROUNDS = 4
_CERTAINTY, _TEACHER = 3.0, 0.1
"""How much surer later rounds are to be, and how much the teacher still says."""


def main() -> None:
    """Gathers features and shares, trains, and writes the function."""
    args = script.parser(
        __doc__,
        *("samples", "out"),
        num=(400, "samples to learn from"),
        steps=(1200, "in each round"),
    ).parse_args()
    chosen, _ = samples.load(args.samples, GENERATOR, most=args.num)
    found = [*gathered(chosen)]
    features, shares = (np.concatenate(x) for x in zip(*found, strict=True))
    params = learn(features, shares, args.steps)
    agreement = np.mean((evidence(params, features) > 0) == (shares > 0.5))
    print(f"agrees with its teacher on {agreement:.1%} of {len(shares)} places")
    about = {"data": f"{len(chosen.seed)} samples of {GENERATOR}", "license": "CC0-1.0"}
    export(args.out, params, about)


def gathered(chosen: samples.Samples) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Features `[n, C]` and the teacher's shares `[n]` of places of the samples."""
    generator, params = generators.default()
    codes = samples.w_plus(chosen, generator.num_ws)
    look = jax.jit(mobile_stylegan.features)
    judge, rng = teacher(), np.random.default_rng(0)
    for start in tqdm(range(0, len(codes), _CHUNK), unit="batch"):
        part = slice(start, start + _CHUNK)
        features = np.asarray(look(params, jnp.asarray(codes[part])))
        shares = np.asarray(judge(jnp.asarray(chosen.image_u8[part])))
        picked = rng.random(shares.shape) < _SHARE
        yield features[picked], shares[picked]


def teacher() -> Any:
    """`image_u8 [B, H, H, 3] -> shares [B, 64, 64]`."""
    model, estimator = fitting.face_model(None), fitting.mofa(None)

    @jax.jit
    def apply(image_u8: Array) -> Array:
        image = from_255(image_u8.astype(jnp.float32))
        theta = estimator.apply(estimator.params, image)
        shares = jax.vmap(matte, in_axes=(None, 0, 0))(model, theta, image)
        return reduce_area(shares[..., None], mobile_stylegan.FEATURES_SIZE)[..., 0]

    return apply


def learn(features: np.ndarray, shares: np.ndarray, num_steps: int) -> dict[str, Any]:
    """Fits the function, in rounds: `kernel` `[C]`, `bias` `[]`.

    Args:
        features: `[n, C]`.
        shares: `[n]` in [0, 1].
        num_steps: of each round.
    """
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-6
    x, goal = (features - mean) / deviation, shares
    for _ in range(_ROUNDS):
        params = _fit(x, goal, num_steps)
        certain = jax.nn.sigmoid(_CERTAINTY * evidence(params, x))
        goal = (1 - _TEACHER) * np.asarray(certain) + _TEACHER * shares
    kernel = np.asarray(params["kernel"]) / deviation
    return {"kernel": kernel, "bias": np.asarray(params["bias"]) - kernel @ mean}


def evidence(params: dict[str, Any], features: Any) -> np.ndarray:
    """The logarithm of the odds that a place is the head's, `[n]`."""
    return np.asarray(features @ params["kernel"] + params["bias"])


def _fit(x: np.ndarray, goal: np.ndarray, num_steps: int) -> dict[str, Any]:
    init, step = training(_objective, optax.adam(0.01))
    state = init({"kernel": jnp.zeros(x.shape[1]), "bias": jnp.zeros(())})
    rng = np.random.default_rng(0)
    for _ in range(num_steps):
        rows = rng.integers(0, len(x), 2048)
        state, _ = step(state, None, (x[rows], goal[rows]))
    return state.params


def _objective(params: Any, given: None, key: Array, batch: Any) -> tuple[Array, dict]:
    x, goal = batch
    odds = x @ params["kernel"] + params["bias"]
    misfit = optax.sigmoid_binary_cross_entropy(odds, goal)
    return jnp.mean(misfit) + 3e-4 * jnp.sum(params["kernel"] ** 2), {}


if __name__ == "__main__":
    script.run(main)
