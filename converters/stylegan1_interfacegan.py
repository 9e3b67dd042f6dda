"""StyleGAN 1 in a PyTorch checkpoint of genforce/interfacegan, `stylegan_ffhq.pth`.

The kernels of its transposed convolutions kept TensorFlow's axes.
"""

from pie_jax.converters.stylegan1_layout import Form

FORM = Form(
    title="genforce/interfacegan's checkpoint",
    dense="mapping.dense{i}.linear.weight",
    dense_bias="mapping.dense{i}.wscale.bias",
    w_avg="truncation.w_avg",
    const="synthesis.layer0.first_layer",
    weight="synthesis.layer{n}.conv.weight",
    fused_weight="synthesis.layer{n}.weight",
    bias="synthesis.layer{n}.epilogue.bias",
    noise="synthesis.layer{n}.epilogue.apply_noise.noise",
    noise_weight="synthesis.layer{n}.epilogue.apply_noise.weight",
    style="synthesis.layer{n}.epilogue.style_mod.dense.linear.weight",
    style_bias="synthesis.layer{n}.epilogue.style_mod.dense.wscale.bias",
    rgb="synthesis.output{head}.conv.weight",
    rgb_bias="synthesis.output{head}.bias",
    blur="synthesis.layer{n}.blur.kernel",
    unused="synthesis.output",
    ignored=("synthesis.lod", "truncation.truncation"),
)
