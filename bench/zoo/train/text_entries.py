"""The five text architectures on the two corpora; all but the LSTM are pretrained."""
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
from pretrain import described, pretrained


def lstm(dataset: Dataset, seed: int) -> Lstm:
    """LSTM from random weights."""
    return Lstm(dataset.vocabulary_size, len(dataset.classes))


def bert(dataset: Dataset, seed: int) -> Bert:
    """BERT with a pretrained encoder."""
    model = Bert(dataset.vocabulary_size, len(dataset.classes))
    pretrained('bert', model.encoder, MaskedTokens(model.encoder), seed)
    return model


def electra(dataset: Dataset, seed: int) -> Electra:
    """ELECTRA with a pretrained discriminator."""
    model = Electra(dataset.vocabulary_size, len(dataset.classes))
    pretrained('electra', model.encoder, ReplacedTokens(model.encoder), seed)
    return model


def gpt2(dataset: Dataset, seed: int) -> Gpt2:
    """GPT-2 with a pretrained decoder."""
    model = Gpt2(dataset.vocabulary_size, len(dataset.classes))
    pretrained('gpt2', model.decoder, NextToken(model.decoder), seed)
    return model


def t5(dataset: Dataset, seed: int) -> T5:
    """T5 with a pretrained encoder and decoder."""
    model = T5(dataset.vocabulary_size, len(dataset.classes))
    pretrained('t5', model.body, CorruptedSpans(model.body), seed)
    return model


TEXT_ARCHITECTURES: dict[str, tuple[Build, str]] = {
    'lstm': (
        lstm,
        'LSTM: embedding of 32, one unidirectional layer of 96, its state at the last token, a three-layer classifier '
        '128-64 with ReLU and dropout 0.3. Trained from random weights.',
    ),
    'bert': (
        bert,
        'BERT, small: post-norm encoder of four layers, width 64, 4 heads, GELU layer of 256, tanh pooler on the first '
        f'token, dropout 0.3, classifier. {described("masked-token prediction")}',
    ),
    'electra': (
        electra,
        'ELECTRA, small: post-norm encoder of four layers, width 64, 4 heads, GELU layer of 256; dense, GELU, dropout '
        f'0.3 and classifier on the first token. {described("telling tokens that a one-layer generator replaced")}',
    ),
    't5': (
        t5,
        'T5, small: three encoder and three decoder layers, width 64, 4 heads, ReLU layer of 256, RMS norm, relative '
        'position biases; the decoder reads the shifted input, its mean state goes through dense, tanh and classifier '
        f'with dropout 0.3. {described("writing the spans cut out of a text")}',
    ),
    'gpt2': (
        gpt2,
        'GPT-2, small: pre-norm causal decoder of four layers, width 64, 4 heads, tanh-form GELU layer of 256; dropout '
        f'0.3 and classifier on the last token. {described("next-token prediction")}',
    ),
}

FINE_TUNING = {
    'brown': Schedule(epochs=8, batch=64, rate=5e-4, decay=0.7),
    'spam-assassin': Schedule(epochs=15, batch=32, rate=5e-4, decay=0.8),
}
FROM_SCRATCH = {
    'brown': Schedule(epochs=15, batch=64, decay=0.9),
    'spam-assassin': Schedule(epochs=30, batch=32, patience=5),
}

TEXT_ENTRIES = tuple(
    Entry(architecture, dataset, partial(text.load, dataset), build, structure, schedules[dataset])
    for architecture, (build, structure) in TEXT_ARCHITECTURES.items()
    for schedules in [FROM_SCRATCH if architecture == 'lstm' else FINE_TUNING]
    for dataset in schedules
)
