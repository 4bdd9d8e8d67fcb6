"""MobileNetV2, narrow: inverted residuals with ReLU6, depthwise convolutions and linear bottlenecks."""
from torch import Tensor, nn

from .pixels import Pixels

STAGES = ((1, 8, 1, 1), (6, 8, 2, 1), (6, 12, 3, 2), (6, 16, 4, 2), (6, 24, 3, 1), (6, 40, 3, 1), (6, 80, 1, 1))
"""Expansion, output channels (about a quarter of the original), repeats, first stride: 17 blocks in seven stages."""

HEAD = 320


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """Convolution and batch norm."""
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]


class InvertedResidual(nn.Module):
    """Expand (1×1, ReLU6), filter (3×3 depthwise, ReLU6), project (1×1, linear); sites: the ReLU6s."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int):
        super().__init__()
        hidden = inputs * expansion
        self.expand = nn.Sequential(*([] if expansion == 1 else [*convolution(inputs, hidden, 1), nn.ReLU6()]))
        self.depthwise = nn.Sequential(*convolution(hidden, hidden, 3, stride, hidden), nn.ReLU6())
        self.project = nn.Sequential(*convolution(hidden, outputs, 1))
        self.has_shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """[batch,inputs,side,side] → [batch,outputs,side/stride,side/stride]."""
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.has_shortcut else y


class MobileNetV2(nn.Module):
    """The stem and two stages halve the side: three of the original five halvings, as the images are small."""

    def __init__(self, classes: int):
        super().__init__()
        self.pixels = Pixels()
        self.stem = nn.Sequential(*convolution(1, 8, 3, 2), nn.ReLU6())
        blocks = []
        inputs = 8
        for expansion, outputs, repeats, first in STAGES:
            for i in range(repeats):
                blocks.append(InvertedResidual(inputs, outputs, first if i == 0 else 1, expansion))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(*convolution(inputs, HEAD, 1), nn.ReLU6())
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(0.3)
        self.classifier = nn.Linear(HEAD, classes)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch,1,side,side] → logits [batch,classes]."""
        x = self.head(self.blocks(self.stem(self.pixels(image))))
        return self.classifier(self.dropout(self.flatten(self.average(x))))
