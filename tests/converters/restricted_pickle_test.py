"""The restricted reader: what it reads, and what it refuses without running it.

Every hostile file is first given to Python's own unpickler, which runs it: so the test
knows that it would notice.
"""

import io
import pickle
import re
import sys
import tracemalloc
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from pie_jax.converters import (
    codes,
    deep3d,
    numpy_pickle,
    restricted_pickle,
    stylegan1,
    stylegan2,
    tf_pickle,
    torch_checkpoint,
    vgg16,
    vgg_face,
)
from pie_jax.core.errors import PieError
from pie_jax.io.allowance import Allowance
from tests import pickles
from tests.converters import stylegan_files
from tests.pickles import Made, Named, Tensor

PLAIN = {
    "numbers": [0, -1, 255, 65536, 2**31, 2**70, -(2**70), 1.5, float("inf")],
    "texts": ["", "ü", "x" * 300, b"", b"bytes", b"y" * 300],
    "constants": (None, True, False),
    "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
    "sets": [set(), {1, "a"}, frozenset({2})],
    "nested": {"a": [{"b": ()}], 3: {}},
}
CONTAINERS = restricted_pickle.CONTAINERS
V2 = stylegan_files.stylegan2()


def build(content, makers=CONTAINERS):
    pickled = restricted_pickle.read(content, "file")
    allowance = Allowance("file", len(content))
    return restricted_pickle.build(pickled.content, makers, allowance)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_are_read_as_python_reads_them(protocol):
    makers = CONTAINERS | {
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


def test_a_stream_is_read_to_the_end_of_the_pickle_which_must_be_there():
    stream = io.BytesIO(pickle.dumps([1]) + b"rest")
    assert restricted_pickle.read(stream, "file").content == [1]
    assert stream.read() == b"rest"
    content = pickle.dumps([np.arange(40.0), {"a": "b" * 50}], 4)
    for cut in range(0, len(content), 7):
        with pytest.raises(PieError, match="damaged or truncated"):
            restricted_pickle.read(content[:cut], "file")


def test_an_optimizer_has_a_number_for_each_parameter():
    """Where there are more, what has a text for its key is still read."""
    state = {number: {"step": 1} for number in range(10_000)}
    content = {"optimizer": {"state": state}, "weights": [1.0]}
    assert build(pickle.dumps(content)) == content
    content |= {"more": {0: 1, "x": 2}}
    result = build(pickle.dumps(content))
    assert result["weights"] == [1.0] and result["more"]["x"] == 2


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i8", "|u1", "|b1", "<f2"])
def test_arrays_are_read_as_numpy_wrote_them(dtype, protocol, order):
    array = np.asarray(np.arange(24).reshape(2, 3, 4), dtype, order=order)
    content = pickle.dumps([array, array[0, 0, 1], array[:0]], protocol)
    makers = CONTAINERS | numpy_pickle.MAKERS
    result, scalar, empty = build(content, makers)
    np.testing.assert_array_equal(result, array)
    assert result.dtype == array.dtype and scalar == array[0, 0, 1]
    assert empty.shape == (0, 3, 4)


def call_of(module, name, *args, **state):
    return Made(Named(module, name), args, **state)


def nested_getattr(sentinel):
    """`getattr(__import__("os"), "system")(...)`: no dangerous name is spelt out."""
    found = call_of(
        "builtins", "getattr", call_of("builtins", "__import__", "os"), "system"
    )
    return Made(found, (f"touch {sentinel}",))


HOSTILE = {
    "os.system": lambda path: call_of("os", "system", f"touch {path}"),
    "builtins.getattr": nested_getattr,
    "pathlib.Path.touch": lambda path: call_of(
        "pathlib", "Path.touch", call_of("pathlib", "Path", str(path))
    ),
}


def tf(content):
    return (pickles.tf_network("G", "G_main", {}, {"seed": content}),) * 3


def in_a_tensor(content):
    blob = pickles.torch_legacy({"g_ema": content})
    return {"G_ema": call_of("torch.storage", "_load_from_bytes", blob)}


WRITERS = {
    "a plain pickle": pickles.dumps,
    "an old pickle": lambda content: pickles.dumps(content, protocol=2),
    "a TensorFlow pickle": lambda content: pickles.dumps(tf(content)),
    "a torch ZIP": lambda content: pickles.torch_zip({"g_ema": content}),
    "a torch legacy file": lambda content: pickles.torch_legacy({"net_recon": content}),
    "a tensor of an ada pickle": lambda content: pickles.dumps(in_a_tensor(content)),
    "an attribute of an ada pickle": lambda content: pickles.dumps(
        {"G_ema": pickles.module("Generator", {}, evil=content)}
    ),
}
OF_TORCH = (codes.read, *(x.convert for x in (deep3d, vgg16, vgg_face)))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_pythons_own_unpickler_runs_the_hostile_files(tmp_path, hostile):
    sentinel = tmp_path / "executed"
    pickle.loads(pickles.dumps(HOSTILE[hostile](sentinel)))
    assert sentinel.exists()


@pytest.mark.parametrize("container", WRITERS)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_files_are_refused_and_not_run(tmp_path, hostile, container):
    """By name, where the hostile part is what is looked for."""
    sentinel, path = tmp_path / "executed", tmp_path / "weights.pt"
    path.write_bytes(WRITERS[container](HOSTILE[hostile](sentinel)))
    refused = []
    for convert in (stylegan1.convert, stylegan2.convert, *OF_TORCH):
        with pytest.raises(PieError) as caught:
            convert(path)
        if re.search(rf"asks for (a call of what )*{hostile},", str(caught.value)):
            refused.append(convert)
    assert not sentinel.exists()
    assert bool(refused) == ("torch" in container)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_part_that_is_not_used_is_left_alone(tmp_path, hostile):
    """In a network's options, in one of its modules, beside it, or under a code."""
    sentinel, path = tmp_path / "executed", tmp_path / "weights.pt"
    evil = HOSTILE[hostile](sentinel)
    options = stylegan_files.OPTIONS2 | {"evil": evil}
    beside = stylegan_files.rosinality_checkpoint(V2) | {"args": evil}
    for content in (
        pickles.tf_pickle(V2, options),
        stylegan_files.ada_pickle(V2, evil=evil),
        pickles.torch_zip(beside),
        pickles.torch_legacy(beside),
    ):
        path.write_bytes(content)
        flat, _ = stylegan2.convert(path)
        np.testing.assert_array_equal(flat["w_avg"], V2["dlatent_avg"])
    path.write_bytes(pickles.torch_zip({"w": Tensor(np.ones(512, "f4")), "a": [evil]}))
    np.testing.assert_array_equal(codes.read(path), np.ones(512))
    assert not sentinel.exists()


NAMED = b"cevil_module\ntouch\n"
WAYS = {
    "GLOBAL": NAMED,
    "STACK_GLOBAL": b"\x8c\x0bevil_module\x8c\x05touch\x93",
    "REDUCE": NAMED + b")R",
    "INST": b"(ievil_module\ntouch\n",
    "OBJ": b"(" + NAMED + b"o",
    "NEWOBJ": NAMED + b")\x81",
    "NEWOBJ_EX": NAMED + b")}\x92",
    "keywords": NAMED + b")}K\x01Ns\x92",
    "BUILD": NAMED + b")R}b",
    "a call of a call": NAMED + b")R)R",
}


@pytest.mark.parametrize("used", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_what_a_pickle_names_is_not_even_imported(tmp_path, monkeypatch, way, used):
    """A module that tells when it is imported, and whose function does."""
    sentinel, content = tmp_path / "executed", b"}S'w'\n" + WAYS[way] + b"s."
    line = f"__import__('pathlib').Path({str(sentinel)!r}).touch()"
    (tmp_path / "evil_module.py").write_text(f"{line}\ndef touch(): {line}")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "evil_module", raising=False)
    found = build(content)
    if used:
        with pytest.raises(PieError, match=r"asks for .*evil_module\.touch"):
            found["w"]
    assert not sentinel.exists() and "evil_module" not in sys.modules
    if way == "REDUCE":
        pickle.loads(content)
        assert sentinel.exists()  # by Python's own


def array_of(array_class, shape):
    dtype = Made(Named("numpy", "dtype"), ("f4",))
    state = (1, shape, dtype, False, b"1234")
    args = (Named("numpy", array_class), (0,), b"b")
    return call_of("numpy.core.multiarray", "_reconstruct", *args, state=state)


@pytest.mark.parametrize(
    "wrong",
    [
        call_of("numpy", "dtype", "O8"),
        call_of("numpy", "dtype", [("a", "f4")]),
        call_of("numpy", "dtype", "f4", state=(3, "x")),
        call_of("numpy.core.multiarray", "scalar", "f4", b"1234"),
        call_of("_codecs", "encode", "", "zlib_codec"),
        call_of("__builtin__", "bytes", 10**9),
        array_of("dtype", ()),
        array_of("ndarray", (-1, -1)),
        call_of("torch._utils", "_rebuild_tensor_v2", [1.0], 0, (1,), (1,)),
        call_of("collections", "OrderedDict", 7),
        call_of("dnnlib.tflib.network", "Network"),
    ],
)
def test_calls_of_allowed_names_make_arrays_and_containers_only(wrong):
    makers = tf_pickle.MAKERS | torch_checkpoint.MAKERS
    with pytest.raises(PieError, match="make no array or container"):
        build(pickles.dumps(wrong), makers)


@pytest.mark.parametrize(
    ("instructions", "message"),
    [
        (b"ccollections\nOrderedDict\n)R)R.", "a call of what collections.OrderedDict"),
        (b"ccollections\nOrderedDict\n]R.", "arguments that are no tuple"),
        (b"K\x01)R.", "a call of what a value"),
        (b"}(\x8c\x09__class__\x8c\x01xud}b.", "damaged|new attributes"),
        (b"}}b.", "new attributes of a plain value"),
        (b"\x82\x01.", "the instruction EXT1"),
        (b"\x97.", "the instruction NEXT_BUFFER"),
        (b"(S'touch x'\nios\nsystem\n.", "os.system"),
        (b"(cos\nsystem\nS'touch x'\no.", "os.system"),
        (b"cos\nsystem\n)\x81.", "os.system"),
        (b"\x8c\x02os\x8c\x06system\x93.", "os.system"),
        (b"K\x01K\x02\x93.", "no text"),
        (b"(((.", "mark"),
        (b"R.", "damaged"),
        (b"h\x05.", "damaged"),
        (b"]}](K\x01u.", "damaged"),
        (b"}K\x01a.", "elements of what is no list"),
        (b"]K\x01K\x01s.", "items of what is no dictionary"),
    ],
)
def test_odd_instructions_are_refused(instructions, message):
    with pytest.raises(PieError, match=message):
        build(instructions)


def test_each_instruction_that_calls_describes_the_call():
    named = b"ccollections\nOrderedDict\n"
    marked = b"(" + named + b"o.", b"(icollections\nOrderedDict\n."
    for instructions in (named + b")R.", named + b")\x81.", *marked):
        assert build(instructions) == {}


@pytest.mark.parametrize(
    "content",
    [b"]" * 5000 + b"a" * 4999 + b".", b"]q\x00h\x00a."],
    ids=["deep", "in itself"],
)
def test_values_nested_without_end_are_refused(content):
    with pytest.raises(PieError, match="nested more than"):
        build(content)


@pytest.mark.parametrize("times", [9, 40])
def test_values_referred_to_exponentially_often_are_built_once_or_refused(times):
    doubled = b"".join(b"q%c]h%ch%c\x86a" % (i, i, i) for i in range(times))
    if times == 9:
        assert build(b"]" + doubled + b".")
        return
    with pytest.raises(PieError, match="claims"):
        build(b"]" + doubled + b".")


ONE = pickles.Storage(np.zeros(1, "f4"))
VIEW = (ONE, 0, (2**20, 2**12), (0, 0), False, {})
WIDE = call_of("torch._utils", "_rebuild_tensor_v2", *VIEW)
ZEROS = {"g_ema": {"style.1.bias": pickles.Tensor(np.zeros(2**22, "f4"))}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickles.torch_zip(ZEROS, zipfile.ZIP_DEFLATED), "is compressed"),
        (
            pickles.torch_zip({"g_ema": {"input.input": WIDE}}),
            "make no array or container",
        ),
        (b"\x80\x02Kar\xff\xff\xff\xff.", "holds no StyleGAN 2"),
    ],
    ids=["deflated", "strides of zero", "a great memo"],
)
def test_bombs_are_refused_before_they_take_memory(tmp_path, content, message):
    path = tmp_path / "bomb.pt"
    path.write_bytes(content)
    tracemalloc.start()
    with pytest.raises(PieError, match=message):
        stylegan2.convert(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12e6
