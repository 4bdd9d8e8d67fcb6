"""ResNet-18: 3×3 stem, four stages of two basic blocks, global average pooling."""
from torch import Tensor, nn

from .pixels import Pixels


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut; sites: both ReLUs."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.relu2 = nn.ReLU()
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """[batch,inputs,side,side] → [batch,outputs,side/stride,side/stride]."""
        y = self.norm2(self.conv2(self.relu1(self.norm1(self.conv1(x)))))
        return self.relu2(y + self.shortcut(x))


class ResNet18(nn.Module):
    """One width per stage; the stem keeps the side and pools once, as the images are small."""

    def __init__(self, classes: int, widths: tuple[int, int, int, int] = (12, 24, 48, 96)):
        super().__init__()
        width = widths[0]
        self.pixels = Pixels()
        self.conv = nn.Conv2d(1, width, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        blocks = []
        inputs = width
        for stage, outputs in enumerate(widths):
            blocks += [BasicBlock(inputs, outputs, 1 if stage == 0 else 2), BasicBlock(outputs, outputs, 1)]
            inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(inputs, classes)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch,1,side,side] → logits [batch,classes]."""
        x = self.pool(self.relu(self.norm(self.conv(self.pixels(image)))))
        return self.classifier(self.flatten(self.average(self.blocks(x))))
