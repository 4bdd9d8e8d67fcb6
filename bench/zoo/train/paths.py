"""Where the zoo keeps its files; every stored path is relative to the repository root."""
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ZOO = ROOT / 'bench' / 'zoo'
INDEX = ZOO / 'zoo.json'
WIDE_INDEX = ZOO / 'zoo-wide.json'
CACHE = ZOO / '.cache'

BUNDLED = 'fashion-mnist-vgg'
"""The model that the product ships: it lives in models/, beside its own inputs and labels."""


def model_folder(name: str) -> Path:
    """Folder of one entry's model.onnx and CARD.md."""
    return ROOT / 'models' / name if name == BUNDLED else ZOO / 'models' / name


def data_folder(dataset: str) -> Path:
    """Folder of the held-out inputs and labels that all entries of a data set share."""
    return ZOO / 'data' / dataset


def relative(path: Path) -> str:
    """Path as it is written in zoo.json."""
    return path.relative_to(ROOT).as_posix()
