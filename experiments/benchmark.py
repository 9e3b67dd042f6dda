r"""Times the networks beside their original engines, in one run on one machine.

    python -m experiments.benchmark generator

Prints a table; the last line is the same as JSON. Times are medians of repetitions
taken in turns, so that a noisy machine disturbs both alike; judge by the ratios.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from pie_jax.converters import carriers, stack

from pie_jax.cli import huge_pages
from pie_jax.io import weights
from pie_jax.networks import mobile_stylegan


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


def in_turns(calls: dict[str, Callable], repeats: int) -> dict[str, float]:
    """Median seconds of each call, after one unmeasured round."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for round_number in range(repeats + 1):
        for name, call in calls.items():
            begun = time.perf_counter()
            jax.block_until_ready(call())
            if round_number:
                times[name].append(time.perf_counter() - begun)
    return {name: round(statistics.median(x), 4) for name, x in times.items()}


_BENCHMARKS = {"generator": generator}


if __name__ == "__main__":
    main()
