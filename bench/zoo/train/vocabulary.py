"""One word-level vocabulary for both corpora, from training documents only, and its token ids."""
from collections import Counter
from functools import cache

from corpora import Document, brown, spam_assassin
from paths import ZOO

PAD, UNKNOWN, CLASS, MASK = range(4)
FIRST_SENTINEL, SENTINELS = 4, 8
SPECIAL = ['[pad]', '[unknown]', '[class]', '[mask]', *(f'[span{i}]' for i in range(SENTINELS))]
SIZE = 3_000
FILE = ZOO / 'data' / 'vocabulary.txt'


@cache
def documents() -> dict[str, list[Document]]:
    """Both corpora, read once."""
    return {'brown': brown(), 'spam-assassin': spam_assassin()}


@cache
def token_ids() -> dict[str, int]:
    """Word → id; the most frequent training words, ties in alphabetical order."""
    counts = Counter(
        word for texts in documents().values() for text in texts if text.part == 'train' for word in text.words
    )
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return {word: i for i, word in enumerate([*SPECIAL, *ranked][:SIZE])}


def encode(words: list[str], length: int) -> list[int]:
    """[class] and the first length − 1 words as ids, padded to `length`."""
    ids = [CLASS, *(token_ids().get(word, UNKNOWN) for word in words[: length - 1])]
    return ids + [PAD] * (length - len(ids))


def write() -> None:
    """vocabulary.txt: one word a line, its id is the line number from 0."""
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text('\n'.join(token_ids()) + '\n')
