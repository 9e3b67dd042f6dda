"""StyleGAN 1 in NVIDIA's TensorFlow pickle, `karras2019stylegan-ffhq-1024x1024.pkl`."""

from pie_jax.converters.stylegan1_layout import Form

from pie_jax.converters import stylegan_tf

FORM = Form(
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
