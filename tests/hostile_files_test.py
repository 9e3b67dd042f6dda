"""Small files that would hang, fill the memory or end in a traceback; all are refused.

Each is read as `tests.mutations` reads: within 20 seconds and 1 GB, and without control
characters on the terminal.
"""

import io
import json
import os
import struct
import zipfile
from collections import OrderedDict

import h5py
import numpy as np
import orbax.checkpoint as ocp
import pytest

from pie_jax.converters import codes as foreign
from pie_jax.core.errors import PieError
from pie_jax.io import arrays, codes, directions
from pie_jax.stack import converted, registry
from pie_jax.workflows import edit, export
from tests import builders, mutations, pickles
from tests.converters import matlab_files
from tests.pickles import Made, Named, Storage


def refused(read, name, content, message):
    """Checks that reading a file of this name says something, and is no burden."""

    def read_one(path):
        with pytest.raises(PieError, match=message):
            read(path)

    kind = mutations.Kind(f"{name} .{name.rsplit('.')[-1]}", content, read_one)
    assert mutations.attempt(kind, content) is None


def converter(kind):
    return registry.converter(kind)


def archive(pickled):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("a/data.pkl", pickled)
    return file.getvalue()


def tree():
    """A list of ten times a list of ten times ..., 12 deep."""
    data = b"\x80\x02}X\1\0\0\0x](" + b"K\0" * 10 + b"eq\0"
    for i in range(12):
        data += b"0](" + (b"h" + bytes([i])) * 10 + b"eq" + bytes([i + 1])
    return data


TREE = tree() + b"s."
ONE = np.ones(1, "f4")


def tensor(shape, strides, storage=ONE):
    rebuild = Named("torch._utils", "_rebuild_tensor_v2")
    args = (Storage(storage), 0, shape, strides, False, OrderedDict())
    return Made(rebuild, args)


def numpy_array(shape):
    record = pickles.numpy_record(ONE)
    record.state = (1, shape, *record.state[2:])
    return record


def module(buffers, modules):
    state = {"_parameters": {}, "_buffers": buffers, "_modules": modules}
    meta = {"class_name": "A", "state": state}
    rebuild = Named("torch_utils.persistence", "_reconstruct_persistent_obj")
    return Made(rebuild, (meta,))


def modules():
    """99 times a module of 99 times a module of 20 000 buffers, all the same."""
    inner = module(dict.fromkeys(map(str, range(20_000)), numpy_array((1,))), {})
    for _ in range(2):
        inner = module({}, dict.fromkeys(map(str, range(99)), inner))
    return pickles.dumps({"G_ema": inner})


def calls():
    """Dictionaries that are each made of the same hundred thousand pairs."""
    pairs = b"(" + b"K\1K\2\x86" * 30_000 + b"l\x85q\1"
    again = b"(" + b"h\0h\1R" * 100_000 + b"l"
    return b"ccollections\nOrderedDict\nq\0" + pairs + again + b"."


def colliding():
    """Keys of a dictionary that have one hash."""
    keys = (n * (2**61 - 1) for n in range(1, 50_000))
    longs = (n.to_bytes(11, "little") for n in keys)
    return b"}(" + b"".join(b"\x8a\x0b" + long + b"N" for long in longs) + b"u."


def chain():
    """Numbers in the order in which a dictionary of 2**17 places looks at them for one
    more, which is the last."""
    numbers = [1]
    while len(numbers) < 70_000:
        numbers.append((5 * numbers[-1] + 1) % 2**17)
    return [struct.pack("<i", number) for number in [*numbers, 423_061]]


def walking():
    """A key for which 200 000 times all others are looked at."""
    pairs = b"N".join(b"J" + number for number in chain())
    return b"}(" + pairs + b"q\0N" + b"h\0N" * 200_000 + b"u."


def recalling():
    """The same of the numbers under which values are kept for later."""
    numbers = chain()
    kept = b"".join(b"r" + number for number in numbers)
    return b"N" + kept + (b"0j" + numbers[-1]) * 110_000 + b"."


def great_key():
    """One number of half a megabyte, of which a hundred thousand times a hash is made."""
    number = b"\x8b" + struct.pack("<i", 500_000) + b"\1" * 500_000
    return number + b"q\0" + b"}(" + b"h\0N" * 100_000 + b"u."


def tf(**options):
    return pickles.tf_pickle({"lod": np.float32(0)}, options)


DEEP = b"]" * 50_000 + b"a" * 49_999 + b"."


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        ("vgg_face", archive(TREE), "claims"),
        ("vgg16", archive(TREE), "claims"),
        ("stylegan1", archive(tree() + b"\x85s."), "claims"),
        ("stylegan2", modules(), "claims"),
        ("stylegan2", calls(), "claims|holds no StyleGAN 2"),
        ("deep3d", archive(calls()), "claims"),
        ("stylegan2", colliding(), "holds no StyleGAN 2"),
        ("stylegan2", great_key(), "holds no StyleGAN 2"),
        ("stylegan2", walking(), "holds no StyleGAN 2"),
        ("stylegan2", recalling(), "holds no StyleGAN 2"),
        ("deep3d", archive(DEEP), "nested more than"),
        ("stylegan2", tf(resolution=numpy_array(("x", 2**33))), "published"),
    ],
)
def test_what_unfolds_in_a_pickle_is_bounded_by_the_bytes_there(kind, content, message):
    refused(converter(kind), "a.pt", content, message)


@pytest.mark.parametrize(
    "made",
    [
        tensor(("x", 2**33), (0, 0)),
        tensor((2**33,), (0,)),
        tensor([2**22, 512], [0, 0]),
        tensor((2**20, 512), (0, 1), np.ones(512, "f4")),
        tensor((2,), (2**70,)),
        tensor((2**70,), (0,)),
        numpy_array(("x", 2**33)),
        numpy_array((2**33,)),
        numpy_array((1,) * 99),
    ],
)
@pytest.mark.parametrize("write", [pickles.torch_zip, pickles.torch_legacy])
def test_an_array_is_no_larger_than_its_bytes(made, write):
    message = r"_rebuild_tensor_v2|_reconstruct"
    refused(foreign.read, "a.pt", write({"w": made}), message)
    state = {"net_recon": {"a": made}}
    refused(converter("deep3d"), "a.pt", write(state), message)


def test_a_code_that_one_number_stands_for_is_not_synthesised(tmp_path, capsys):
    code = tmp_path / "a.pt"
    code.write_bytes(pickles.torch_zip(tensor([2**22, 512], [0, 0])))
    words = ("synthesize", code, "--out", tmp_path / "a.png", "--config", "testing")
    assert builders.pie(*words) == 1
    assert "a.pt is refused" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


def test_codes_that_are_expanded_within_reason_are_read(tmp_path):
    """One for all 18 style inputs, as `torch.Tensor.expand` keeps it."""
    w = np.random.default_rng(0).normal(size=(40, 512)).astype("f4")
    expanded = tensor((40, 18, 512), (512, 0, 1), w)
    (tmp_path / "a.pt").write_bytes(pickles.torch_zip(expanded))
    found = foreign.read(tmp_path / "a.pt")
    np.testing.assert_array_equal(found, np.repeat(w[:, None], 18, axis=1))


def test_a_tensor_of_a_tensor_does_not_reach_beyond_its_memory():
    """One element looks like many by a stride of zero; a view of that, like memory."""
    rebuild = Named("torch._utils", "_rebuild_tensor_v2")
    wide = tensor((2**14,), (0,))
    view = Made(rebuild, (wide, 0, (2**14,), (1,), False, OrderedDict()))
    message = "a tensor of what is no storage"
    refused(foreign.read, "a.pt", pickles.torch_zip({"w": view}), message)


def hdf5(fill):
    file = io.BytesIO()
    with h5py.File(file, "w") as root:
        fill(root)
    return file.getvalue()


def great_chunk(root):
    """A number in a block of 2 GB."""
    options = {"maxshape": (None,), "chunks": (2**29,), "compression": "gzip"}
    root.create_dataset("shape/model/mean", (1,), "f4", **options)


def tiny_chunks(root):
    """None of which is there: HDF5 would take 1 kB for each."""
    root.create_dataset("shape/model/mean", (15_000_000,), "i1", chunks=(1,))


def committed(root):
    root["shape/model/mean"] = np.dtype("f4")


def group(root):
    root.create_group("shape/model/mean")


def great_text(root):
    root.attrs["layer_names"] = np.array([b"a" * 60_000])


@pytest.mark.parametrize(
    ("kind", "fill", "message"),
    [
        ("basel2017", great_chunk, "claims"),
        ("basel2017", tiny_chunks, "claims"),
        ("basel2017", committed, "a group where an array belongs"),
        ("basel2017", group, "a group where an array belongs"),
        ("vgg16", great_text, "cannot be read"),
        ("vgg16", committed, "no attribute layer_names"),
        ("vgg_face", lambda root: root.create_group("layer_names"), "layer_names"),
    ],
)
def test_other_things_of_hdf5_are_told_apart(kind, fill, message):
    refused(converter(kind), "a.h5", hdf5(fill), message)


def test_references_in_tiny_chunks_are_refused():
    def fill(root):
        kind = h5py.ref_dtype
        cell = root.create_dataset("layers", (100_000,), kind, chunks=(1,))
        cell.attrs["MATLAB_class"] = np.bytes_("cell")

    refused(converter("vgg_face"), "a.mat", matlab_files.hdf5(fill), "claims")


def test_an_array_of_a_million_axes_is_refused():
    content = matlab_files.mat5({"x": np.ones((1, 1))}, compressed=False)
    shape = struct.pack("<IIii", 5, 8, 1, 1)
    axes = struct.pack("<II", 2, 2**20 - 256) + b"\xff" * (2**20 - 256)
    content = content.replace(shape, axes)
    size = len(content) - 136
    content = content[:132] + struct.pack("<I", size) + content[136:]
    refused(converter("vgg_face"), "a.mat", content, "an array of 1048320 axes")


def test_a_type_where_matlab_has_a_variable_is_an_error():
    def fill(root):
        root["layers"] = np.dtype("f4")
        root["layers"].attrs["MATLAB_class"] = np.bytes_("double")

    content = matlab_files.hdf5(fill)
    refused(converter("vgg_face"), "a.mat", content, "a group where an array belongs")


def far_away():
    """An archive with an entry that begins at 2**63."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("a/data.pkl", b"\x80\x02N.")
        made.filelist[0].header_offset = 2**63
    return file.getvalue()


def keys_that_are_lists():
    """Its storage is called "[]", and the list of storages holds an empty list."""
    content = pickles.torch_legacy(tensor((1,), (1,)))
    content = content.replace(b"]q\x00X\x01\x00\x00\x000q\x01a.", b"]q\x00]a.")
    return content.replace(b"X\x01\x00\x00\x000", b"X\x02\x00\x00\x00[]")


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        ("vgg_face", pickles.torch_zip({"x": [[0], [0, 0]]}), "surplus: x: a list"),
        ("vgg16", far_away(), "damaged"),
        ("deep3d", keys_that_are_lists(), "its storages are not those"),
        ("stylegan2", pickles.tf_pickle({}, {}).replace(b"K\x04", b"N"), "published"),
        (
            "stylegan2",
            pickles.dumps((pickles.tf_network("G", "f", {5: ONE}, {}),) * 3),
            r"surplus: 5: float32 \[1\]",
        ),
        (
            "stylegan2",
            pickles.dumps((pickles.tf_network("G", "f", {"a": ONE}, {}, {5: 1}),) * 3),
            "its network Gs is not as NVIDIA's are",
        ),
        ("stylegan2", pickles.dumps({"G_ema": module({7: ONE}, {8: 1})}), "published"),
    ],
)
def test_odd_contents_of_pickles_are_explained(kind, content, message):
    refused(converter(kind), "a.pt", content, message)


@pytest.mark.parametrize(
    "face", [b"f 99999999999999999999 1 2", b"f 1e9 1 2", b"f 0 0 0"]
)
def test_odd_faces_of_meshes_are_explained(face):
    content = mutations.FACE + face + b"\n"
    refused(mutations.a_mesh, "a.obj", content, r"neutral_mesh\.obj .*damaged")


FACE = {name: [0.0] * size for name, size in builders.SIZES.items()}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"theta": FACE | {"rotation": [10**400, 0, 0]}}),
        json.dumps({"theta": FACE | {"rotation": [[], 0, 0]}}),
        '{"theta": ' + "[" * 100_000,
        '{"theta": ' + "9" * 5000 + "}",
        '{"edit": []}',
    ],
)
def test_odd_records_are_explained(tmp_path, text):
    refused(export.read_face, "a.json", text.encode(), "theta.json of `pie fit`")
    with pytest.raises(PieError, match="of something else"):
        (tmp_path / edit.RECORD).write_text(text)
        edit._check_out(tmp_path, {"portrait": "a"})


@pytest.mark.parametrize("name", ["a" + "/a" * 50_000, "a/" * 40])
def test_a_name_of_many_parts_is_no_networks(name):
    content = arrays.encode({name: np.ones(2, "f4")}, {"kind": "stylegan2"})
    message = r"no whole safetensors file \(a name of too many parts"

    def read(path):
        converted.load(path, "stylegan2")

    refused(read, "a.safetensors", content, message)


def test_a_record_of_a_file_that_cannot_be_is_explained(tmp_path):
    record = {"theta": FACE, "face_model": {"name": "morphable", "path": "a\0b"}}
    (tmp_path / "theta.json").write_text(json.dumps(record))
    with pytest.raises(PieError, match="cannot be read"):
        export.export(tmp_path / "theta.json", tmp_path / "a.obj")


@pytest.mark.parametrize(
    "read",
    [
        converter("stylegan2"),
        foreign.read,
        directions.read,
        export.read_face,
        converted.metadata,
        converted.sha256,
    ],
)
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt"])
def test_a_pipe_is_not_waited_for(tmp_path, read, suffix):
    pipe = tmp_path / f"pipe{suffix}"
    os.mkfifo(pipe)
    with pytest.raises(PieError, match="expected a file, found a special file"):
        read(pipe)


def test_what_is_nested_is_not_said_to_fill_the_memory(tmp_path):
    with pytest.raises(PieError, match="it is nested too deeply"):
        (tmp_path / "a.json").write_text('{"theta": ' + "[" * 100_000)
        export.read_face(tmp_path / "a.json")
    header = b"(" * 9000 + b"\n"
    length = len(header).to_bytes(2, "little")
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\1\0" + length + header)
    with pytest.raises(PieError, match="nested"):
        foreign.read(tmp_path / "a.npy")


def metadata(folder, content):
    (folder / "metadata" / "metadata").write_text(content)


def described(folder, content):
    (folder / "code" / "_METADATA").write_text(content)


@pytest.mark.parametrize(
    ("spoil", "content"),
    [
        (described, '{"tree_metadata": NaN}'),
        (described, "[" * 100_000),
        (described, "{}"),
        (metadata, "[1]"),
        (metadata, '{"generator": "g", "files": []}'),
        (metadata, '{"generator": "g", "files": {"generator": []}}'),
        (metadata, '{"generator": "g", "files": {"generator": null}}'),
        (metadata, '{"generator": "g", "files": {"generator": {"path": 1}}}'),
        (metadata, '{"generator": ' + "9" * 5000 + "}"),
    ],
)
def test_a_damaged_folder_of_a_code_is_explained(tmp_path, spoil, content):
    w = np.ones((18, 512), np.float32)
    codes.save(tmp_path / "code", {"w_plus": w}, {"generator": "g"})
    spoil(tmp_path / "code", content)
    with pytest.raises(PieError, match="code is damaged"):
        codes.load_codes(tmp_path / "code", 18, "g")


def test_a_folder_that_claims_a_great_code_is_refused(tmp_path):
    with ocp.Checkpointer(ocp.CompositeCheckpointHandler()) as checkpointer:
        items = ocp.args.Composite(
            code=ocp.args.StandardSave({"w": np.zeros(2**23, "f4")}),
            metadata=ocp.args.JsonSave({"generator": "g"}),
        )
        checkpointer.save(tmp_path / "code", args=items)
    with pytest.raises(PieError, match="claims 33554432 bytes"):
        codes.load(tmp_path / "code")


def test_names_of_a_file_do_not_command_the_terminal(tmp_path, capsys):
    """Neither in a pickle, nor in an archive, nor in a header, nor a file's own."""
    evil = "\x1b]0;mine\x07\u202e\x9b31m\npie: done"
    state = {evil: 1, "args": Made(Named("os", evil.replace("\n", " ")), ())}
    path = tmp_path / f"{evil}.pt"
    for content in (pickles.torch_zip(state), b"PK\3\4" + evil.encode()):
        path.write_bytes(content)
        words = ("convert", "vgg_face", path, "--out", tmp_path / "a.safetensors")
        assert builders.pie(*words) == 1
        shown = capsys.readouterr().err
        mutations.check_message(shown)
    np.savez(tmp_path / "a.npz", **{"\x1b[31m": np.ones(3), "\x07": np.ones(2)})
    with pytest.raises(PieError) as caught:
        foreign.read(tmp_path / "a.npz")
    assert r"\x1b[31m [3]" in str(caught.value)


def test_the_small_files_are_small():
    """What is said of them holds for files of at most a megabyte."""
    made = (modules(), calls(), colliding(), great_key(), walking(), recalling())
    for content in (archive(TREE), *made):
        assert len(content) < 2**20
