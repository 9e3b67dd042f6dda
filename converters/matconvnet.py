"""A network of MatConvNet: the arrays of its layers by name.

The chain of layers is a cell of structures. A layer with weights has them in the cell
`weights` (kernel, bias), or before version 1.0-beta13 in the fields `filters` and
`biases`. The network may stand in a variable `net` or be the file itself.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pie_jax.core.errors import PieError

AVERAGE = "averageImage"


def arrays(content: Mapping[str, Any], file: str) -> dict[str, Any]:
    """The arrays of the network in a file's variables (`matlab_file.read`).

    Returns:
        `NAME/kernel` (rows, columns, in, out) and `NAME/bias` for each layer that has
        weights; and what is subtracted from an image, under `AVERAGE`, where the file
        says so: `[3]` where it is the same for all pixels.

    Raises:
        PieError: there is no chain of layers.
    """
    network = content.get("net", content)
    layers = network.get("layers") if isinstance(network, dict) else None
    if not isinstance(layers, list):
        raise PieError(
            f"{file} holds no network of MatConvNet: it has no cell `layers`, of its "
            "own or inside a structure `net`."
        )
    found: dict[str, Any] = {}
    for number, layer in enumerate(layers):
        if isinstance(layer, dict):
            found |= _weights(layer, number)
    average = _average(network)
    return found if average is None else found | {AVERAGE: average}


def _weights(layer: Mapping[str, Any], number: int) -> dict[str, Any]:
    name = layer.get("name")
    place = name if isinstance(name, str) and name else f"layer {number + 1}"
    pair = layer.get("weights")
    if not isinstance(pair, list):
        pair = [layer[key] for key in ("filters", "biases") if key in layer]
    if len(pair) > 2:
        return {f"{place}/weights {i + 1}": array for i, array in enumerate(pair)}
    leaves = zip(("kernel", "bias"), pair, strict=False)
    return {f"{place}/{leaf}": _vector(array) for leaf, array in leaves}


def _vector(array: Any) -> Any:
    """A row or column as a vector: MATLAB has no vectors."""
    if isinstance(array, np.ndarray) and array.ndim == 2 and 1 in array.shape:
        return array.ravel()
    return array


def _average(network: Mapping[str, Any]) -> Any:
    place: Any = network
    for name in ("meta", "normalization", AVERAGE):
        # Older networks have no `meta` around it.
        if isinstance(place, dict) and (name in place or name != "meta"):
            place = place.get(name)
    if not isinstance(place, np.ndarray):
        return None
    if place.size == 3:
        return place.ravel()
    if place.ndim == 3 and (place == place[:1, :1]).all():
        return place[0, 0]
    return place
