"""Reads the constants of an OpenVINO IR version 10 (XML and flat binary)."""

from xml.etree import ElementTree

import numpy as np

from pie_jax.core.errors import PieError

_DTYPES = {"f32": "<f4", "i32": "<i4", "i64": "<i8"}


class Graph:
    """The constants of a network by name, and which constant feeds which layer."""

    def __init__(self, xml: bytes, binary: bytes):
        try:
            root = ElementTree.fromstring(xml)
        except ElementTree.ParseError as error:
            raise PieError(f"not an OpenVINO IR: the XML does not parse: {error}")
        if root.tag != "net" or root.get("version") != "10":
            raise PieError("expected an OpenVINO IR of version 10")
        self._binary = binary
        layers = root.findall("layers/layer")
        self._constants = {
            x.attrib["id"]: x for x in layers if x.get("type") == "Const"
        }
        self._ids = {x.attrib["name"]: x.attrib["id"] for x in layers}
        self._sources: dict[str, list[str]] = {}
        for edge in root.findall("edges/edge"):
            sources = self._sources.setdefault(edge.attrib["to-layer"], [])
            sources.append(edge.attrib["from-layer"])

    def constant(self, name: str) -> np.ndarray:
        """The value of the constant called `name`."""
        layer_id = self._lookup(name)
        if layer_id not in self._constants:
            raise PieError(f"layer {name!r} is not a constant")
        return self._read(layer_id)

    def constant_input(self, layer: str) -> np.ndarray:
        """The one constant among the inputs of the layer called `layer`."""
        sources = self._sources.get(self._lookup(layer), [])
        inputs = [x for x in sources if x in self._constants]
        if len(inputs) != 1:
            raise PieError(f"layer {layer!r} has {len(inputs)} constant inputs, not 1")
        return self._read(inputs[0])

    def _lookup(self, name: str) -> str:
        if name not in self._ids:
            raise PieError(f"the OpenVINO IR has no layer called {name!r}")
        return self._ids[name]

    def _read(self, layer_id: str) -> np.ndarray:
        data = self._constants[layer_id].find("data")
        if data is None:
            raise PieError(f"the constant {layer_id} of the OpenVINO IR has no data")
        shape = [int(n) for n in data.attrib["shape"].split(",") if n]
        kind = data.attrib["element_type"]
        if kind not in _DTYPES:
            raise PieError(f"expected constants of {sorted(_DTYPES)}, found {kind}")
        dtype = _DTYPES[kind]
        offset, size = int(data.attrib["offset"]), int(data.attrib["size"])
        if offset + size > len(self._binary):
            raise PieError("the binary of the OpenVINO IR is shorter than its XML says")
        values = np.frombuffer(
            self._binary, dtype, size // np.dtype(dtype).itemsize, offset
        )
        return values.reshape(shape)
