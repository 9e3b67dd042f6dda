"""StyleGAN 2 in the pickle of stylegan2-ada-pytorch, `ffhq.pkl`, its `G_ema`.

Saturation at +-256, which that program adds when it is told to train in half precision,
is left out: the features stay near unit variance.
"""

from pie_jax.converters.stylegan2_layout import BLUR, Form
from pie_jax.converters.stylegan_source import Source
from pie_jax.converters.user_file import UserFile

from pie_jax.converters import persistence_pickle, stylegan_parts, stylegan_source

_FILTERS = {
    "synthesis.b{r}.resample_filter": BLUR,
    "synthesis.b{r}.{layer}.resample_filter": BLUR,
}

FORM = Form(
    title="stylegan2-ada-pytorch's pickle",
    dense="mapping.fc{i}.weight",
    dense_bias="mapping.fc{i}.bias",
    w_avg="mapping.w_avg",
    const="synthesis.b4.const",
    convs=("conv1", "conv0", "conv1"),
    weight="synthesis.b{r}.{layer}.weight",
    bias="synthesis.b{r}.{layer}.bias",
    style="synthesis.b{r}.{layer}.affine.weight",
    style_bias="synthesis.b{r}.{layer}.affine.bias",
    noise="synthesis.b{r}.{layer}.noise_const",
    noise_strength="synthesis.b{r}.{layer}.noise_strength",
    rgbs=("torgb", "torgb"),
    const_axes=(),
    filters=(_FILTERS, _FILTERS, _FILTERS),
    options={
        "z_dim": stylegan_parts.W_DIM,
        "w_dim": stylegan_parts.W_DIM,
        "img_channels": 3,
    },
    dense_options={
        "mapping.fc{i}.activation": "lrelu",
        "mapping.fc{i}.bias_gain": stylegan_parts.MAPPING_RATE,
    },
    conv_options={
        "synthesis.b{r}.{layer}.activation": "lrelu",
        "synthesis.b{r}.{layer}.use_noise": True,
        "synthesis.b{r}.architecture": "skip",
    },
)


def read(content: dict, file: UserFile) -> Source[Form]:
    """Makes the tensors of G_ema; `content` is that of a persistence pickle.

    Raises:
        PieError: it needs class labels, or is no such module.
    """
    tensors, attributes = persistence_pickle.generator(content, file)
    if attributes[""].get("c_dim") or "mapping.embed.weight" in tensors:
        raise stylegan_source.conditional(file.name, "StyleGAN 2")
    options = {
        f"{module}.{name}" if module else name: value
        for module, values in attributes.items()
        for name, value in values.items()
    }
    return Source(FORM, tensors, options)
