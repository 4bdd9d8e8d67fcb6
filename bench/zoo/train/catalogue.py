"""The entries of the zoo: which architecture on which data set, and how it is trained."""
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

import fashion_mnist
from architectures.cnn import Cnn
from architectures.mlp import Mlp
from datasets import Dataset
from fit import Schedule


@dataclass(frozen=True)
class Entry:
    """One row: `load` gives the data, `build` the untrained network for them."""

    architecture: str
    dataset: str
    load: Callable[[], Dataset]
    build: Callable[[Dataset], nn.Module]
    structure: str
    schedule: Schedule

    @property
    def name(self) -> str:
        """data set, then architecture."""
        return f'{self.dataset}-{self.architecture}'


def side_of(dataset: Dataset) -> int:
    """Height and width of the data set's images, pixels."""
    return dataset.train.inputs['image'].shape[-1]


ENTRIES = (
    Entry(
        'mlp', 'fashion-mnist', fashion_mnist.load,
        lambda d: Mlp(side_of(d), len(d.classes)),
        'MLP: three hidden dense layers 512-256-128, each ReLU then dropout 0.3, and a classifier.',
        Schedule(epochs=40, batch=256, decay=0.9),
    ),
    Entry(
        'cnn', 'fashion-mnist', fashion_mnist.load,
        lambda d: Cnn(side_of(d), len(d.classes)),
        'CNN: three blocks 3×3 convolution → batch norm → ReLU → max pool (16, 32, 64 channels), two hidden dense '
        'layers 128-64 with ReLU and dropout 0.3, and a classifier.',
        Schedule(epochs=12),
    ),
)
