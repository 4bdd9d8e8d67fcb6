"""The text architectures: narrow ones on both corpora, wide ones on Brown; all but the LSTM are pretrained."""
from dataclasses import dataclass
from functools import partial

import text
from architectures.bert import Bert
from architectures.electra import Electra
from architectures.gpt2 import Gpt2
from architectures.lstm import Lstm
from architectures.t5 import T5
from datasets import Dataset
from entry import Build, Entry
from fit import Schedule
from objectives import CorruptedSpans, MaskedTokens, NextToken, ReplacedTokens
from pretrain import Pretraining, pretrained


@dataclass(frozen=True)
class Shape:
    """Width of the states, layers (T5: of the encoder, and of the decoder), and how they are pretrained."""

    width: int
    layers: int
    pretraining: Pretraining

    def named(self, architecture: str) -> str:
        """What its pretrained weights are kept as."""
        return f'{architecture}-{self.layers}x{self.width}'

    def described(self, activation: str) -> str:
        """Its sizes in words, for the card."""
        layers = f'{self.layers} layer{"" if self.layers == 1 else "s"}'
        return f'{layers}, width {self.width}, 4 heads, {activation} layer of {4 * self.width:,}'


LONG = Pretraining(epochs=4)
SHORT = Pretraining(epochs=1, passages=5_000)
NARROW, NARROW_PAIR = Shape(64, 4, LONG), Shape(64, 3, LONG)
WIDE, WIDE_PAIR = Shape(256, 2, SHORT), Shape(256, 1, SHORT)
"""The wide ones have few layers, so that all of the wide zoo is at most 60 MB; pairs are of an encoder and a decoder."""


def lstm(dataset: Dataset, seed: int) -> Lstm:
    """LSTM from random weights."""
    return Lstm(dataset.vocabulary_size, len(dataset.classes))


def wide_lstm(dataset: Dataset, seed: int) -> Lstm:
    """LSTM from random weights, its classifier wide."""
    return Lstm(dataset.vocabulary_size, len(dataset.classes), width=128, state=256, hidden=(512, 512))


def bert(shape: Shape, dataset: Dataset, seed: int) -> Bert:
    """BERT with a pretrained encoder."""
    model = Bert(dataset.vocabulary_size, len(dataset.classes), shape.width, shape.layers)
    pretrained(shape.named('bert'), model.encoder, MaskedTokens(model.encoder), seed, shape.pretraining)
    return model


def electra(shape: Shape, dataset: Dataset, seed: int) -> Electra:
    """ELECTRA with a pretrained discriminator."""
    model = Electra(dataset.vocabulary_size, len(dataset.classes), shape.width, shape.layers)
    pretrained(shape.named('electra'), model.encoder, ReplacedTokens(model.encoder), seed, shape.pretraining)
    return model


def gpt2(shape: Shape, dataset: Dataset, seed: int) -> Gpt2:
    """GPT-2 with a pretrained decoder."""
    model = Gpt2(dataset.vocabulary_size, len(dataset.classes), shape.width, shape.layers)
    pretrained(shape.named('gpt2'), model.decoder, NextToken(model.decoder), seed, shape.pretraining)
    return model


def t5(shape: Shape, dataset: Dataset, seed: int) -> T5:
    """T5 with a pretrained encoder and decoder."""
    model = T5(dataset.vocabulary_size, len(dataset.classes), shape.width, shape.layers)
    pretrained(shape.named('t5'), model.body, CorruptedSpans(model.body), seed, shape.pretraining)
    return model


LSTM_STRUCTURE = (
    'LSTM: embedding of {}, one unidirectional layer of {}, its state at the last token, a three-layer classifier {} '
    'with ReLU and dropout 0.3. Trained from random weights.'
)


def transformers(size: str, shape: Shape, pair: Shape) -> dict[str, tuple[Build, str]]:
    """BERT, ELECTRA, T5 (a pair of stacks) and GPT-2 of given shapes, with what their cards say of them."""
    plan = shape.pretraining
    return {
        'bert': (
            partial(bert, shape),
            f'BERT, {size}: post-norm encoder of {shape.described("GELU")}, tanh pooler on the first token, dropout 0.3, '
            f'classifier. {plan.described("masked-token prediction")}',
        ),
        'electra': (
            partial(electra, shape),
            f'ELECTRA, {size}: post-norm encoder of {shape.described("GELU")}; dense, GELU, dropout 0.3 and classifier on '
            f'the first token. {plan.described("telling tokens that a one-layer generator replaced")}',
        ),
        't5': (
            partial(t5, pair),
            f'T5, {size}: encoder and decoder, each of {pair.described("ReLU")}; RMS norm, relative position biases; the '
            'decoder reads the shifted input, its mean state goes through dense, tanh and classifier with dropout 0.3. '
            f'{plan.described("writing the spans cut out of a text")}',
        ),
        'gpt2': (
            partial(gpt2, shape),
            f'GPT-2, {size}: pre-norm causal decoder of {shape.described("tanh-form GELU")}; dropout 0.3 and classifier on '
            f'the last token. {plan.described("next-token prediction")}',
        ),
    }


TEXT_ARCHITECTURES: dict[str, tuple[Build, str]] = {
    'lstm': (lstm, LSTM_STRUCTURE.format(32, 96, '128-64')),
    **transformers('small', NARROW, NARROW_PAIR),
}
WIDE_ARCHITECTURES: dict[str, tuple[Build, str]] = {
    'lstm': (wide_lstm, LSTM_STRUCTURE.format(128, 256, '512-512')),
    **transformers('wide', WIDE, WIDE_PAIR),
}

FINE_TUNING = {
    'brown': Schedule(epochs=8, batch=64, rate=5e-4, decay=0.7),
    'spam-assassin': Schedule(epochs=15, batch=32, rate=5e-4, decay=0.8),
}
FROM_SCRATCH = {
    'brown': Schedule(epochs=15, batch=64, decay=0.9),
    'spam-assassin': Schedule(epochs=30, batch=32, patience=5),
}
WIDE_FINE_TUNING = Schedule(epochs=2, batch=32, rate=3e-4, decay=0.5, samples=9_000)
WIDE_FROM_SCRATCH = Schedule(epochs=4, batch=32, decay=0.7)

TEXT_ENTRIES = tuple(
    Entry(architecture, dataset, partial(text.load, dataset), build, structure, schedules[dataset])
    for architecture, (build, structure) in TEXT_ARCHITECTURES.items()
    for schedules in [FROM_SCRATCH if architecture == 'lstm' else FINE_TUNING]
    for dataset in schedules
) + tuple(
    Entry(
        architecture, 'brown', partial(text.load, 'brown'), build, structure,
        WIDE_FROM_SCRATCH if architecture == 'lstm' else WIDE_FINE_TUNING, is_wide=True,
    )
    for architecture, (build, structure) in WIDE_ARCHITECTURES.items()
)
