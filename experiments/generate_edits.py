r"""Draws edits of samples, for the trainings that must not be misled by edits.

    python -m experiments.generate_samples --num 6450 --out samples
    python -m experiments.generate_edits --samples samples --num 2000 --out edits

Turns heads far, and gives half of them another sample's expression, half another's
light, with the installed rigs and without feedback. MoFA learns from them that what
rigs do to hair and background is no turn of the head; the regression of the rigs, what
they change besides. Stored as samples are, with the whole code. May be killed at any
moment and started again.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from experiments import generate_samples, rig_data, samples, script
from experiments.generators import GENERATOR
from experiments.rig_data import Data
from pie_jax.core import theta as parameters
from pie_jax.core.params import Params
from pie_jax.core.theta import COMPONENTS, FaceParams
from pie_jax.editing import edit
from pie_jax.energy.term import needed
from pie_jax.stack.assembly import Stack

TURNED = (20.0, 45.0)
"""Degrees of pitch and yaw within which heads are turned, evenly."""
STRONGEST = 1.5
"""Of edits towards another sample's expression or light."""


def main() -> None:
    """Generates until `--num` edits are there."""
    parser = script.parser(__doc__, "samples", "out", num=(2000, "how many edits"))
    args = parser.parse_args()
    setup = rig_data.new_setup(*COMPONENTS)
    trained_on, _ = samples.load(args.samples, GENERATOR, most=args.num)
    args.out.mkdir(parents=True, exist_ok=True)
    data = rig_data.seen(setup, trained_on, args.out / "faces.npz")
    draw = drawing(setup, data)
    generate_samples.generate(GENERATOR, draw, setup.params, args.num, args.out)


def drawing(setup: Stack, data: Data) -> Callable:
    """What `generate_samples.generate` draws with: for each seed an edit of one of the
    samples, in turn, by all rigs."""
    functions = setup.functions
    rigs = needed(functions.editor, "mofa").rigs

    @jax.jit
    def draw(params: Params, w_plus: jax.Array, own: FaceParams, to: FaceParams):
        each = [rig.edit(params.rigs[c], w_plus, own, to) for c, rig in rigs.items()]
        edited = edit.joined(w_plus, each)
        image = functions.generator.synthesis(params.generator, edited)[0]
        return edited[0], *generate_samples.both_sizes(image)

    def of_seed(params: Params, seed: jax.Array):
        index = int(seed) % len(data.samples.seed)
        chosen = data.samples.take(slice(index, index + 1))
        w_plus = jnp.asarray(samples.w_plus(chosen, data.num_ws))
        own = parameters.from_vector(jnp.asarray(data.faces.theta[index])[None])
        w, *images = draw(params, w_plus, own, _target(data, own, int(seed)))
        code = {"w": w, "crossover": np.int32(data.num_ws), "psi": chosen.psi[0]}
        return code, *images

    return of_seed


def _target(data: Data, own: FaceParams, seed: int) -> FaceParams:
    """`[1]`, a face with another pose, and perhaps another's expression and light."""
    rng = np.random.default_rng(seed)
    rotation = np.radians(TURNED) * rng.uniform(-1, 1, 2)
    changed = {"rotation": own.rotation.at[:, :2].set(rotation)}
    for name in ("expression", "illumination"):
        theta = data.faces.theta[rng.integers(len(data.faces.theta))]
        other = getattr(parameters.from_vector(jnp.asarray(theta)[None]), name)
        strength = rng.integers(2) * rng.uniform(0, STRONGEST)
        mine = getattr(own, name)
        changed[name] = mine + strength * (other - mine)
    return dataclasses.replace(own, **changed)


if __name__ == "__main__":
    script.run(main)
