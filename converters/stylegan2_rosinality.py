"""StyleGAN 2 in a checkpoint of rosinality/stylegan2-pytorch.

`stylegan2-ffhq-config-f.pt`: its `g_ema`, and `latent_avg` where it is there.
"""

from pie_jax.converters.stylegan2_layout import UPSAMPLING, Form
from pie_jax.converters.stylegan_source import Source
from pie_jax.converters.user_file import UserFile

from pie_jax.converters import torch_checkpoint

_MEAN = "latent_avg"
_TRAINING_ONLY = {"g", "d", "g_optim", "d_optim"}

FORM = Form(
    title="rosinality/stylegan2-pytorch's checkpoint",
    dense="style.{next}.weight",
    dense_bias="style.{next}.bias",
    w_avg=_MEAN,
    const="input.input",
    convs=("conv1", "convs.{k}", "convs.{k}"),
    weight="{layer}.conv.weight",
    bias="{layer}.activate.bias",
    style="{layer}.conv.modulation.weight",
    style_bias="{layer}.conv.modulation.bias",
    noise="noises.noise_{n}",
    noise_strength="{layer}.noise.weight",
    rgbs=("to_rgb1", "to_rgbs.{j}"),
    rgb_bias="{rgb}.bias",
    axes=(1,),
    map_axes=(1, 1),
    strength_shape=(1,),
    rgb_bias_shape=(1, 3, 1, 1),
    filters=(
        {},
        {"{layer}.conv.blur.kernel": UPSAMPLING},
        {"{rgb}.upsample.kernel": UPSAMPLING},
    ),
)


def read(file: UserFile) -> Source[Form] | None:
    """Reads a PyTorch checkpoint; None if it is not of this program.

    Where the mean w is missing, the form says so.

    Raises:
        PieError: the file is damaged, or asks for more than arrays.
    """
    content = torch_checkpoint.read(file.data, file.name, skip=_TRAINING_ONLY)
    if not isinstance(content, dict) or not isinstance(content.get("g_ema"), dict):
        return None
    arrays = dict(content["g_ema"])
    if _MEAN in content:
        arrays[_MEAN] = content[_MEAN]
    form = FORM if _MEAN in arrays else FORM._replace(w_avg=None)
    return Source(form, arrays, {})
