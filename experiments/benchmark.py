r"""Times the generators and what looks at faces.

    python -m experiments.benchmark generator
    python -m experiments.benchmark stylegan --repeats 3
    python -m experiments.benchmark face
    python -m experiments.benchmark edit

Prints a table; the last line is the same as JSON. Times are medians of repetitions
taken in turns, so that a noisy machine disturbs all alike. The default generator is
timed beside OpenVINO, its original engine: judge by the ratios. Of `face` the least of
the repetitions counts.
"""

import json
import os
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments import fitting, generators, script
from pie_jax.core.interfaces import Generator, Rig
from pie_jax.core.theta import COMPONENTS, FaceParams, neutral
from pie_jax.energy.term import needed
from pie_jax.face import correction
from pie_jax.face.morphable import Morphable
from pie_jax.face.render import render_image, render_vertices
from pie_jax.networks import stylegan1, stylegan2
from pie_jax.stack import carriers
from pie_jax.stack.assembly import Stack


def main() -> None:
    """Runs the benchmark that the command line names."""
    parser = script.parser(__doc__, repeats=(15, "of each measurement"))
    parser.add_argument("what", choices=sorted(_BENCHMARKS))
    args = parser.parse_args()
    figures = _BENCHMARKS[args.what](args.repeats)
    figures = {"threads": len(os.sched_getaffinity(0))} | figures
    for name, value in figures.items():
        print(f"{name:36} {value}")
    print(json.dumps(figures))


def generator(repeats: int) -> dict[str, object]:
    """MobileStyleGAN at 1024 x 1024 against OpenVINO in float32, batch of one."""
    reference = openvino_synthesis(len(os.sched_getaffinity(0)))
    network, params = generators.default()
    w = network.mapping(params, jax.random.normal(jax.random.key(0), (1, 512)))
    w_plus = jnp.broadcast_to(w[:, None], (1, network.num_ws, 512))
    calls = synthesis_calls(network, params, w_plus)
    expected = reference(np.asarray(w))
    found = np.asarray(calls["forward"]())
    times = in_turns(
        {"openvino_f32": lambda: reference(np.asarray(w))} | calls, repeats
    )
    return {
        "max_abs_difference": float(np.abs(found - expected).max()),
        **in_seconds(times),
        **{f"{name}_ratio": times[name] / times["openvino_f32"] for name in calls},
    }


def openvino_synthesis(threads: int) -> Callable[[np.ndarray], np.ndarray]:
    """The original engine in float32: `w [1, 512] -> image [1, 1024, 1024, 3]`."""
    import openvino

    names = ["SynthesisNetwork.xml", "SynthesisNetwork.bin"]
    files = carriers.read_members("random-face", names)
    core = openvino.Core()
    model = core.read_model(
        files["SynthesisNetwork.xml"],
        openvino.Tensor(np.frombuffer(files["SynthesisNetwork.bin"], np.uint8)),
    )
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    compiled = core.compile_model(model, "CPU", settings)
    return lambda w: compiled(w)[0].transpose(0, 2, 3, 1)


def synthesis_calls(
    network: Generator, params: Any, w_plus: jax.Array
) -> dict[str, Callable[[], Any]]:
    """One synthesis, and one with the gradient of its code."""
    forward = jax.jit(network.synthesis)
    gradient = jax.jit(
        jax.grad(lambda w_plus, params: jnp.sum(network.synthesis(params, w_plus) ** 2))
    )
    return {
        "forward": lambda: forward(params, w_plus),
        "forward_backward": lambda: gradient(w_plus, params),
    }


def stylegan(
    repeats: int,
    widths1: tuple[int, ...] = stylegan1.FFHQ_WIDTHS,
    widths2: tuple[int, ...] = stylegan2.FFHQ_WIDTHS,
) -> dict[str, object]:
    """StyleGAN 1 and 2 with random weights and so many channels, batch of one."""
    figures: dict[str, object] = {}
    for name, network, module, widths in (
        ("stylegan1", stylegan1.stylegan1(widths1), stylegan1, widths1),
        ("stylegan2", stylegan2.stylegan2(widths2), stylegan2, widths2),
    ):
        init = jax.jit(partial(module.init_params, widths=widths))
        params = init(jax.random.key(0, impl="rbg"))
        w_plus = jax.random.normal(jax.random.key(1), (1, network.num_ws, 512))
        times = in_turns(synthesis_calls(network, params, w_plus), repeats)
        figures[f"{name}_resolution"] = network.resolution
        figures |= {f"{name}_{key}": x for key, x in in_seconds(times).items()}
    return figures


def face(repeats: int) -> dict[str, object]:
    """The installed MoFA and landmark network on one picture, and the face renderer."""
    installed = fitting.installed()
    params, model = installed.params, installed.params.face_model
    mofa, finder = fitting.mofa(None), installed.functions.find_landmarks
    theta = neutral()
    image = jnp.zeros((1, 128, 128, 3))
    whole = correction.corrected(mofa.apply, finder)
    estimate, find, correct = map(jax.jit, (mofa.apply, finder, whole))

    def energy(theta: FaceParams, model: Morphable) -> jax.Array:
        seen = render_vertices(model, theta, 256)
        mask = seen.visible[..., None]
        return jnp.sum((seen.points**2 + seen.colours[..., :2]) * mask)

    forward = jax.jit(lambda theta, model: render_vertices(model, theta, 256))
    gradient = jax.jit(jax.value_and_grad(energy))
    batch = jax.jit(
        jax.grad(lambda x, model: jnp.sum(jax.vmap(energy, (0, None))(x, model)))
    )
    several = neutral((8,))
    calls: dict[str, Callable] = {
        "mofa_forward": lambda: estimate(mofa.params, image),
        "mofa_corrected": lambda: correct(params, image),
        "landmark_net_forward": lambda: find(params.landmark_net, image),
        "vertices_forward": lambda: forward(theta, model),
        "vertices_forward_backward": lambda: gradient(theta, model),
        "vertices_forward_backward_of_8": lambda: batch(several, model),
    }
    for side in (256, 512, 1024):
        picture = jax.jit(partial(render_image, resolution=side))
        calls[f"picture_{side}"] = partial(picture, model, theta)
    return {
        "vertices": len(model.mean),
        "triangles": len(model.triangles),
        **in_seconds(in_turns(calls, repeats, min)),
    }


def edit(repeats: int) -> dict[str, object]:
    """One edit at 1024 x 1024 without feedback by each installed rig."""
    return edits(fitting.installed(edit=COMPONENTS), repeats)


def edits(stack: Stack, repeats: int) -> dict[str, object]:
    """One edit by each rig: rig and generator in one program."""
    generator, params = stack.functions.generator, stack.params
    shape = (1, generator.num_ws, 512)
    w_plus = jnp.broadcast_to(params.generator["w_avg"], shape)
    theta = neutral((1,))

    def edited(rig: Rig, rig_params: Any, params: Any, w_plus: jax.Array) -> jax.Array:
        target = jax.tree.map(lambda x: x + 0.1, theta)
        moved = rig.edit(rig_params, w_plus, theta, target)
        return generator.synthesis(params, moved)

    program = jax.jit(edited, static_argnums=0)
    calls: dict[str, Callable] = {
        f"edit_{c}": partial(program, rig, params.rigs[c], params.generator, w_plus)
        for c, rig in needed(stack.functions.editor, "mofa").rigs.items()
    }
    return in_seconds(in_turns(calls, repeats))


def in_turns(
    calls: Mapping[str, Callable],
    repeats: int,
    summary: Callable[[list[float]], float] = statistics.median,
) -> dict[str, float]:
    """Median, or another summary, of each call's seconds after an unmeasured round."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for round_number in range(repeats + 1):
        for name, call in calls.items():
            begun = time.perf_counter()
            jax.block_until_ready(call())
            if round_number:
                times[name].append(time.perf_counter() - begun)
    return {name: round(summary(x), 4) for name, x in times.items()}


def in_seconds(times: dict[str, float]) -> dict[str, object]:
    """Times by names that say their unit."""
    return {f"{name}_seconds": x for name, x in times.items()}


_BENCHMARKS = {"generator": generator, "face": face, "stylegan": stylegan, "edit": edit}


if __name__ == "__main__":
    script.run(main)
