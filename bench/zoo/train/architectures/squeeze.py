"""Squeeze-and-excite: every channel times a factor that the mean of all channels decides."""
from torch import Tensor, nn


class SqueezeExcite(nn.Module):
    """Average, squeeze (1×1, `activation`), excite (1×1, `gate` in 0…1), multiply; sites: the inner activation."""

    def __init__(self, channels: int, squeezed: int, activation: nn.Module, gate: nn.Module):
        super().__init__()
        self.factors = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            activation,
            nn.Conv2d(squeezed, channels, 1),
            gate,
        )

    def forward(self, x: Tensor) -> Tensor:
        """[batch,channels,side,side] → the same shape."""
        return x * self.factors(x)
