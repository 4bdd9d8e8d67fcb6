"""Multi-layer perceptron: three hidden layers, ReLU, dropout."""
from torch import Tensor, nn

from .pixels import Pixels


class Mlp(nn.Module):
    """Fully connected network on flattened pixels; sites: the three ReLUs."""

    def __init__(self, side: int, classes: int, widths: tuple[int, int, int] = (512, 256, 128)):
        super().__init__()
        first, second, third = widths
        self.pixels = Pixels()
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(side * side, first)
        self.relu1 = nn.ReLU()
        self.fc2 = nn.Linear(first, second)
        self.relu2 = nn.ReLU()
        self.fc3 = nn.Linear(second, third)
        self.relu3 = nn.ReLU()
        self.dropout = nn.Dropout(0.3)
        self.classifier = nn.Linear(third, classes)

    def forward(self, image: Tensor) -> Tensor:
        """image [batch,1,side,side] → logits [batch,classes]."""
        x = self.flatten(self.pixels(image))
        x = self.dropout(self.relu1(self.fc1(x)))
        x = self.dropout(self.relu2(self.fc2(x)))
        x = self.dropout(self.relu3(self.fc3(x)))
        return self.classifier(x)
