"""MobileNetV3-Small: inverted residuals with squeeze-and-excite; ReLU in the first blocks, HardSwish after them."""
from dataclasses import dataclass

from torch import Tensor, nn

from .mobilenetv2 import convolution
from .pixels import Pixels
from .squeeze import SqueezeExcite


@dataclass(frozen=True)
class Block:
    """One row of the architecture's table, at full width."""

    kernel: int
    hidden: int
    outputs: int
    has_squeeze: bool
    activation: type[nn.Module]
    stride: int


BLOCKS = (
    Block(3, 16, 16, True, nn.ReLU, 1),
    Block(3, 72, 24, False, nn.ReLU, 2),
    Block(3, 88, 24, False, nn.ReLU, 1),
    Block(5, 96, 40, True, nn.Hardswish, 1),
    Block(5, 240, 40, True, nn.Hardswish, 1),
    Block(5, 240, 40, True, nn.Hardswish, 1),
    Block(5, 120, 48, True, nn.Hardswish, 1),
    Block(5, 144, 48, True, nn.Hardswish, 1),
    Block(5, 288, 96, True, nn.Hardswish, 2),
    Block(5, 576, 96, True, nn.Hardswish, 1),
    Block(5, 576, 96, True, nn.Hardswish, 1),
)
STEM, HEAD, HIDDEN = 16, 576, 1024
HALF = 0.5


class Residual(nn.Module):
    """Expand (1×1), filter (depthwise), squeeze and excite, project (1×1, linear); sites: the activations."""

    def __init__(self, inputs: int, hidden: int, outputs: int, block: Block):
        super().__init__()
        self.layers = nn.Sequential(
            *convolution(inputs, hidden, 1),
            block.activation(),
            *convolution(hidden, hidden, block.kernel, block.stride, hidden),
            block.activation(),
            *([SqueezeExcite(hidden, max(8, hidden // 4), nn.ReLU(), nn.Hardsigmoid())] if block.has_squeeze else []),
            *convolution(hidden, outputs, 1),
        )
        self.has_shortcut = block.stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """[batch,inputs,side,side] → [batch,outputs,side/stride,side/stride]."""
        y = self.layers(x)
        return x + y if self.has_shortcut else y


class MobileNetV3(nn.Module):
    """The stem and two blocks halve the side: three of the original five halvings, as the images are small."""

    def __init__(self, classes: int, width: float = HALF):
        super().__init__()
        inputs = int(STEM * width)
        layers = [Pixels(), *convolution(1, inputs, 3, 2), nn.Hardswish()]
        for block in BLOCKS:
            hidden, outputs = int(block.hidden * width), int(block.outputs * width)
            layers.append(Residual(inputs, hidden, outputs, block))
            inputs = outputs
        head, hidden = int(HEAD * width), int(HIDDEN * width)
        self.features = nn.Sequential(*layers, *convolution(inputs, head, 1), nn.Hardswish())
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(head, hidden),
            nn.Hardswish(),
            nn.Dropout(0.3),
            nn.Linear(hidden, classes),
        )

    def forward(self, image: Tensor) -> Tensor:
        """image [batch,1,side,side] → logits [batch,classes]."""
        return self.classifier(self.features(image))
