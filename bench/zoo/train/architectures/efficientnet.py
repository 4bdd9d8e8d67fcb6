"""EfficientNet-B0: inverted residuals with squeeze-and-excite, SiLU everywhere."""
from torch import Tensor, nn

from .mobilenetv2 import convolution
from .pixels import Pixels
from .squeeze import SqueezeExcite

STAGES = ((1, 1, 1, 3), (6, 2, 2, 3), (6, 2, 2, 5), (6, 3, 1, 3), (6, 3, 1, 5), (6, 4, 1, 5), (6, 1, 1, 3))
"""Expansion, repeats, first stride, kernel: 16 blocks in seven stages."""

QUARTER = (8, 8, 8, 12, 20, 28, 48, 80, 320)
ORIGINAL = (32, 16, 24, 40, 80, 112, 192, 320, 1280)
"""Channels of the stem, of the seven stages and of the head: about a quarter of the original, and the original."""


class InvertedResidual(nn.Module):
    """Expand (1×1), filter (depthwise), squeeze and excite, project (1×1, linear); sites: the SiLUs."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int, kernel: int):
        super().__init__()
        hidden = inputs * expansion
        self.layers = nn.Sequential(
            *([] if expansion == 1 else [*convolution(inputs, hidden, 1), nn.SiLU()]),
            *convolution(hidden, hidden, kernel, stride, hidden),
            nn.SiLU(),
            SqueezeExcite(hidden, max(4, inputs // 4), nn.SiLU(), nn.Sigmoid()),
            *convolution(hidden, outputs, 1),
        )
        self.has_shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """[batch,inputs,side,side] → [batch,outputs,side/stride,side/stride]."""
        y = self.layers(x)
        return x + y if self.has_shortcut else y


class EfficientNet(nn.Module):
    """The stem and two stages halve the side: three of the original five halvings, as the images are small."""

    def __init__(self, classes: int, channels: tuple[int, ...] = QUARTER):
        super().__init__()
        inputs, *stages, head = channels
        layers = [Pixels(), *convolution(1, inputs, 3, 2), nn.SiLU()]
        for (expansion, repeats, first, kernel), outputs in zip(STAGES, stages):
            for i in range(repeats):
                layers.append(InvertedResidual(inputs, outputs, first if i == 0 else 1, expansion, kernel))
                inputs = outputs
        self.features = nn.Sequential(*layers, *convolution(inputs, head, 1), nn.SiLU())
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(head, classes)
        )

    def forward(self, image: Tensor) -> Tensor:
        """image [batch,1,side,side] → logits [batch,classes]."""
        return self.classifier(self.features(image))
