"""What NVIDIA's TensorFlow pickles of StyleGAN 1 and 2 have in common."""

from pie_jax.converters.stylegan_source import Form, Source
from pie_jax.converters.user_file import UserFile

from pie_jax.converters import stylegan_parts, stylegan_source, tf_pickle
from pie_jax.core.errors import PieError

OPTIONS = {
    "num_channels": 3,
    "latent_size": stylegan_parts.W_DIM,
    "dlatent_size": stylegan_parts.W_DIM,
    "mapping_fmaps": stylegan_parts.W_DIM,
    "mapping_lrmul": stylegan_parts.MAPPING_RATE,
    "mapping_nonlinearity": "lrelu",
    "normalize_latents": True,
    "nonlinearity": "lrelu",
}
"""What the network of either may say of itself."""

IGNORED = ("lod", "synthesis/lod")
"""Variables that only training uses."""

_OWN_VARIABLE = {
    1: "synthesis/4x4/Const/StyleMod/weight",
    2: "synthesis/4x4/Conv/mod_weight",
}
"""By version, what the other has not."""


def read(content: tuple, file: UserFile, version: int, form: Form) -> Source[Form]:
    """Makes the variables of Gs, of content for which `tf_pickle.is_tf_pickle` holds.

    Args:
        version: which StyleGAN it should be, 1 or 2.
        form: how that spells the network.

    Raises:
        PieError: it is the other one, or needs class labels, or is not built as
            expected.
    """
    arrays, options = tf_pickle.generator(content, file)
    other = 3 - version
    if _OWN_VARIABLE[other] in arrays:
        raise PieError(
            f"{file.name} holds StyleGAN {other}: convert it as stylegan{other}."
        )
    if options.get("label_size") or "mapping/LabelConcat/weight" in arrays:
        raise stylegan_source.conditional(file.name, f"StyleGAN {version}")
    return Source(form, arrays, options)
