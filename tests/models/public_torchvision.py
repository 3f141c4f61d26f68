"""torchvision's models, small.

Authors
 * The speechbrain_growth authors 2026
"""

from functools import partial

import torch
from growing import HEADS, ONE_MAP, Public
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.efficientnet import EfficientNet, MBConvConfig
from torchvision.models.mobilenetv3 import InvertedResidualConfig, MobileNetV3
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
from torchvision.models.swin_transformer import (
    PatchMergingV2,
    SwinTransformer,
    SwinTransformerBlockV2,
)
from torchvision.models.vision_transformer import VisionTransformer


def images(side):
    """A function that draws images"""

    def draw(generator):
        shape = (4, 3, side, side)
        return (torch.randn(shape, generator=generator),)

    return draw


def convnext(width, last, blocks):
    """Two stages"""
    setting = [CNBlockConfig(width, last, blocks)]
    setting += [CNBlockConfig(last, None, 1)]
    return ConvNeXt(setting, layer_scale=0.5, num_classes=3)


def efficientnet(width, last, expand, head, blocks):
    """Two stages"""
    setting = [
        MBConvConfig(1, 3, 1, width, width, 1),
        MBConvConfig(expand, 3, 2, width, last, blocks),
    ]
    return EfficientNet(setting, 0.0, 0.0, num_classes=3, last_channel=head)


def mobilenet(width, inner, head, blocks):
    """Two stages"""
    row = partial(InvertedResidualConfig, dilation=1, width_mult=1.0)
    setting = [row(width, 3, inner, width, True, "RE", 1)]
    setting += [row(width, 3, inner, width, True, "HS", 1)] * (blocks - 1)
    setting += [row(width, 3, inner, 2 * width, True, "HS", 2)]
    return MobileNetV3(setting, head, num_classes=3, dropout=0.0)


def swin(kind, embed_dim, heads, mlp_ratio, depths):
    """Two stages of windows of four by four"""
    return SwinTransformer(
        [2, 2],
        embed_dim,
        depths,
        heads,
        [2, 2],
        mlp_ratio,
        stochastic_depth_prob=0.0,
        num_classes=3,
        **kind,
    )


def resnet(block, layers, **sizes):
    """Four stages"""
    return ResNet(block, layers, num_classes=3, **sizes)


SWIN = (
    images(16),
    {"embed_dim": 4, "heads": [2, 4], "mlp_ratio": 1.5, "depths": [1, 1]},
    {
        "width": {"embed_dim": 8, "heads": [4, 8]},
        "FFN": {"mlp_ratio": 2.0},
        "heads": {"heads": [4, 8]},
        "head size": {"embed_dim": 8},
        "depth": {"depths": [2, 1]},
    },
    {"heads": HEADS, "head size": f"{ONE_MAP}|normalize works along"},
)
ONE, TWO = [1, 1, 1, 1], [2, 1, 1, 2]

MODELS = {
    "ResNet, basic blocks": Public(
        partial(resnet, BasicBlock),
        images(32),
        {"layers": ONE},
        {"depth": {"layers": TWO}},
    ),
    "ResNet, bottlenecks": Public(
        partial(resnet, Bottleneck),
        images(32),
        {"layers": ONE, "width_per_group": 2},
        {
            "width": {"width_per_group": 3},
            "depth": {"layers": TWO},
        },
    ),
    "ResNeXt": Public(
        partial(resnet, Bottleneck, groups=2),
        images(32),
        {"layers": ONE, "width_per_group": 4},
        {
            "width": {"width_per_group": 6},
            "depth": {"layers": TWO},
        },
    ),
    "ConvNeXt": Public(
        convnext,
        images(16),
        {"width": 4, "last": 6, "blocks": 1},
        {
            "width": {"width": 8, "last": 12},
            "depth": {"blocks": 2},
        },
    ),
    "EfficientNet": Public(
        efficientnet,
        images(16),
        {"width": 8, "last": 8, "expand": 2, "head": 8, "blocks": 1},
        {
            "width": {"width": 16, "last": 16},
            "FFN": {"expand": 4},
            "embedding": {"head": 12},
            "depth": {"blocks": 2},
        },
    ),
    "MobileNetV3": Public(
        mobilenet,
        images(16),
        {"width": 8, "inner": 24, "head": 5, "blocks": 1},
        {
            "width": {"width": 16},
            "FFN": {"inner": 32},
            "embedding": {"head": 7},
            "depth": {"blocks": 2},
        },
    ),
    "Swin": Public(partial(swin, {}), *SWIN),
    "Swin V2": Public(
        partial(
            swin,
            {
                "block": SwinTransformerBlockV2,
                "downsample_layer": PatchMergingV2,
            },
        ),
        *SWIN,
    ),
    "ViT": Public(
        partial(VisionTransformer, 8, 4, num_classes=3),
        images(8),
        {"num_layers": 1, "num_heads": 2, "hidden_dim": 4, "mlp_dim": 6},
        {
            "width": {"hidden_dim": 8, "num_heads": 4},
            "FFN": {"mlp_dim": 9},
            "heads": {"num_heads": 4},
            "head size": {"hidden_dim": 8},
            "depth": {"num_layers": 2},
        },
        {"heads": HEADS},
    ),
}
