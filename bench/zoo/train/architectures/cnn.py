"""Convolutional network: three blocks conv → batch norm → ReLU → max pool, then two hidden dense layers."""
from torch import Tensor, nn

from .pixels import Pixels


class ConvBlock(nn.Module):
    """3×3 convolution at full resolution, then half the side; site: the ReLU."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        """[batch,inputs,side,side] → [batch,outputs,side/2,side/2]."""
        return self.pool(self.relu(self.norm(self.conv(x))))


class Cnn(nn.Module):
    """Sites: the ReLU of each of the three blocks and of the two hidden dense layers."""

    def __init__(self, side: int, classes: int, channels: tuple[int, int, int] = (16, 32, 64)):
        super().__init__()
        first, second, third = channels
        self.pixels = Pixels()
        self.block1 = ConvBlock(1, first)
        self.block2 = ConvBlock(first, second)
        self.block3 = ConvBlock(second, third)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(third * (side // 8) ** 2, 128)
        self.relu1 = nn.ReLU()
        self.fc2 = nn.Linear(128, 64)
        self.relu2 = nn.ReLU()
        self.dropout = nn.Dropout(0.3)
        self.classifier = nn.Linear(64, classes)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch,1,side,side] → logits [batch,classes]."""
        x = self.flatten(self.block3(self.block2(self.block1(self.pixels(image)))))
        x = self.dropout(self.relu1(self.fc1(x)))
        x = self.dropout(self.relu2(self.fc2(x)))
        return self.classifier(x)
