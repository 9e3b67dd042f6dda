"""Writes MATLAB's files: lists are cells, dictionaries structures."""

import io

import h5py
import numpy as np
import scipy.io


def mat5(variables, compressed=True):
    file = io.BytesIO()
    scipy.io.savemat(file, _for_scipy(variables), do_compression=compressed)
    return file.getvalue()


def _for_scipy(value):
    if isinstance(value, dict):
        return {name: _for_scipy(item) for name, item in value.items()}
    if isinstance(value, list):
        cell = np.empty((1, len(value)), object)
        for i, item in enumerate(value):
            cell[0, i] = _for_scipy(item)
        return cell
    return value


def hdf5(fill):
    """A file of version 7.3, with what `fill` puts into it: HDF5 behind 512 bytes."""
    file = io.BytesIO()
    with h5py.File(file, "w", userblock_size=512) as root:
        fill(root)
    return b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM" + file.getvalue()[128:]


def mat73(variables):
    def fill(root):
        hidden = root.create_group("#refs#")
        for name, value in variables.items():
            write(root, name, value, hidden)

    return hdf5(fill)


def write(group, name, value, hidden):
    """Writes a value; `hidden` is the group for the contents of cells."""
    if isinstance(value, dict):
        kind, made = "struct", group.create_group(name)
        for key, item in value.items():
            write(made, key, item, hidden)
    elif isinstance(value, list) and value:
        kind, references = "cell", [referred(item, hidden) for item in value]
        made = group.create_dataset(name, data=references, dtype=h5py.ref_dtype)
    elif isinstance(value, list):
        kind, made = "cell", group.create_dataset(name, data=np.zeros(2, "u8"))
        made.attrs["MATLAB_empty"] = np.uint8(1)
    elif isinstance(value, str):
        units = np.frombuffer(value.encode("utf-16-le"), "<u2")
        kind, made = "char", group.create_dataset(name, data=units.reshape(-1, 1))
    else:
        kinds = {"f4": "single", "f8": "double", "u1": "uint8", "i4": "int32"}
        kind = kinds[value.dtype.str[1:]]
        made = group.create_dataset(name, data=value.T, compression="gzip")
    made.attrs["MATLAB_class"] = np.bytes_(kind)


def referred(value, hidden):
    """A reference to a value, which is written among the hidden ones."""
    name = str(len(hidden))
    hidden.create_group(f"{name} is taken")
    write(hidden, name, value, hidden)
    return hidden[name].ref
