"""What every data set gives to training: three splits, and the held-out part that is committed."""
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Split:
    """Inputs by graph input name, first axis = sample; labels int64 [n]."""

    inputs: dict[str, Tensor]
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: Tensor | slice) -> 'Split':
        """The samples at `index`, in that order."""
        return Split({name: x[index] for name, x in self.inputs.items()}, self.labels[index])

    def sampled(self, count: int | None) -> 'Split':
        """A fixed random choice of `count` samples; all of them, in their order, for None."""
        if count is None or count >= len(self):
            return self
        return self.take(torch.randperm(len(self), generator=torch.Generator().manual_seed(0))[:count])


@dataclass(frozen=True)
class Dataset:
    """
    One data set, split.

    train fits weights, validation stops training, test measures. The committed inputs are the first `held_out`
    samples of test; nothing but the final accuracy is ever computed on them.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    held_out: int
    about: str
    licence: str
    terms: str = ''
    vocabulary_size: int = 0

    @property
    def evaluation(self) -> Split:
        """The samples that are committed."""
        return self.test.take(slice(0, self.held_out))


def majority_share(labels: Tensor) -> float:
    """Accuracy of always answering the most frequent class of `labels`."""
    return float(torch.bincount(labels).max()) / len(labels)
