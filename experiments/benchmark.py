r"""Times the networks beside their original engines, and what looks at faces.

    python -m experiments.benchmark generator
    python -m experiments.benchmark stylegan --repeats 3
    python -m experiments.benchmark face
    python -m experiments.benchmark edit

Prints a table; the last line is the same as JSON. Times of networks are medians of
repetitions taken in turns, so that a noisy machine disturbs both alike; judge by the
ratios. MoFA, the landmark network, the renderer and edits have no original to be
compared with; of the first three the least of the repetitions counts.
"""

import argparse
import functools
import importlib.util
import json
import os
import statistics
import sys
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from pie_jax.converters import carriers, stack

from pie_jax.cli import huge_pages, shipped
from pie_jax.core.interfaces import Generator, Params, Rig
from pie_jax.core.theta import COMPONENTS, FaceParams, neutral
from pie_jax.editing import edit as editing
from pie_jax.face.morphable import Morphable
from pie_jax.face.render import render_image, render_vertices
from pie_jax.io import weights
from pie_jax.networks import mobile_stylegan, stylegan1, stylegan2

_TOLERANCE = 1e-3
"""Of a picture or gradient, as a share of its maximum, in float32."""


def main() -> None:
    """Runs the benchmark that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=sorted(_BENCHMARKS))
    parser.add_argument("--repeats", type=int, default=15)
    args = parser.parse_args()
    huge_pages.restart()
    figures = _BENCHMARKS[args.what](args.repeats)
    for name, value in figures.items():
        print(f"{name:36} {value}")
    print(json.dumps(figures))


def generator(repeats: int) -> dict[str, object]:
    """MobileStyleGAN at 1024 x 1024 against OpenVINO in float32, batch of one."""
    threads = len(os.sched_getaffinity(0))
    reference = openvino_synthesis(threads)
    stack.ensure("mobile_stylegan_ffhq")
    params = jax.tree.map(jnp.asarray, weights.load("mobile_stylegan_ffhq"))
    network = mobile_stylegan.mobile_stylegan()
    z = jax.random.normal(jax.random.key(0), (1, 512))
    w = network.mapping(params, z)
    w_plus = jnp.broadcast_to(w[:, None], (1, network.num_ws, 512))
    forward = jax.jit(network.synthesis)
    image = forward(params, w_plus)
    gradient = jax.jit(
        jax.grad(lambda w_plus, params: jnp.sum(network.synthesis(params, w_plus) ** 2))
    )
    expected = reference(np.asarray(w))
    times = in_turns(
        {
            "openvino": lambda: reference(np.asarray(w)),
            "forward": lambda: forward(params, w_plus),
            "forward_backward": lambda: gradient(w_plus, params),
        },
        repeats,
    )
    return {
        "threads": threads,
        "max_abs_difference": float(np.abs(np.asarray(image) - expected).max()),
        "openvino_f32_seconds": times["openvino"],
        "forward_seconds": times["forward"],
        "forward_backward_seconds": times["forward_backward"],
        "forward_ratio": times["forward"] / times["openvino"],
        "forward_backward_ratio": times["forward_backward"] / times["openvino"],
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


def stylegan(
    repeats: int,
    widths1: tuple[int, ...] = stylegan1.FFHQ_WIDTHS,
    widths2: tuple[int, ...] = stylegan2.FFHQ_WIDTHS,
) -> dict[str, object]:
    """StyleGAN 1 and 2 with random weights, batch of one, beside PyTorch's.

    Where PyTorch is not installed, that is said, and our own times are given alone.

    Args:
        repeats: of each measurement.
        widths1: channels of StyleGAN 1 at 4, 8, ... pixels.
        widths2: likewise of StyleGAN 2.

    Raises:
        ValueError: pictures or gradients differ from PyTorch's.
    """
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed: nothing to compare with.", file=sys.stderr)
    figures: dict[str, object] = {"threads": len(os.sched_getaffinity(0))}
    for name, module, widths in (
        ("stylegan1", stylegan1, widths1),
        ("stylegan2", stylegan2, widths2),
    ):
        params = random_params(functools.partial(module.init_params, widths=widths))
        network = getattr(module, name)(widths)
        measured = beside_torch(name, network, params, repeats)
        figures |= {f"{name}_{key}": value for key, value in measured.items()}
    return figures


def random_params(init: Callable) -> dict:
    """Normal parameters in the layout of `init(key)`, biases and noise included."""
    rng = np.random.default_rng(0)

    def draw(leaf: jax.ShapeDtypeStruct) -> jax.Array:
        fan_in = np.prod(leaf.shape[:-1]) if len(leaf.shape) > 1 else 20
        return jnp.asarray(rng.normal(0, np.sqrt(2 / fan_in), leaf.shape), leaf.dtype)

    return jax.tree.map(draw, jax.eval_shape(init, jax.random.key(0)))


def beside_torch(
    name: str, network: Generator, params: dict, repeats: int
) -> dict[str, object]:
    """Times one synthesis, forward and with the gradient of its code.

    Args:
        name: of the builder in `experiments.stylegan_torch`.
        network: ours.
        params: its parameters.
        repeats: of each measurement.
    """
    forward = jax.jit(network.synthesis)
    gradient = jax.jit(
        jax.grad(lambda w_plus, params: jnp.sum(network.synthesis(params, w_plus) ** 2))
    )
    w_plus = jax.random.normal(jax.random.key(1), (1, network.num_ws, 512))
    calls: dict[str, Callable] = {
        "forward": lambda: forward(params, w_plus),
        "forward_backward": lambda: gradient(w_plus, params),
    }
    differences = {}
    if importlib.util.find_spec("torch") is not None:
        theirs = torch_calls(name, params, np.asarray(w_plus))
        for key, call in calls.items():
            differences[f"{key}_difference"] = difference(call(), theirs[key]())
        calls |= {f"torch_{key}": call for key, call in theirs.items()}
    times = in_turns(calls, repeats)
    figures = {f"{key}_seconds": seconds for key, seconds in times.items()}
    for key in ("forward", "forward_backward"):
        if differences:
            figures[f"{key}_ratio"] = round(times[key] / times[f"torch_{key}"], 3)
    return {"resolution": network.resolution, **differences, **figures}


def torch_calls(
    name: str, params: dict, w_plus: np.ndarray
) -> dict[str, Callable[[], np.ndarray]]:
    """The same two computations by PyTorch, channels last."""
    import torch

    from experiments import stylegan_torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    synthesis = getattr(stylegan_torch, name)(params)
    code = torch.from_numpy(np.array(w_plus)).requires_grad_()

    def forward() -> np.ndarray:
        with torch.no_grad():
            return synthesis(code).numpy().transpose(0, 2, 3, 1)

    def gradient() -> np.ndarray:
        (found,) = torch.autograd.grad(synthesis(code).square().sum(), code)
        return found.numpy()

    return {"forward": forward, "forward_backward": gradient}


def difference(ours: jax.Array, theirs: np.ndarray) -> float:
    """The largest difference, as a share of the largest value.

    Raises:
        ValueError: it is larger than rounding explains.
    """
    found = float(np.abs(np.asarray(ours) - theirs).max() / np.abs(theirs).max())
    if not found < _TOLERANCE:
        raise ValueError(f"PyTorch's result differs by {found:.2g} of its maximum")
    return found


def face(repeats: int) -> dict[str, object]:
    """The installed MoFA and landmark network on one picture, and the face renderer."""
    model, mofa, finder = shipped.face_model(), shipped.mofa(), shipped.landmark_net()
    theta = neutral()
    image = jnp.zeros((1, 128, 128, 3))
    whole = shipped.corrected(mofa, model)
    estimate, find, correct = map(jax.jit, (mofa.apply, finder.apply, whole.apply))

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
        "mofa_corrected": lambda: correct(whole.params, image),
        "landmark_net_forward": lambda: find(finder.params, image),
        "vertices_forward": lambda: forward(theta, model),
        "vertices_forward_backward": lambda: gradient(theta, model),
        "vertices_forward_backward_of_8": lambda: batch(several, model),
    }
    for side in (256, 512, 1024):
        picture = jax.jit(functools.partial(render_image, resolution=side))
        calls[f"picture_{side}"] = functools.partial(picture, model, theta)
    times = in_turns(calls, repeats, min)
    return {
        "threads": len(os.sched_getaffinity(0)),
        "vertices": len(model.mean),
        "triangles": len(model.triangles),
        **{f"{name}_seconds": seconds for name, seconds in times.items()},
    }


def edit(repeats: int) -> dict[str, object]:
    """One edit at 1024 x 1024 without feedback: rig and generator in one program."""
    stack.ensure("mobile_stylegan_ffhq")
    params = jax.tree.map(jnp.asarray, weights.load("mobile_stylegan_ffhq"))
    network = mobile_stylegan.mobile_stylegan()
    shape = (1, network.num_ws, 512)
    w_plus = jnp.broadcast_to(params["w_avg"], shape)
    theta = neutral((1,))

    def edited(
        rig: Rig, rig_params: Params, params: Params, w_plus: jax.Array
    ) -> jax.Array:
        target = jax.tree.map(lambda x: x + 0.1, theta)
        moved = editing.move(rig, rig_params, w_plus, theta, target)
        return network.synthesis(params, moved)

    program = jax.jit(edited, static_argnums=0)
    calls: dict[str, Callable] = {
        component: functools.partial(program, *shipped.rig(component), params, w_plus)
        for component in COMPONENTS
    }
    times = in_turns(calls, repeats)
    return {
        "threads": len(os.sched_getaffinity(0)),
        **{f"edit_{name}_seconds": seconds for name, seconds in times.items()},
    }


def in_turns(
    calls: dict[str, Callable],
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


_BENCHMARKS = {
    "generator": generator,
    "face": face,
    "stylegan": stylegan,
    "edit": edit,
}


if __name__ == "__main__":
    main()
