"""Writes pickles of classes that are not installed, as other programs do."""

import io
import pickle
import zipfile
from collections import OrderedDict

import numpy as np

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
STORAGES = {"<f4": "FloatStorage", "<f2": "HalfStorage", "<i8": "LongStorage"}


class Function:
    """What the pickler takes for a function."""

    def __call__(self):
        # The pickler asks only whether it could be called.
        raise AssertionError("a function of a pickle was called")


class Named(Function):
    """A function or class by module and name, installed or not."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Made(Function):
    """What calling something gives: written as that call."""

    def __init__(self, function, args=(), *, state=None, items=None):
        self.function, self.args = function, args
        self.state, self.items = state, items or {}


class Tensor:
    """An array that is written as a PyTorch tensor."""

    def __init__(self, array, parameter=False):
        self.array, self.parameter = np.asarray(array), parameter


class Storage:
    """The memory of tensors."""

    def __init__(self, array):
        self.array = np.ascontiguousarray(array).reshape(-1)

    def identifier(self, key, *view):
        name = STORAGES[self.array.dtype.str]
        return ("storage", Named("torch", name), key, "cuda:2", self.array.size, *view)


class Writer(pickle._Pickler):
    """A pickler that writes the classes above; and arrays as NumPy 1 wrote them."""

    def __init__(self, file, protocol=4):
        super().__init__(file, protocol)
        self.storages = []
        self.view = ()

    def persistent_id(self, obj):
        if not isinstance(obj, Storage):
            return None
        self.storages.append(obj)
        return obj.identifier(str(len(self.storages) - 1), *self.view)

    def save(self, obj, save_persistent_id=True):
        if not isinstance(obj, Named):
            super().save(obj, save_persistent_id)
        elif self.proto >= 4:
            super().save(obj.module)
            super().save(obj.name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(f"c{obj.module}\n{obj.name}\n".encode())

    def reducer_override(self, obj):
        if isinstance(obj, Made):
            items = iter(obj.items.items()) if obj.items else None
            return obj.function, obj.args, obj.state, None, items
        if isinstance(obj, Tensor):
            return self.reducer_override(self.tensor(obj))
        if isinstance(obj, np.ndarray | np.generic):
            return self.reducer_override(numpy_record(obj))
        return NotImplemented

    def tensor(self, obj):
        return tensor_record(obj, Storage(obj.array))


class BlobWriter(Writer):
    """Writes tensors as the plain pickler does: each storage a file of its own."""

    def tensor(self, obj):
        blob = torch_legacy(Storage(obj.array))
        load = Named("torch.storage", "_load_from_bytes")
        return tensor_record(obj, Made(load, (blob,)))


def tensor_record(tensor, storage):
    shape = tensor.array.shape
    strides = tuple(int(np.prod(shape[i + 1 :])) for i in range(len(shape)))
    args = (storage, 0, shape, strides, False, OrderedDict())
    record = Made(Named("torch._utils", "_rebuild_tensor_v2"), args)
    if not tensor.parameter:
        return record
    rebuild = Named("torch._utils", "_rebuild_parameter")
    return Made(rebuild, (record, True, OrderedDict()))


def numpy_record(array):
    core, dtype = "numpy.core.multiarray", dtype_record(array.dtype)
    if isinstance(array, np.generic):
        return Made(Named(core, "scalar"), (dtype, array.tobytes()))
    return Made(
        Named(core, "_reconstruct"),
        (Named("numpy", "ndarray"), (0,), b"b"),
        state=(1, array.shape, dtype, False, array.tobytes()),
    )


def dtype_record(dtype):
    state = (3, dtype.str[0], None, None, None, -1, -1, 0)
    return Made(Named("numpy", "dtype"), (dtype.str[1:], False, True), state=state)


def dumps(obj, protocol=4, writer=Writer):
    file = io.BytesIO()
    writer(file, protocol).dump(obj)
    return file.getvalue()


def torch_zip(obj, compression=zipfile.ZIP_STORED):
    """A file as `torch.save` writes it since version 1.6."""
    pickled = io.BytesIO()
    writer = Writer(pickled, 2)
    writer.dump(obj)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled.getvalue())
        archive.writestr("archive/byteorder", "little")
        for i, storage in enumerate(writer.storages):
            archive.writestr(f"archive/data/{i}", storage.array.tobytes())
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


def torch_legacy(obj):
    """A file as `torch.save` wrote it before."""
    system = {
        "protocol_version": 1001,
        "little_endian": True,
        "type_sizes": {"short": 2, "int": 4, "long": 4},
    }
    file = io.BytesIO()
    for value in (LEGACY_MAGIC, 1001, system):
        pickle.dump(value, file, protocol=2)
    writer = Writer(file, 2)
    writer.view = (None,)
    writer.dump(obj)
    pickle.dump([str(i) for i in range(len(writer.storages))], file, protocol=2)
    for storage in writer.storages:
        file.write(storage.array.size.to_bytes(8, "little"))
        file.write(storage.array.tobytes())
    return file.getvalue()


def easy_dict(**items):
    return Made(Named("dnnlib.util", "EasyDict"), items=items)


def tf_network(name, function, variables, options, components=None):
    """A network of NVIDIA's TensorFlow programs."""
    state = {
        "version": 4,
        "name": name,
        "static_kwargs": options,
        "components": components or {},
        "build_module_src": "raise SystemExit('source code was run')",
        "build_func_name": function,
        "variables": list(variables.items()),
    }
    network = Named("dnnlib.tflib.network", "Network")
    return Made(network, state=state)


def tf_pickle(variables, options, protocol=4):
    """NVIDIA's TensorFlow pickle of (G, D, Gs) with the variables of Gs by full name."""

    def component(prefix):
        own = {k.removeprefix(prefix): v for k, v in variables.items() if prefix in k}
        name = f"G_{prefix[:-1]}"
        return tf_network(name, name, own, options)

    own = {k: v for k, v in variables.items() if "/" not in k}
    parts = {"mapping": component("mapping/"), "synthesis": component("synthesis/")}
    empty = tf_network("D", "D_stylegan2", {}, {})
    network = tf_network("Gs", "G_main", own, options, parts)
    return dumps((empty, empty, network), protocol)


def module(class_name, tensors, modules=None, **attributes):
    """A module of stylegan2-ada-pytorch; tensors whose name has `buffer:` are buffers."""
    kept = {"_parameters": OrderedDict(), "_buffers": OrderedDict()}
    for name, value in tensors.items():
        buffer = name.startswith("buffer:")
        kind = kept["_buffers" if buffer else "_parameters"]
        kind[name.removeprefix("buffer:")] = Tensor(value, parameter=not buffer)
    state = {
        "training": False,
        **kept,
        "_non_persistent_buffers_set": set(),
        "_backward_hooks": OrderedDict(),
        "_modules": OrderedDict(modules or {}),
        "act_gain": np.sqrt(np.float64(2)),
        "_init_kwargs": easy_dict(),
        **attributes,
    }
    meta = {
        "type": "class",
        "version": 6,
        "module_src": "raise SystemExit('source code was run')",
        "class_name": class_name,
        "state": state,
    }
    rebuild = Named("torch_utils.persistence", "_reconstruct_persistent_obj")
    return Made(rebuild, (meta,))
