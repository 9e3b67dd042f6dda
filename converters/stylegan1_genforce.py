"""StyleGAN 1 in a PyTorch checkpoint of genforce/genforce.

`stylegan_ffhq1024.pth`: its `generator_smooth`, or that alone.
"""

from pie_jax.converters.stylegan1_layout import Form

FORM = Form(
    title="genforce/genforce's checkpoint",
    dense="mapping.dense{i}.weight",
    dense_bias="mapping.dense{i}.bias",
    w_avg="truncation.w_avg",
    const="synthesis.layer0.const",
    weight="synthesis.layer{n}.weight",
    bias="synthesis.layer{n}.bias",
    noise="synthesis.layer{n}.apply_noise.noise",
    noise_weight="synthesis.layer{n}.apply_noise.weight",
    style="synthesis.layer{n}.style.weight",
    style_bias="synthesis.layer{n}.style.bias",
    rgb="synthesis.output{head}.weight",
    rgb_bias="synthesis.output{head}.bias",
    blur="synthesis.layer{n}.blur.kernel",
    unused="synthesis.output",
    ignored=("synthesis.lod",),
)
