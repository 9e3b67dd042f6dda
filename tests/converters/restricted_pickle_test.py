"""The restricted reader: what it reads, and what it refuses without running it.

Every hostile file is first given to Python's own unpickler, which runs it: so the test
knows that it would notice.
"""

import io
import pickle
import re
import tracemalloc
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
from pie_jax.converters import (
    numpy_pickle,
    restricted_pickle,
    stylegan1,
    stylegan2,
    tf_pickle,
    torch_checkpoint,
)

from pie_jax.core.errors import PieError
from tests import pickles
from tests.pickles import Made, Named

PLAIN = {
    "numbers": [0, -1, 255, 65536, 2**31, 2**70, -(2**70), 1.5, float("inf")],
    "texts": ["", "ü", "x" * 300, b"", b"bytes", b"y" * 300],
    "constants": (None, True, False),
    "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
    "sets": [set(), {1, "a"}, frozenset({2})],
    "nested": {"a": [{"b": ()}], 3: {}},
}


def build(content, makers=restricted_pickle.CONTAINERS):
    pickled = restricted_pickle.read(content, makers.keys(), "file")
    return restricted_pickle.build(pickled.content, makers, "file")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_are_read_as_python_reads_them(protocol):
    makers = restricted_pickle.CONTAINERS | {
        "_codecs.encode": lambda call: call.args[0].encode("latin1"),
        "__builtin__.frozenset": lambda call: frozenset(*call.args),
        "builtins.frozenset": lambda call: frozenset(*call.args),
        "__builtin__.bytes": lambda call: b"".join(call.args),
    }
    shared = [1, 2]
    value = PLAIN | {"ordered": OrderedDict(x=shared, y=shared)}
    result = build(pickle.dumps(value, protocol), makers)
    assert result == value
    assert result["ordered"]["x"] is result["ordered"]["y"]


def test_a_stream_is_read_to_the_end_of_the_pickle_only():
    stream = io.BytesIO(pickle.dumps([1]) + b"rest")
    assert restricted_pickle.read(stream, (), "file").content == [1]
    assert stream.read() == b"rest"


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i8", "|u1", "|b1", "<f2"])
def test_arrays_are_read_as_numpy_wrote_them(dtype, protocol, order):
    array = np.asarray(np.arange(24).reshape(2, 3, 4), dtype, order=order)
    makers = restricted_pickle.CONTAINERS | numpy_pickle.MAKERS
    content = pickle.dumps([array, array[0, 0, 1], array[:0]], protocol)
    pickled = restricted_pickle.read(content, numpy_pickle.NAMES, "file")
    result, scalar, empty = restricted_pickle.build(pickled.content, makers, "file")
    np.testing.assert_array_equal(result, array)
    assert result.dtype == array.dtype and scalar == array[0, 0, 1]
    assert empty.shape == (0, 3, 4)


@pytest.mark.parametrize("cut", range(0, 300, 7))
def test_a_truncated_pickle_is_an_error(cut):
    content = pickle.dumps([np.arange(40.0), {"a": "b" * 50}], 4)
    assert cut < len(content)
    with pytest.raises(PieError, match="damaged or truncated"):
        restricted_pickle.read(content[:cut], numpy_pickle.NAMES, "file")


def call_of(module, name, *args):
    return Made(Named(module, name), args)


def nested_getattr(sentinel):
    """`getattr(__import__("os"), "system")(...)`: no dangerous name is spelt out."""
    found = call_of(
        "builtins", "getattr", call_of("builtins", "__import__", "os"), "system"
    )
    return Made(found, (f"touch {sentinel}",))


HOSTILE = {
    "os.system": lambda path: call_of("os", "system", f"touch {path}"),
    "builtins.eval": lambda path: call_of(
        "builtins", "eval", f"open({str(path)!r}, 'w').close()"
    ),
    "builtins.getattr": nested_getattr,
    "subprocess.check_call": lambda path: call_of(
        "subprocess", "check_call", ["touch", str(path)]
    ),
    "pathlib.Path.touch": lambda path: call_of(
        "pathlib", "Path.touch", call_of("pathlib", "Path", str(path))
    ),
    "codecs.builtins.exec": lambda path: call_of(
        "codecs", "builtins.exec", f"open({str(path)!r}, 'w').close()"
    ),
}

CONTAINERS = {
    "a plain pickle": pickles.dumps,
    "an old pickle": lambda content: pickles.dumps(content, protocol=2),
    "a TensorFlow pickle": lambda content: pickles.dumps(
        (pickles.tf_network("G", "G_main", {}, {"seed": content}),) * 3
    ),
    "a torch ZIP": lambda content: pickles.torch_zip({"g_ema": content}),
    "a torch legacy file": lambda content: pickles.torch_legacy({"g_ema": content}),
    "a tensor of an ada pickle": lambda content: pickles.dumps(
        {
            "G_ema": call_of(
                "torch.storage",
                "_load_from_bytes",
                pickles.torch_legacy({"g_ema": content}),
            )
        }
    ),
    "an attribute of an ada pickle": lambda content: pickles.dumps(
        {"G_ema": pickles.module("Generator", {}, evil=content)}
    ),
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_pythons_own_unpickler_runs_the_hostile_files(tmp_path, hostile):
    sentinel = tmp_path / "executed"
    content = pickles.dumps(HOSTILE[hostile](sentinel))
    pickle.loads(content)
    assert sentinel.exists()


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_files_are_refused_by_name_and_not_run(tmp_path, hostile, container):
    sentinel = tmp_path / "executed"
    path = tmp_path / "weights"
    path.write_bytes(CONTAINERS[container](HOSTILE[hostile](sentinel)))
    for convert in (stylegan1.convert, stylegan2.convert):
        if convert is stylegan1.convert and container == "a tensor of an ada pickle":
            refusal = "holds no StyleGAN 1"  # the tensor is not looked into
        else:
            refusal = f"is refused: it asks for {re.escape(hostile)},"
        with pytest.raises(PieError, match=refusal):
            convert(path)
    assert not sentinel.exists()


ALLOWED_BUT_WRONG = {
    "objects in an array": call_of(
        "numpy.core.multiarray", "scalar", Made(Named("numpy", "dtype"), ("O8",)), b"x"
    ),
    "a dtype of fields": Made(Named("numpy", "dtype"), ([("a", "f4")],)),
    "another codec": call_of("_codecs", "encode", "", "zlib_codec"),
    "another array class": Made(
        Named("numpy.core.multiarray", "_reconstruct"),
        (Named("numpy", "dtype"), (0,), b"b"),
        state=(1, (), Made(Named("numpy", "dtype"), ("f4",)), False, b"1234"),
    ),
    "a negative length": Made(
        Named("numpy.core.multiarray", "_reconstruct"),
        (Named("numpy", "ndarray"), (0,), b"b"),
        state=(1, (-1, -1), Made(Named("numpy", "dtype"), ("f4",)), False, b"1234"),
    ),
    "a tensor of nothing": call_of(
        "torch._utils", "_rebuild_tensor_v2", [1.0], 0, (1,), (1,)
    ),
    "a dictionary of nothing": call_of("collections", "OrderedDict", 7),
    "a network without state": Made(Named("dnnlib.tflib.network", "Network")),
}


@pytest.mark.parametrize("wrong", ALLOWED_BUT_WRONG)
def test_calls_of_allowed_names_make_arrays_and_containers_only(wrong):
    makers = tf_pickle.MAKERS | torch_checkpoint.MAKERS
    content = pickles.dumps(ALLOWED_BUT_WRONG[wrong])
    names = tf_pickle.NAMES | torch_checkpoint.NAMES
    pickled = restricted_pickle.read(content, names, "file")
    with pytest.raises(PieError, match="make no array or container"):
        restricted_pickle.build(pickled.content, makers, "file")


@pytest.mark.parametrize(
    ("instructions", "message"),
    [
        (b"ccollections\nOrderedDict\n)R)R.", "a call of what collections.OrderedDict"),
        (b"}(\x8c\x09__class__\x8c\x01xud}b.", "damaged|new attributes"),
        (b"}}b.", "new attributes of a plain value"),
        (b"\x82\x01.", "the instruction EXT1"),
        (b"\x97.", "the instruction NEXT_BUFFER"),
        (b"(S'touch x'\nios\nsystem\n.", "os.system"),
        (b"(cos\nsystem\nS'touch x'\no.", "os.system"),
        (b"\x8c\x02os\x8c\x06system\x93.", "os.system"),
        (b"K\x01K\x02\x93.", "no text"),
        (b"(((.", "mark"),
        (b"R.", "damaged"),
        (b"h\x05.", "damaged"),
        (b"]}](K\x01u.", "damaged"),
        (b"}((tK\x01u.", "neither text nor number"),
    ],
)
def test_odd_instructions_are_refused(instructions, message):
    with pytest.raises(PieError, match=message):
        restricted_pickle.read(instructions, {"collections.OrderedDict"}, "file")


def test_values_nested_without_end_are_refused():
    deep = restricted_pickle.read(b"]" * 5000 + b"a" * 4999 + b".", (), "file")
    with pytest.raises(PieError, match="nested more than"):
        restricted_pickle.build(deep.content, {}, "file")
    itself = restricted_pickle.read(b"]q\x00h\x00a.", (), "file")
    with pytest.raises(PieError, match="nested more than"):
        restricted_pickle.build(itself.content, {}, "file")


def test_values_referred_to_exponentially_often_are_built_once():
    doubled = b"]" + b"".join(b"q%c]h%ch%c\x86a" % (i, i, i) for i in range(40)) + b"."
    pickled = restricted_pickle.read(doubled, (), "file")
    assert restricted_pickle.build(pickled.content, {}, "file")


def bombs():
    zeros = {"g_ema": {"style.1.bias": pickles.Tensor(np.zeros(2**22, "f4"))}}
    yield "deflated", pickles.torch_zip(zeros, zipfile.ZIP_DEFLATED), "is compressed"
    wide = Made(
        Named("torch._utils", "_rebuild_tensor_v2"),
        (pickles.Storage(np.zeros(1, "f4")), 0, (2**20, 2**12), (0, 0), False, {}),
    )
    state = {"input.input": wide}
    yield (
        "strides of zero",
        pickles.torch_zip({"g_ema": state}),
        "misshapen: input.input",
    )
    memo = b"\x80\x02Kar\xff\xff\xff\xff."
    yield "a great memo", memo, "holds no StyleGAN 2"


@pytest.mark.parametrize(("_name", "content", "message"), list(bombs()))
def test_bombs_are_refused_before_they_take_memory(tmp_path, _name, content, message):
    path = tmp_path / "bomb.pt"
    path.write_bytes(content)
    tracemalloc.start()
    with pytest.raises(PieError, match=message):
        stylegan2.convert(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12e6
