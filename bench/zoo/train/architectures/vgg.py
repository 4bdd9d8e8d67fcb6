"""Convolutional network of the VGG kind: pairs of 3×3 convolutions, then max pool, and one hidden dense layer."""
from torch import Tensor, nn

from .pixels import Pixels


def pair(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3×3 convolutions with batch norm and ReLU at full resolution, then half the side; sites: both ReLUs."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
        nn.MaxPool2d(2),
    )


class Vgg(nn.Module):
    """Sites: the ReLU of each of the six convolutions and of the hidden dense layer."""

    def __init__(self, side: int, classes: int, channels: tuple[int, int, int] = (64, 128, 256)):
        super().__init__()
        first, second, third = channels
        self.pixels = Pixels()
        self.features = nn.Sequential(pair(1, first), pair(first, second), pair(second, third))
        self.hidden = nn.Sequential(
            nn.Flatten(), nn.Linear(third * (side // 8) ** 2, 256), nn.ReLU(), nn.Dropout(0.3)
        )
        self.classifier = nn.Linear(256, classes)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch,1,side,side] → logits [batch,classes]."""
        return self.classifier(self.hidden(self.features(self.pixels(image))))
