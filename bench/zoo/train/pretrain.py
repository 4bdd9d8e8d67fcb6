"""Pretraining on unlabelled text: once per architecture and seed, shared by both data sets."""
import time

import torch
from torch import nn

from fit import progress
from paths import CACHE
from text import unlabelled

EPOCHS, BATCH, RATE = 4, 64, 1e-3


def described(objective: str) -> str:
    """The pretraining in a sentence, for the card."""
    return (
        f'Pretrained by {objective} on the training documents of both corpora: {EPOCHS} epochs, Adam, learning rate '
        f'{RATE:g} falling linearly to 0, batch {BATCH}.'
    )


def pretrained(name: str, body: nn.Module, objective: nn.Module, seed: int) -> None:
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
        descend(name, objective)
        CACHE.mkdir(exist_ok=True)
        torch.save(body.state_dict(), kept)
    torch.manual_seed(seed)


def descend(name: str, objective: nn.Module) -> None:
    """EPOCHS passes over all unlabelled passages."""
    ids = unlabelled()
    steps = EPOCHS * -(-len(ids) // BATCH)
    optimizer = torch.optim.Adam(objective.parameters(), lr=RATE)
    falling = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    started = time.perf_counter()
    objective.train()
    for epoch in range(1, EPOCHS + 1):
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
        progress(f'{name}: pretraining epoch {epoch}/{EPOCHS}, loss {total / len(ids):.4f}, {seconds:.0f} s')
