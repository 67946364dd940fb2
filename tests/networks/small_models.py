"""Encoders as small as timm's test models: a Swin, and a ViT with a patch size of 14.

Importing this module registers them with timm.
"""

from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models.swin_transformer import SwinTransformer
from timm.models.swin_transformer import checkpoint_filter_fn as filter_swin
from timm.models.vision_transformer import VisionTransformer
from timm.models.vision_transformer import checkpoint_filter_fn as filter_vit


def _config(side):
    return {
        "input_size": (3, side, side),
        "fixed_input_size": True,
        "mean": IMAGENET_DEFAULT_MEAN,
        "std": IMAGENET_DEFAULT_STD,
        "first_conv": "patch_embed.proj",
        "classifier": None,
        "num_classes": 0,
    }


default_cfgs = generate_default_cfgs(
    {"small_swin.untrained": _config(64), "small_dinov2.untrained": _config(98)}
)


@register_model
def small_swin(pretrained=False, **options):
    """Create a small Swin (Liu et al., ICCV 2021)."""
    return build_model_with_cfg(
        SwinTransformer,
        "small_swin",
        pretrained,
        pretrained_filter_fn=filter_swin,
        feature_cfg={"flatten_sequential": True, "out_indices": (0, 1, 2, 3)},
        **{"img_size": 64, "num_classes": 0} | options,
        window_size=4,
        embed_dim=24,
        depths=(1, 1, 2, 1),
        num_heads=(1, 2, 4, 8),
    )


@register_model
def small_dinov2(pretrained=False, **options):
    """Create a small DINOv2 vision transformer (Oquab et al., TMLR 2024) with registers."""
    return build_model_with_cfg(
        VisionTransformer,
        "small_dinov2",
        pretrained,
        pretrained_filter_fn=filter_vit,
        feature_cfg={"feature_cls": "getter", "out_indices": 4},
        **{"img_size": 98, "num_classes": 0} | options,
        patch_size=14,
        embed_dim=192,
        depth=5,
        num_heads=3,
        init_values=1e-5,
        reg_tokens=4,
        no_embed_class=True,
    )
