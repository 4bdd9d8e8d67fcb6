"""One entry of the zoo: which architecture on which data set, and how it is trained."""
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from datasets import Dataset
from fit import Schedule

Build = Callable[[Dataset, int], nn.Module]
"""The network to be fitted, from its data and a seed."""


@dataclass(frozen=True)
class Entry:
    """One row of the zoo; `structure` describes the network on its card."""

    architecture: str
    dataset: str
    load: Callable[[], Dataset]
    build: Build
    structure: str
    schedule: Schedule

    @property
    def name(self) -> str:
        """Data set, then architecture."""
        return f'{self.dataset}-{self.architecture}'
