"""StyleGAN 1 in a PyTorch checkpoint of lernapparat.

`karras2019stylegan-ffhq-1024x1024.for_g_all.pt`. It holds neither the mean w nor noise
maps, and only the RGB head of the full resolution.
"""

from pie_jax.converters.stylegan1_layout import Form

FORM = Form(
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
