r"""Trains MobileStyleGAN's early output, the small picture that previews are made of.

    python -m experiments.train_to_rgb --out to_rgb

The generator itself draws what is learnt, new codes in every step; half a second a step
on two cores. May be killed at any moment and started again.
"""

import itertools
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments import generators, pictures, script
from experiments.export import export
from experiments.generators import GENERATOR
from experiments.trainer import Task, train
from pie_jax.core.images import reduce_area
from pie_jax.core.interfaces import Generator
from pie_jax.io import images
from pie_jax.networks import latents, mobile_stylegan, to_rgb
from pie_jax.networks.mobile_stylegan import FFHQ_WIDTHS
from pie_jax.networks.wavelets import haar
from pie_jax.stack import converted
from pie_jax.training.update import adamw, training

STEP_SIZE = 1e-3
APART = 0.5
"""The largest deviation of a code's rows from each other, in standard deviations: codes
of photographs lie 0.2 to 0.9 apart, by row."""
_REGRESSED, _EVALUATED, _SHOWN = 24, 16, 6


class Codes(NamedTuple):
    """A batch: normal draws `z` `[B, 512]`, how near to the mean `psi` `[B]`, and what is
    added to each row in standard deviations, `apart` `[B, num_ws, 512]`."""

    z: Array
    psi: Array
    apart: Array


def main() -> None:
    """Trains, evaluates, and writes the parameters."""
    parser = script.parser(
        __doc__,
        "out",
        steps=(4000, "of the whole training"),
        batch=(2, "codes in an update"),
        report_every=(500, "steps"),
    )
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    generator, params = generators.default()
    task = head_task(generator, params, args.steps, args.batch)
    found, figures = train(task, args.out, args.steps, args.report_every)
    about = {converted.KIND: "to_rgb", "data": f"drawn by {GENERATOR}"} | figures
    export(args.out / "to_rgb.safetensors", found, about)


def head_task(
    generator: Generator,
    params: Any,
    num_steps: int,
    batch_size: int,
    widths: tuple[int, ...] = FFHQ_WIDTHS,
) -> Task:
    """What `experiments.trainer` runs; args as of `mobile_stylegan`."""
    given = {"generator": params, "latents": latents.moments(generator, params)}
    held_out = next(drawn(generator.num_ws, _EVALUATED, -1))
    compare = jax.jit(partial(_compare, generator, widths))

    def compared(head: Any, number: int) -> list[tuple[Array, Array]]:
        rows = [Codes(*(x[None] for x in row)) for row in zip(*held_out, strict=True)]
        return [compare(head, given, row) for row in rows[:number]]

    def evaluate(head: Any) -> dict[str, float]:
        squares = [jnp.mean((a - b) ** 2) for a, b in compared(head, _EVALUATED)]
        return {"psnr": float(np.mean([10 * np.log10(4 / x) for x in squares]))}

    def preview(head: Any, path: Path) -> None:
        pairs = [np.concatenate(x, axis=0) for x in compared(head, _SHOWN)]
        rows = images.to_u8(np.stack(pairs))
        pictures.sheet(path, list(rows.swapaxes(0, 1)))

    return Task(
        training=training(
            partial(_objective, generator, widths), adamw(num_steps, STEP_SIZE)
        ),
        params=linear_start(generator, given, widths),
        given=given,
        batches=partial(drawn, generator.num_ws, batch_size),
        evaluate=evaluate,
        preview=preview,
        identity={"batch": batch_size},
    )


def linear_start(generator: Generator, given: Any, widths: tuple[int, ...]) -> Any:
    """Parameters that give the picture which is linear in the features, by least
    squares; features count in their deviations."""
    batches = itertools.islice(drawn(generator.num_ws, 1, 0), _REGRESSED)
    look = jax.jit(partial(_features, generator, widths))
    seen = [[np.asarray(x)[0, ::3, ::3] for x in look(given, b)] for b in batches]
    x, bands = (
        np.concatenate([a.reshape(-1, a.shape[-1]) for a in both])
        for both in zip(*seen, strict=True)
    )
    deviation = x.std(axis=0) + 1e-3
    columns = np.concatenate([x / deviation, np.ones((len(x), 1))], axis=1)
    squares = columns.T @ columns + 1e-4 * len(x) * np.eye(columns.shape[1])
    found = np.linalg.solve(squares, columns.T @ bands).astype(np.float32)
    params = to_rgb.init_params(jax.random.key(0, impl="rbg"), widths)
    direct = {"kernel": jnp.asarray(found[:-1]), "bias": jnp.asarray(found[-1])}
    first = params["first"] | {"bias": jnp.asarray(1 / deviation)}
    nothing = jax.tree.map(jnp.zeros_like, params["image"])
    return params | {"direct": direct, "first": first, "image": nothing}


def _features(
    generator: Generator, widths: tuple[int, ...], given: Any, batch: Codes
) -> tuple[Array, Array]:
    w_plus = _codes(generator, given, batch)
    x, _ = mobile_stylegan.early_features(given["generator"], w_plus, widths)
    whole = generator.synthesis(given["generator"], w_plus)
    return x, haar(reduce_area(jnp.clip(whole, -1, 1), 2 * x.shape[1]))


def drawn(num_ws: int, batch_size: int, first_step: int) -> Iterator[Codes]:
    """Batches, each a function of its step alone; -1 is one that no training sees."""
    for step in itertools.count(first_step):
        rng = np.random.default_rng((1, step + 1))
        apart = rng.standard_normal((batch_size, num_ws, 512), np.float32)
        apart *= rng.uniform(0, APART, (batch_size, 1, 1))
        yield Codes(
            jnp.asarray(rng.standard_normal((batch_size, 512), np.float32)),
            jnp.asarray(rng.uniform(0.4, 1, batch_size), jnp.float32),
            jnp.asarray(apart, jnp.float32),
        )


def _objective(
    generator: Generator,
    widths: tuple[int, ...],
    head: Any,
    given: Any,
    key: Array,
    batch: Codes,
) -> tuple[Array, dict[str, Array]]:
    found, wanted = _compare(generator, widths, head, given, batch)
    error = jnp.mean(jnp.abs(found - jax.lax.stop_gradient(wanted)))
    return error, {"error": error}


def _compare(
    generator: Generator, widths: tuple[int, ...], head: Any, given: Any, batch: Codes
) -> tuple[Array, Array]:
    """The small pictures, and the generator's own made as small."""
    w_plus = _codes(generator, given, batch)
    found = to_rgb.preview(head, given["generator"], w_plus, widths)
    whole = generator.synthesis(given["generator"], w_plus)
    return found, reduce_area(jnp.clip(whole, -1, 1), found.shape[1])


def _codes(generator: Generator, given: Any, batch: Codes) -> Array:
    params, moments = given["generator"], given["latents"]
    w = generator.mapping(params, batch.z)
    w = params["w_avg"] + batch.psi[:, None] * (w - params["w_avg"])
    code = latents.whiten(moments, w)[:, None] + batch.apart
    return latents.unwhiten(moments, code)


if __name__ == "__main__":
    script.run(main)
