"""Pretraining on unlabelled text: once per network and seed, shared by both data sets."""
import time
from dataclasses import dataclass

import torch
from torch import nn

from fit import progress
from paths import CACHE
from text import unlabelled

BATCH, RATE = 64, 1e-3


@dataclass(frozen=True)
class Pretraining:
    """Passes over the unlabelled passages, or over the first `passages` in a fixed random order."""

    epochs: int
    passages: int | None = None

    def described(self, objective: str) -> str:
        """The pretraining in a sentence, for the card."""
        source = '' if self.passages is None else f'{self.passages:,} passages of '
        return (
            f'Pretrained by {objective} on {source}the training documents of both corpora: {self.epochs} '
            f'epoch{"" if self.epochs == 1 else "s"}, Adam, learning rate {RATE:g} falling linearly to 0, batch {BATCH}.'
        )


def pretrained(name: str, body: nn.Module, objective: nn.Module, seed: int, plan: Pretraining) -> None:
    """
    Minimise `objective`, which holds `body`, and leave the trained weights in `body`.

    The weights are kept in bench/zoo/.cache, so that the second data set need not wait; afterwards the random state
    is the same whether they were computed or read.
    """
    kept = CACHE / f'{name}-seed{seed}.pt'
    if kept.exists():
        body.load_state_dict(torch.load(kept))
    else:
        torch.manual_seed(seed)
        descend(name, objective, plan)
        CACHE.mkdir(exist_ok=True)
        torch.save(body.state_dict(), kept)
    torch.manual_seed(seed)


def descend(name: str, objective: nn.Module, plan: Pretraining) -> None:
    """As many passes over the passages as planned."""
    ids = unlabelled()
    if plan.passages is not None:
        ids = ids[torch.randperm(len(ids), generator=torch.Generator().manual_seed(0))[: plan.passages]]
    steps = plan.epochs * -(-len(ids) // BATCH)
    optimizer = torch.optim.Adam(objective.parameters(), lr=RATE)
    falling = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    started = time.perf_counter()
    objective.train()
    for epoch in range(1, plan.epochs + 1):
        total = 0.0
        for index in torch.randperm(len(ids)).split(BATCH):
            loss = objective(ids[index])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(objective.parameters(), 1.0)
            optimizer.step()
            falling.step()
            total += float(loss) * len(index)
        seconds = time.perf_counter() - started
        progress(f'{name}: pretraining epoch {epoch}/{plan.epochs}, loss {total / len(ids):.4f}, {seconds:.0f} s')
