import numpy as np
import pytest
from pie_jax.converters.openvino_ir import Graph

from pie_jax.core.errors import PieError
from tests import builders

CONSTANTS = {
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 7,
    "scale": np.asarray(0.25, np.float32),
    "shape": np.asarray([1, -1, 2**40]),
    "axis": np.asarray([[3]], np.int32),
}
INPUTS = {
    "add": ["axis", "weight", "multiply"],
    "multiply": ["add", "weight"],
    "relu": ["add"],
    "parameter": [],
}
XML, BINARY = builders.openvino_ir(CONSTANTS, INPUTS)
GRAPH = Graph(XML, BINARY)


def test_constants_are_found_with_their_shape_and_type():
    for name, value in CONSTANTS.items():
        np.testing.assert_array_equal(GRAPH.constant(name), value, strict=True)
    found = GRAPH.constant_input("multiply")
    np.testing.assert_array_equal(found, CONSTANTS["weight"])


@pytest.mark.parametrize(
    ("look_up", "name", "message"),
    [
        (GRAPH.constant_input, "add", "layer 'add' has 2 constant inputs"),
        (GRAPH.constant_input, "relu", "layer 'relu' has 0 constant inputs"),
        (GRAPH.constant_input, "parameter", "layer 'parameter' has 0 constant inputs"),
        (GRAPH.constant_input, "wieght", "no layer called 'wieght'"),
        (GRAPH.constant, "wieght", "no layer called 'wieght'"),
        (GRAPH.constant, "add", "'add' is not a constant"),
        (Graph(XML, BINARY[:-1]).constant, "axis", "shorter than its XML says"),
        (Graph(XML.replace(b"<data", b"<date"), b"").constant, "axis", "has no data"),
        (Graph(XML.replace(b"i32", b"i33"), BINARY).constant, "axis", "found i33"),
    ],
)
def test_what_is_not_there_is_told(look_up, name, message):
    with pytest.raises(PieError, match=message):
        look_up(name)


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        (b"", "the XML does not parse"),
        (b"<net><layers></net>", "the XML does not parse"),
        (XML.replace(b'version="10"', b'version="11"'), "OpenVINO IR of version 10"),
        (b"<net/>", "OpenVINO IR of version 10"),
        (b'<html version="10"/>', "OpenVINO IR of version 10"),
    ],
)
def test_other_documents_are_refused(xml, message):
    with pytest.raises(PieError, match=message):
        Graph(xml, b"")
