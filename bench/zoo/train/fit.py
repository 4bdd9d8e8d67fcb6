"""Supervised training: Adam, cross-entropy, early stopping on validation accuracy."""
import copy
import sys
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from datasets import Split


@dataclass(frozen=True)
class Schedule:
    """How long and how fast; `rate` is multiplied by `decay` after each epoch; training stops after `patience`
    epochs without a better validation accuracy. `samples` of the training set are used, None for all."""

    epochs: int
    batch: int = 64
    rate: float = 1e-3
    decay: float = 1.0
    patience: int = 3
    samples: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What training did: epochs run, the epoch kept (1-based), its validation accuracy, seconds of wall time."""

    epochs: int
    best_epoch: int
    validation: float
    seconds: float


def progress(text: str) -> None:
    """One line to stderr, at once."""
    print(text, file=sys.stderr, flush=True)


def as_arguments(inputs: dict[str, Tensor]) -> list[Tensor]:
    """Inputs in graph order, pixels as float32, tokens as int64."""
    return [x.float() if name == 'image' else x.long() for name, x in inputs.items()]


@torch.no_grad()
def accuracy(model: nn.Module, split: Split, batch: int = 500) -> float:
    """Share of samples whose largest logit is the label's."""
    model.eval()
    hits = 0
    for start in range(0, len(split), batch):
        part = split.take(slice(start, start + batch))
        hits += int((model(*as_arguments(part.inputs)).argmax(1) == part.labels).sum())
    return hits / len(split)


def epoch_over(model: nn.Module, optimizer: torch.optim.Optimizer, train: Split, batch: int, order: Tensor) -> float:
    """One pass over `train` in the given order; returns the mean loss."""
    model.train()
    total = 0.0
    for index in order.split(batch):
        if len(index) < 2:
            continue  # batch norm needs two samples
        part = train.take(index)
        loss = F.cross_entropy(model(*as_arguments(part.inputs)), part.labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += float(loss) * len(index)
    return total / len(train)


def fit(model: nn.Module, train: Split, validation: Split, schedule: Schedule, seed: int) -> Outcome:
    """Train in place; the weights left in `model` are those of the best validation epoch."""
    started = time.perf_counter()
    shuffle = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=schedule.rate)
    slower = torch.optim.lr_scheduler.ExponentialLR(optimizer, schedule.decay)
    best, best_epoch, kept = -1.0, 0, copy.deepcopy(model.state_dict())
    epoch = 0
    while epoch < schedule.epochs and epoch - best_epoch < schedule.patience:
        epoch += 1
        loss = epoch_over(model, optimizer, train, schedule.batch, torch.randperm(len(train), generator=shuffle))
        slower.step()
        score = accuracy(model, validation)
        if score > best:
            best, best_epoch, kept = score, epoch, copy.deepcopy(model.state_dict())
        seconds = time.perf_counter() - started
        progress(f'epoch {epoch}: loss {loss:.4f}, validation {score:.4f}, best {best:.4f}, {seconds:.0f} s')
    model.load_state_dict(kept)
    return Outcome(epoch, best_epoch, best, time.perf_counter() - started)
