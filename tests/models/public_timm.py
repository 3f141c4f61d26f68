"""timm's models, small.

Authors
 * The speechbrain_growth authors 2026
"""

from functools import partial

from growing import HEADS, ONE_MAP, Public
from public_torchvision import images
from timm.models.convmixer import ConvMixer
from timm.models.mlp_mixer import MlpMixer
from timm.models.resnet import BasicBlock, Bottleneck, ResNet
from timm.models.vision_transformer import VisionTransformer

CHANNELS = (4, 4, 6, 6)
RESNET = {
    "channels": CHANNELS,
    "layers": (1, 1, 1, 1),
    "stem_width": 4,
}


def resnet(block, **sizes):
    """Four stages with squeeze and excitation"""
    return ResNet(
        block,
        num_classes=3,
        block_args={"attn_layer": "se"},
        zero_init_last=False,
        **sizes,
    )


def mixer(embed_dim, tokens, channels, num_blocks):
    """Images of four patches"""
    return MlpMixer(3, 8, 3, 4, num_blocks, embed_dim, (tokens, channels))


MODELS = {
    "MLP-Mixer": Public(
        mixer,
        images(8),
        {"embed_dim": 4, "tokens": 1.0, "channels": 1.5, "num_blocks": 1},
        {
            "width": {"embed_dim": 8, "tokens": 0.5, "channels": 0.75},
            "FFN": {"tokens": 1.5, "channels": 2.0},
            "depth": {"num_blocks": 2},
        },
    ),
    "ConvMixer": Public(
        partial(ConvMixer, kernel_size=3, patch_size=2, num_classes=3),
        images(8),
        {"dim": 4, "depth": 1},
        {"width": {"dim": 6}, "depth": {"depth": 2}},
        {"depth": "Sequential does not return its input"},
    ),
    "SE-ResNet, basic blocks": Public(
        partial(resnet, BasicBlock),
        images(32),
        RESNET,
        {
            "width": {"channels": (8, 8, 12, 12), "stem_width": 8},
            "depth": {"layers": (2, 1, 1, 2)},
        },
    ),
    "SE-ResNet, bottlenecks": Public(
        partial(resnet, Bottleneck),
        images(32),
        RESNET,
        {
            "width": {"channels": (8, 8, 12, 12), "stem_width": 8},
            "FFN": {"base_width": 96},
            "depth": {"layers": (2, 1, 1, 2)},
        },
    ),
    "ViT": Public(
        partial(VisionTransformer, 8, 4, num_classes=3),
        images(8),
        {"embed_dim": 4, "depth": 1, "num_heads": 2, "mlp_ratio": 1.5},
        {
            "width": {"embed_dim": 8, "num_heads": 4, "mlp_ratio": 0.75},
            "FFN": {"mlp_ratio": 2.0},
            "heads": {"num_heads": 4},
            "head size": {"embed_dim": 8, "mlp_ratio": 0.75},
            "depth": {"depth": 2},
        },
        {"heads": HEADS, "head size": ONE_MAP},
    ),
}
