"""The kinds of foreign files that can be converted, by the name a user gives."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pie_jax.converters import (
    basel2009,
    basel2017,
    bfm_front,
    deep3d,
    ict_facekit,
    stylegan1,
    stylegan2,
    vgg16,
    vgg_face,
)


class Kind(NamedTuple):
    """One kind of file.

    Attributes:
        convert: `path -> (params, info)`: arrays by `/`-joined name, and text to keep
            beside them; raises `PieError` where the file is not of this kind.
        description: which files, for the user.
        licence: what binds who uses such files, kept beside the arrays; empty where it
            is not known.
    """

    convert: Callable[[str | Path], tuple[dict[str, np.ndarray], dict[str, str]]]
    description: str
    licence: str = ""


KINDS = {
    "stylegan1": Kind(
        stylegan1.convert,
        "StyleGAN 1: NVIDIA's TensorFlow .pkl, or the PyTorch checkpoints of "
        "genforce/interfacegan, genforce/genforce and lernapparat",
        licence="NVIDIA's weights, in every form: CC BY-NC 4.0, no commercial use",
    ),
    "stylegan2": Kind(
        stylegan2.convert,
        "StyleGAN 2: NVIDIA's TensorFlow .pkl, stylegan2-ada-pytorch's .pkl, or the "
        "checkpoint of rosinality/stylegan2-pytorch",
        licence="NVIDIA's weights, in every form: NVIDIA Source Code License, no "
        "commercial use",
    ),
    "vgg16": Kind(
        vgg16.convert,
        "VGG-16 trained on ImageNet: torchvision's .pth, or Keras's .h5 with or "
        "without its classifier",
        licence="torchvision's own weights: BSD 3-Clause; Keras's: CC BY 4.0 (Visual "
        "Geometry Group, University of Oxford)",
    ),
    "vgg_face": Kind(
        vgg_face.convert,
        "VGG-Face (Parkhi et al. 2015): MatConvNet's .mat, the .pth of pytorch-mcn, or "
        "Keras's .h5 of deepface_models",
        licence="Visual Geometry Group, University of Oxford: no commercial use",
    ),
    "deep3d": Kind(
        deep3d.convert,
        "Deep3DFaceRecon's network: the checkpoint of its PyTorch version, epoch_20.pth",
        licence="MIT as its authors state; trained with the Basel Face Model, whose "
        "terms allow no commercial use",
    ),
    "bfm_front": Kind(
        bfm_front.convert,
        "Deep3DFaceRecon's face model, BFM_model_front.mat",
        licence="University of Basel, and FaceWarehouse: by registration, no commercial "
        "use",
    ),
    "basel2009": Kind(
        basel2009.convert,
        "Basel Face Model 2009: 01_MorphableModel.mat, beside it BFM_exp_idx.mat, "
        "BFM_front_idx.mat and, for expressions, Exp_Pca.bin and std_exp.txt",
        licence="University of Basel: by registration, no commercial use; its "
        "expressions likewise (FaceWarehouse)",
    ),
    "basel2017": Kind(
        basel2017.convert,
        "Basel Face Model 2017 or 2019: the .h5 files",
        licence="University of Basel: by registration, no commercial use",
    ),
    "ict_facekit": Kind(
        ict_facekit.convert,
        "ICT-FaceKit's light face model: its folder FaceXModel",
        licence="MIT, USC Institute for Creative Technologies",
    ),
}
