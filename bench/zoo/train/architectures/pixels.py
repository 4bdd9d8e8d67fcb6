"""The first step of every image model: raw pixels to [−1, 1], inside the graph."""
from torch import Tensor, nn


class Pixels(nn.Module):
    """x/127.5 − 1: inputs stay storable as uint8, and no caller has to know the normalisation."""

    def forward(self, image: Tensor) -> Tensor:
        """image float32 [batch,1,height,width] in 0…255 → the same shape in −1…1."""
        return image / 127.5 - 1.0
