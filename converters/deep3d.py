"""Deep3DFaceRecon's network from its authors' PyTorch checkpoint (`epoch_20.pth`).

Of the checkpoint `net_recon` is used: torchvision's ResNet-50 under `backbone`, and the
heads `final_layers.0` to `6`. Batch normalisation is folded into the convolutions.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pie_jax.converters.tables import Entry, Layout

from pie_jax.converters import named_arrays, tables, torch_checkpoint, user_file
from pie_jax.core.errors import PieError
from pie_jax.io import reading
from pie_jax.networks.deep3d import BLOCKS, EXPANSION, FEATURES, HEADS
from pie_jax.networks.layers import scaled

_EPSILON = 1e-5
"""What torchvision's batch normalisation adds to the variance."""
_STATISTICS = {
    "scale": "weight",
    "shift": "bias",
    "mean": "running_mean",
    "variance": "running_var",
}
_STEM = "backbone.conv1.weight"
_TRAINING_ONLY = {"opt_00", "sched_00"}


@reading.reader
def convert(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Parameters of `pie_jax.networks.deep3d` from the published checkpoint.

    Returns:
        float32 arrays by `/`-joined name; and what is known of them.

    Raises:
        PieError: the file is no such checkpoint, is damaged, asks for more than arrays,
            or differs from the published network; then every difference is listed.
    """
    file = user_file.read(path)
    content = torch_checkpoint.read(file.data, file.name, skip=_TRAINING_ONLY)
    state = content.get("net_recon") if isinstance(content, dict) else None
    if not isinstance(state, dict):
        raise PieError(
            f"{file.name} holds no network of Deep3DFaceRecon. Expected is the "
            "checkpoint of its PyTorch version, with net_recon (epoch_20.pth)."
        )
    layout = _layout(_width(state))
    parts = tables.convert(state, layout, file.name)
    info = {"network": "deep3d", "form": "sicxu/Deep3DFaceRecon_pytorch's checkpoint"}
    return _folded(parts), info | file.identity()


def _width(state: Mapping[str, Any]) -> float:
    """Channels in units of the published network's, read off the first kernel."""
    shape = named_arrays.shape_of(state.get(_STEM))
    return shape[0] / 64 if len(shape) == 4 else 1.0


def _layout(width: float) -> Layout:
    channels = [scaled(features, width) for features in FEATURES]
    entries = _conv("stem", "backbone.conv1", "backbone.bn1", (channels[0], 3, 7, 7))
    inputs = channels[0]
    for stage, (inner, count) in enumerate(zip(channels, BLOCKS, strict=True), 1):
        for i in range(count):
            source = f"backbone.layer{stage}.{i}"
            entries |= _block(f"layer{stage}_{i}", source, inputs, inner, i == 0)
            inputs = EXPANSION * inner
    for i, (name, size) in enumerate(HEADS.items()):
        head = f"final_layers.{i}"
        entries[f"{name}/kernel"] = Entry(f"{head}.weight", (size, inputs, 1, 1), _hwio)
        entries[f"{name}/bias"] = Entry(f"{head}.bias", (size,))
    return Layout(entries, ignored=lambda name: name.endswith(".num_batches_tracked"))


def _block(
    place: str, source: str, inputs: int, inner: int, first: bool
) -> dict[str, Entry]:
    outputs = EXPANSION * inner
    shapes = [(inner, inputs, 1, 1), (inner, inner, 3, 3), (outputs, inner, 1, 1)]
    entries: dict[str, Entry] = {}
    for i, shape in enumerate(shapes, 1):
        names = (f"{source}.conv{i}", f"{source}.bn{i}")
        entries |= _conv(f"{place}/conv{i}", *names, shape)
    if first:
        names = (f"{source}.downsample.0", f"{source}.downsample.1")
        entries |= _conv(f"{place}/shortcut", *names, (outputs, inputs, 1, 1))
    return entries


def _conv(
    place: str, conv: str, norm: str, shape: tuple[int, int, int, int]
) -> dict[str, Entry]:
    """A convolution without bias, and the normalisation after it."""
    entries = {f"{place}/kernel": Entry(f"{conv}.weight", shape, _hwio)}
    for name, spelt in _STATISTICS.items():
        entries[f"{place}/{name}"] = Entry(f"{norm}.{spelt}", shape[:1])
    return entries


def _hwio(kernel: np.ndarray) -> np.ndarray:
    """(out, in, rows, columns) to channels-last; a 1 x 1 kernel to (in, out)."""
    kernel = kernel.transpose(2, 3, 1, 0)
    return kernel[0, 0] if kernel.shape[:2] == (1, 1) else kernel


def _folded(parts: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Kernels and biases alone; normalisations have become parts of them."""
    flat = {}
    for name, value in parts.items():
        place, leaf = name.rsplit("/", 1)
        statistics = [parts.get(f"{place}/{name}") for name in _STATISTICS]
        if statistics[0] is None:
            flat[name] = value
        elif leaf == "kernel":
            scale, shift, mean, variance = np.array(statistics, np.float64)
            factor = scale / np.sqrt(variance + _EPSILON)
            flat[name] = (value * factor).astype(np.float32)
            flat[f"{place}/bias"] = (shift - mean * factor).astype(np.float32)
    return flat
