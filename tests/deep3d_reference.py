"""Deep3DFaceRecon in slow NumPy, in its own conventions, from their description.

Pictures are (channels, rows, columns), RGB in [0, 1]; names are the checkpoint's.
"""

import numpy as np

FOCAL, CENTRE, SIZE, CAMERA = 1015.0, 112.0, 224, 10.0
HEADS = (80, 64, 80, 3, 27, 2, 1)
BLOCKS, INNER = (3, 4, 6, 3), (64, 128, 256, 512)


def state(width, seed=0):
    """Random arrays under all names of the published state dictionary."""
    rng = np.random.default_rng(seed)
    arrays = {}

    def conv(name, norm, outputs, inputs, size):
        spread = np.sqrt(2 / (inputs * size * size))
        kernel = rng.normal(0, spread, (outputs, inputs, size, size))
        arrays[f"{name}.weight"] = kernel.astype("f4")
        for leaf, draw, low, high in (
            ("weight", rng.uniform, 0.4, 1.0),
            ("bias", rng.normal, 0, 0.2),
            ("running_mean", rng.normal, 0, 0.3),
            ("running_var", rng.uniform, 0.5, 2),
        ):
            arrays[f"{norm}.{leaf}"] = draw(low, high, outputs).astype("f4")
        arrays[f"{norm}.num_batches_tracked"] = np.int64(7)

    stem = round(64 * width)
    conv("backbone.conv1", "backbone.bn1", stem, 3, 7)
    inputs = stem
    for layer, (inner, count) in enumerate(zip(INNER, BLOCKS, strict=True), 1):
        inner = round(inner * width)
        for b in range(count):
            name = f"backbone.layer{layer}.{b}"
            conv(f"{name}.conv1", f"{name}.bn1", inner, inputs, 1)
            conv(f"{name}.conv2", f"{name}.bn2", inner, inner, 3)
            conv(f"{name}.conv3", f"{name}.bn3", 4 * inner, inner, 1)
            if b == 0:
                shortcut = f"{name}.downsample"
                conv(f"{shortcut}.0", f"{shortcut}.1", 4 * inner, inputs, 1)
            inputs = 4 * inner
    for i, size in enumerate(HEADS):
        kernel = rng.normal(0, 0.1, (size, inputs, 1, 1))
        arrays[f"final_layers.{i}.weight"] = kernel.astype("f4")
        arrays[f"final_layers.{i}.bias"] = rng.normal(0, 0.1, size).astype("f4")
    return arrays


def windows(x, size, stride=1):
    """The squares of a map `[C, H, W]` that a kernel sees: `[C, H', W', size, size]`."""
    found = np.lib.stride_tricks.sliding_window_view(x, (size, size), (1, 2))
    return found[:, ::stride, ::stride]


def convolve(x, kernel, stride=1, padding=None):
    """`kernel` is (out, in, rows, columns); zeros keep the size if not said otherwise."""
    size = kernel.shape[2]
    padding = size // 2 if padding is None else padding
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    seen = windows(x, size, stride)
    return np.einsum("ocij,crsij->ors", kernel, seen, optimize=True)


def normalise(x, arrays, name):
    gamma, beta, mean, variance = (
        arrays[f"{name}.{part}"].astype(float)[:, None, None]
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    return gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta


def pool(x):
    x = np.pad(x, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    return windows(x, 3, 2).max(axis=(3, 4))


def network(arrays, image):
    """All 257 outputs for a crop `[3, 224, 224]`."""

    def step(x, conv, norm, stride=1):
        kernel = arrays[f"{conv}.weight"].astype(float)
        return normalise(convolve(x, kernel, stride), arrays, norm)

    x = pool(np.maximum(step(image, "backbone.conv1", "backbone.bn1", 2), 0))
    for layer, count in enumerate(BLOCKS, 1):
        for b in range(count):
            name = f"backbone.layer{layer}.{b}"
            stride = 2 if layer > 1 and b == 0 else 1
            y = np.maximum(step(x, f"{name}.conv1", f"{name}.bn1"), 0)
            y = np.maximum(step(y, f"{name}.conv2", f"{name}.bn2", stride), 0)
            y = step(y, f"{name}.conv3", f"{name}.bn3")
            if b == 0:
                shortcut = f"{name}.downsample"
                x = step(x, f"{shortcut}.0", f"{shortcut}.1", stride)
            x = np.maximum(x + y, 0)
    mean = x.mean(axis=(1, 2))
    heads = (
        arrays[f"final_layers.{i}.weight"][:, :, 0, 0].astype(float) @ mean
        + arrays[f"final_layers.{i}.bias"]
        for i in range(len(HEADS))
    )
    return np.concatenate(list(heads))


def rotation(angles):
    """For row vectors: points @ rotation."""
    x, y, z = angles
    about_x = [[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]]
    about_y = [[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]]
    about_z = [[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]]
    return (np.array(about_z) @ np.array(about_y) @ np.array(about_x)).T


def shape(model, vector):
    """Vertices `[N, 3]` of the file `BFM_model_front.mat` for 257 coefficients."""
    moved = model["idBase"] @ vector[:80] + model["exBase"] @ vector[80:144]
    vertices = (model["meanshape"][0] + moved).reshape(-1, 3)
    return vertices - model["meanshape"].reshape(-1, 3).mean(0)


def texture(model, vector):
    """Colours `[N, 3]`, 0 to 255."""
    return (model["meantex"][0] + model["texBase"] @ vector[144:224]).reshape(-1, 3)


def project(vertices, vector):
    """`[N, 2]`: pixels counted from the crop's lower left corner to the right and up."""
    moved = vertices @ rotation(vector[224:227]) + vector[254:257]
    depth = CAMERA - moved[:, 2:]
    return FOCAL * moved[:, :2] / depth + CENTRE


def normals(vertices, triangles, vector):
    """Of the turned face: means of unit normals of the triangles around each vertex."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    across = np.cross(a - b, b - c)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    sums = np.zeros_like(vertices)
    for triangle, normal in zip(triangles, across, strict=True):
        sums[triangle] += normal
    return (
        sums / np.linalg.norm(sums, axis=1, keepdims=True) @ rotation(vector[224:227])
    )


def shade(normals, vector):
    """`[N, 3]`: what colours are multiplied by."""
    light = vector[227:254].reshape(3, 9) + np.array([0.8] + 8 * [0])
    a = np.pi * np.array([1, 2 / np.sqrt(3), 2 / np.sqrt(8)])
    c0, c1, c2 = np.array([1, np.sqrt(3), 3 * np.sqrt(5)]) / np.sqrt(
        np.pi * np.array([4, 4, 12])
    )
    x, y, z = normals.T
    basis = [
        a[0] * c0 + 0 * x,
        -a[1] * c1 * y,
        a[1] * c1 * z,
        -a[1] * c1 * x,
        a[2] * c2 * x * y,
        -a[2] * c2 * y * z,
        0.5 * a[2] * c2 / np.sqrt(3) * (3 * z**2 - 1),
        -a[2] * c2 * x * z,
        0.5 * a[2] * c2 * (x**2 - y**2),
    ]
    return np.stack(basis, axis=1) @ light.T
