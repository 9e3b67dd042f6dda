"""StyleGAN 2 in NVIDIA's TensorFlow pickle, `stylegan2-ffhq-config-f.pkl`."""

from pie_jax.converters.stylegan2_layout import Form

from pie_jax.converters import stylegan_tf

FORM = Form(
    title="NVIDIA's TensorFlow pickle",
    dense="mapping/Dense{i}/weight",
    dense_bias="mapping/Dense{i}/bias",
    w_avg="dlatent_avg",
    const="synthesis/4x4/Const/const",
    convs=("Conv", "Conv0_up", "Conv1"),
    weight="synthesis/{r}x{r}/{layer}/weight",
    bias="synthesis/{r}x{r}/{layer}/bias",
    style="synthesis/{r}x{r}/{layer}/mod_weight",
    style_bias="synthesis/{r}x{r}/{layer}/mod_bias",
    noise="synthesis/noise{n}",
    noise_strength="synthesis/{r}x{r}/{layer}/noise_strength",
    rgbs=("ToRGB", "ToRGB"),
    torch=False,
    map_axes=(1, 1),
    ignored=stylegan_tf.IGNORED,
    options={
        **stylegan_tf.OPTIONS,
        "architecture": "skip",
        "resample_kernel": [1, 3, 3, 1],
    },
)
