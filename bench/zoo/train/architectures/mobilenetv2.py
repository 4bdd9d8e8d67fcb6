"""MobileNetV2: inverted residuals with ReLU6, depthwise convolutions and linear bottlenecks."""
from torch import Tensor, nn

from .pixels import Pixels

STAGES = ((1, 1, 1), (6, 2, 1), (6, 3, 2), (6, 4, 2), (6, 3, 1), (6, 3, 1), (6, 1, 1))
"""Expansion, repeats, first stride: 17 blocks in seven stages."""

QUARTER = (8, 8, 8, 12, 16, 24, 40, 80, 320)
ORIGINAL = (32, 16, 24, 32, 64, 96, 160, 320, 1280)
"""Channels of the stem, of the seven stages and of the head: about a quarter of the original, and the original."""


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

    def __init__(self, classes: int, channels: tuple[int, ...] = QUARTER):
        super().__init__()
        inputs, *stages, head = channels
        self.pixels = Pixels()
        self.stem = nn.Sequential(*convolution(1, inputs, 3, 2), nn.ReLU6())
        blocks = []
        for (expansion, repeats, first), outputs in zip(STAGES, stages):
            for i in range(repeats):
                blocks.append(InvertedResidual(inputs, outputs, first if i == 0 else 1, expansion))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(*convolution(inputs, head, 1), nn.ReLU6())
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(0.3)
        self.classifier = nn.Linear(head, classes)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch,1,side,side] → logits [batch,classes]."""
        x = self.head(self.blocks(self.stem(self.pixels(image))))
        return self.classifier(self.dropout(self.flatten(self.average(x))))
