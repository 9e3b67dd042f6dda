"""How the files in which StyleGAN 1 is published spell it."""

from pie_jax.converters.stylegan1_layout import Form

from pie_jax.converters import stylegan_tf

TENSORFLOW = Form(
    title="NVIDIA's TensorFlow pickle",
    dense="mapping/Dense{i}/weight",
    dense_bias="mapping/Dense{i}/bias",
    w_avg="dlatent_avg",
    const="synthesis/4x4/Const/const",
    weight="synthesis/{r}x{r}/{conv}/weight",
    bias="synthesis/{r}x{r}/{conv}/bias",
    noise="synthesis/noise{n}",
    noise_weight="synthesis/{r}x{r}/{conv}/Noise/weight",
    style="synthesis/{r}x{r}/{conv}/StyleMod/weight",
    style_bias="synthesis/{r}x{r}/{conv}/StyleMod/bias",
    rgb="synthesis/ToRGB_lod0/weight",
    rgb_bias="synthesis/ToRGB_lod0/bias",
    unused="synthesis/ToRGB_lod",
    ignored=stylegan_tf.IGNORED,
    torch=False,
    options={
        **stylegan_tf.OPTIONS,
        "use_wscale": True,
        "use_styles": True,
        "use_noise": True,
        "use_pixel_norm": False,
        "use_instance_norm": True,
        "const_input_layer": True,
        "fused_scale": "auto",
        "blur_filter": [1, 2, 1],
    },
)
"""`karras2019stylegan-ffhq-1024x1024.pkl`."""

INTERFACEGAN = Form(
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
"""`stylegan_ffhq.pth`. The kernels of its transposed convolutions kept TensorFlow's
axes."""

GENFORCE = Form(
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
"""`stylegan_ffhq1024.pth`: its `generator_smooth`, or that alone."""

LERNAPPARAT = Form(
    title="lernapparat's checkpoint",
    dense="g_mapping.dense{i}.weight",
    dense_bias="g_mapping.dense{i}.bias",
    const="g_synthesis.blocks.4x4.const",
    weight="g_synthesis.blocks.{r}x{r}.{port}weight",
    bias="g_synthesis.blocks.{r}x{r}.{port}bias",
    noise_weight="g_synthesis.blocks.{r}x{r}.epi{epi}.top_epi.noise.weight",
    style="g_synthesis.blocks.{r}x{r}.epi{epi}.style_mod.lin.weight",
    style_bias="g_synthesis.blocks.{r}x{r}.epi{epi}.style_mod.lin.bias",
    rgb="g_synthesis.torgb.weight",
    rgb_bias="g_synthesis.torgb.bias",
    blur="g_synthesis.blocks.{r}x{r}.conv0_up.intermediate.kernel",
    blur_channels=False,
)
"""`karras2019stylegan-ffhq-1024x1024.for_g_all.pt`. It holds neither the mean w nor
noise maps, and only the RGB head of the full resolution."""
