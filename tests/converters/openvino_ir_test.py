"""Reading constants of an OpenVINO IR, and files that are none."""

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
INPUTS = {"add": ["axis", "weight", "multiply"], "multiply": ["add", "weight"]}


def graph():
    return Graph(*builders.openvino_ir(CONSTANTS, INPUTS))


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_is_read_with_its_shape_and_type(name):
    value = graph().constant(name)
    np.testing.assert_array_equal(value, CONSTANTS[name], strict=True)


def test_the_constant_that_feeds_a_layer_is_found():
    np.testing.assert_array_equal(
        graph().constant_input("multiply"), CONSTANTS["weight"]
    )


@pytest.mark.parametrize(("layer", "count"), [("add", 2), ("relu", 0)])
def test_a_layer_without_exactly_one_constant_input_is_refused(layer, count):
    inputs = INPUTS | {"relu": ["add"]}
    with pytest.raises(PieError, match=f"layer '{layer}' has {count} constant inputs"):
        Graph(*builders.openvino_ir(CONSTANTS, inputs)).constant_input(layer)


def test_a_layer_without_any_input_is_refused():
    inputs = INPUTS | {"parameter": []}
    with pytest.raises(PieError, match="layer 'parameter' has 0 constant inputs"):
        Graph(*builders.openvino_ir(CONSTANTS, inputs)).constant_input("parameter")


@pytest.mark.parametrize("look_up", [Graph.constant, Graph.constant_input])
def test_a_missing_name_is_told(look_up):
    with pytest.raises(PieError, match="no layer called 'wieght'"):
        look_up(graph(), "wieght")


def test_a_layer_that_is_no_constant_is_refused():
    with pytest.raises(PieError, match="'add' is not a constant"):
        graph().constant("add")


@pytest.mark.parametrize("xml", [b"", b"no XML at all", b"<net><layers></net>"])
def test_what_is_no_xml_is_refused(xml):
    with pytest.raises(PieError, match="the XML does not parse"):
        Graph(xml, b"")


@pytest.mark.parametrize(
    "xml",
    [
        builders.openvino_ir(CONSTANTS, version="11")[0],
        b"<net/>",
        b'<html version="10"/>',
    ],
)
def test_another_document_or_version_is_refused(xml):
    with pytest.raises(PieError, match="OpenVINO IR of version 10"):
        Graph(xml, b"")


def test_a_short_binary_is_refused_when_what_it_lacks_is_read():
    xml, binary = builders.openvino_ir(CONSTANTS, INPUTS)
    short = Graph(xml, binary[:-1])
    np.testing.assert_array_equal(short.constant("weight"), CONSTANTS["weight"])
    with pytest.raises(PieError, match="shorter than its XML says"):
        short.constant("axis")
