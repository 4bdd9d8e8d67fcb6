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
    """
    One row of the zoo; `structure` describes the network on its card.

    A wide entry is one for measuring time: its weights are stored as float16, and it has an index of its own.
    """

    architecture: str
    dataset: str
    load: Callable[[], Dataset]
    build: Build
    structure: str
    schedule: Schedule
    is_wide: bool = False

    @property
    def name(self) -> str:
        """Data set, then architecture."""
        return f'{self.dataset}-{self.architecture}{"-wide" if self.is_wide else ""}'
