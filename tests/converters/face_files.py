"""Random face models in every published form, spelt out from their descriptions."""

import functools
import io
import json

import h5py
import numpy as np
from scipy.spatial import KDTree

from tests import builders

toy_head = functools.cache(builders.toy_head)


def landmark_places():
    """`[68, 2]`: about where a head of decimetres has the landmarks, x right and y up."""
    angles = np.linspace(np.pi, 2 * np.pi, 17)
    jaw = np.stack([0.6 * np.cos(angles), 0.1 + 0.95 * np.sin(angles)], axis=1)
    brow = np.stack([np.linspace(0.5, 0.12, 5), [0.38, 0.44, 0.46, 0.44, 0.4]], axis=1)
    bridge = np.stack([np.zeros(4), np.linspace(0.2, -0.15, 4)], axis=1)
    base = np.stack([np.linspace(-0.15, 0.15, 5), np.full(5, -0.22)], axis=1)
    x, y = [0.42, 0.35, 0.27, 0.2, 0.27, 0.35], [0.2, 0.26, 0.26, 0.2, 0.14, 0.14]
    eye, mirrored = np.stack([x, y], axis=1), np.array([-1, 1])
    other_eye = eye[[3, 2, 1, 0, 5, 4]]
    lips = [ellipse(0.26, 0.1, 12), ellipse(0.2, 0.04, 8)]
    brows, eyes = [brow * mirrored, brow[::-1]], [eye * mirrored, other_eye]
    return np.concatenate([jaw, *brows, bridge, base, *eyes, *lips])


def ellipse(width, height, count):
    angles = np.pi - 2 * np.pi * np.arange(count) / count
    points = np.stack([width * np.cos(angles), height * np.sin(angles)], axis=1)
    return points - [0, 0.46]


class Head:
    """What is in all files: a head in decimetres, random components, landmarks.

    Triangles are zero-based, counter-clockwise from outside.
    """

    def __init__(self, subdivisions=3, seed=0):
        self.rng = np.random.default_rng(seed)
        self.mean, self.triangles = toy_head(subdivisions)
        self.mean = self.mean + [0.2, -0.1, 0.3]
        seen = np.flatnonzero(self.mean[:, 2] > 0.3)
        tree = KDTree(self.mean[seen, :2] - [0.2, -0.1])
        self.landmarks = seen[tree.query(landmark_places())[1]]

    def basis(self, count, size):
        """`[3 V, count]`: columns with xyz of each vertex together."""
        return self.rng.normal(0, size, (self.mean.size, count))

    def orthonormal(self, count):
        return np.linalg.qr(self.basis(count, 1))[0]

    def colours(self):
        return self.rng.uniform(0.3, 0.8, self.mean.shape)


def landmarks(arrays):
    """The vertices of a converted model's landmarks, seen from the front."""
    return np.concatenate([arrays["contour"][:, 0], arrays["inner"]])


def face(arrays, identity, expression, reflectance):
    """Vertices and colours that a converted model has for coefficients."""
    shape = arrays["mean"] + np.tensordot(identity[:80], arrays["identity"], 1)
    shape = shape + np.tensordot(expression[:64], arrays["expression"], 1)
    moved = np.tensordot(reflectance[:80], arrays["albedo"], 1)
    return shape, arrays["albedo_mean"] + moved


def assert_close(found, expected):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def bfm_front(head):
    """The variables of `BFM_model_front.mat`."""
    count = len(head.mean)
    return {
        "meanshape": head.mean.reshape(1, -1).astype("f4"),
        "idBase": head.basis(80, 0.01),
        "exBase": head.basis(64, 0.01),
        "meantex": 255 * head.colours().reshape(1, -1),
        "texBase": head.basis(80, 2.0),
        "tri": head.triangles.astype(float) + 1,
        "point_buf": np.ones((count, 8)),
        "keypoints": head.landmarks[None].astype("i4") + 1,
        "frontmask2_idx": np.ones((7, 1)),
        "tri_mask2": head.triangles[:5].astype(float) + 1,
        "skinmask": np.ones((1, count)),
    }


def basel2009(head, components=5):
    """The variables of `01_MorphableModel.mat`; triangles are clockwise."""
    deviations = np.linspace(2e6, 1e5, components)[:, None]
    return {
        "shapeMU": 1e5 * head.mean.reshape(-1, 1),
        "shapePC": head.orthonormal(components),
        "shapeEV": deviations,
        "texMU": 255 * head.colours().reshape(-1, 1),
        "texPC": head.orthonormal(components),
        "texEV": deviations / 1e4,
        "tl": head.triangles[:, ::-1].astype(float) + 1,
        "segbin": np.ones((len(head.mean), 4)),
        "segMM": np.ones((3, 4)),
    }


def statismo(head, components=(7, 4, 6)):
    """The datasets of `model2017-1_bfm_nomouth.h5`, but for the named landmarks."""
    datasets = {"version/majorVersion": np.int32(0)}
    means = {
        "shape": 100 * head.mean,
        "expression": head.rng.normal(0, 2, head.mean.shape),
        "color": head.colours(),
    }
    sizes = {"shape": 400.0, "expression": 100.0, "color": 0.5}
    for (name, mean), count in zip(means.items(), components, strict=True):
        variances = sizes[name] * np.linspace(1, 0.1, count)
        datasets |= {
            f"{name}/model/mean": mean.ravel().astype("f4"),
            f"{name}/model/pcaBasis": head.orthonormal(count).astype("f4"),
            f"{name}/model/pcaVariance": variances.astype("f4"),
            f"{name}/model/noiseVariance": np.zeros(1, "f4"),
            f"{name}/modelinfo/scores": np.zeros((count, count), "f4"),
            f"{name}/representer/points": mean.T.astype("f4"),
            f"{name}/representer/cells": head.triangles.T.astype("i4"),
        }
    return datasets


def named_points(head):
    """Coordinates in millimetres under the names that the Basel models use."""
    places = dict(enumerate(100 * head.mean[head.landmarks]))
    middle = {
        "nose.tip": 30,
        "nose.attachement_to_philtrum": 33,
        "lips.upper.outer": 51,
        "lips.lower.outer": 57,
        "lips.upper.inner": 62,
        "lips.lower.inner": 66,
    }
    sides = {
        "eyebrow.bend.lower": (18, 25),
        "eyebrow.bend.upper": (18, 25),
        "eyebrow.inner_lower": (20, 23),
        "eyebrow.inner_upper": (20, 23),
        "nose.wing.outer": (31, 35),
        "nose.wing.tip": (31, 35),
        "eye.corner_outer": (36, 45),
        "eye.corner_inner": (39, 42),
        "lips.corner": (48, 54),
        "lips.philtrum_ridge": (50, 52),
    }
    points = {f"center.{name}": places[i] for name, i in middle.items()}
    for name, (right, left) in sides.items():
        points |= {f"right.{name}": places[right], f"left.{name}": places[left]}
    for side, first in (("right", 36), ("left", 42)):
        points[f"{side}.eye.top"] = (places[first + 1] + places[first + 2]) / 2
        points[f"{side}.eye.bottom"] = (places[first + 4] + places[first + 5]) / 2
    return points


def landmarks_json(points):
    records = [{"id": k, "coordinates": x.tolist()} for k, x in points.items()]
    return json.dumps(records).encode()


def hdf5(datasets, prefix=""):
    file = io.BytesIO()
    with h5py.File(file, "w") as root:
        for name, value in datasets.items():
            root.create_dataset(prefix + name, data=value)
    return file.getvalue()


def obj(vertices, faces):
    """A mesh as text; faces are zero-based, of three or four corners."""
    lines = [f"v {x:.9f} {y:.9f} {z:.9f}" for x, y, z in vertices]
    lines += ["vt 0.5 0.5", "vn 0 0 1", "g head"]
    lines += ["f " + " ".join(f"{i + 1}/1" for i in face) for face in faces]
    return "\n".join(["# a comment", *lines]).encode()
