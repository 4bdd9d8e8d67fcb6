"""What is written beside a model: its card, its data set's licence note, its row in zoo.json."""
import fcntl
import json
from dataclasses import dataclass
from pathlib import Path

from datasets import Dataset
from entry import Entry
from fit import Outcome
from paths import CACHE, relative


@dataclass(frozen=True)
class Measured:
    """Accuracies of the exported weights, shares of 1."""

    test: float
    held_out: float
    majority: float


STORED_AS_HALF = """

Weights are stored as float16, each with a Cast to float that a runtime folds when it opens the file. The accuracies are
those of the stored file in ONNX Runtime."""


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table with padded columns."""
    widths = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]
    lines = [head, tuple('-' * width for width in widths), *rows]
    return '\n'.join('| ' + ' | '.join(cell.ljust(w) for cell, w in zip(line, widths)) + ' |' for line in lines)


def write_card(path: Path, row: dict, dataset: Dataset, entry: Entry, outcome: Outcome, training: str) -> None:
    """CARD.md: what the model is, how it came to be, how good it is."""
    gain = 100 * (row['accuracyTest'] - row['majority'])
    committed = f'committed inputs (`{Path(row["labels"]).parent.as_posix()}`)'
    measured = [
        ('full test set', str(len(dataset.test)), f'{row["accuracyTest"]:.4f}'),
        (committed, str(row['heldOut']), f'{row["accuracyHeldOut"]:.4f}'),
        ('always the majority class', str(len(dataset.test)), f'{row["majority"]:.4f}'),
    ]
    if 'accuracyBundled' in row:
        measured.append(('inputs bundled beside this model', '1000', f'{row["accuracyBundled"]:.4f}'))
    path.write_text(f"""# {row['name']}

{entry.structure}

- **Data.** {dataset.about}
- **Licence of the data.** {dataset.licence}
- **Training.** {training}
- **Run.** Kept epoch {outcome.best_epoch} of {outcome.epochs} by validation accuracy ({outcome.validation:.4f});
  {outcome.seconds:.0f} s on one core. No test sample was used to train or to stop.
- **Remake.** `/usr/bin/python3 bench/zoo/train/train.py {row['entry']} --seed {row['seed']}`
- **Seed.** {row['seed']}

{table(('measured on', 'samples', 'accuracy'), measured)}

{gain:.1f} points above the majority class. The model file has {row['sizeBytes']:,} bytes.{STORED_AS_HALF if entry.is_wide else ''}
""")


def write_licence(folder: Path, dataset: Dataset) -> None:
    """LICENSE.md of the committed inputs."""
    classes = ', '.join(f'{i} {name}' for i, name in enumerate(dataset.classes))
    (folder / 'LICENSE.md').write_text(
        f'# {dataset.name}\n\n{dataset.about}\n\nClasses: {classes}.\n\nLicence: {dataset.licence}\n{dataset.terms}'
    )


def upsert_index(index: Path, row: dict) -> None:
    """Put `row` into an index in place of the row of the same name; safe between two trainings at once."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / 'index.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        rows = json.loads(index.read_text()) if index.exists() else []
        rows = sorted([r for r in rows if r['name'] != row['name']] + [row], key=lambda r: r['name'])
        index.write_text(json.dumps(rows, indent=2) + '\n')


def index_row(name: str, entry: str, architecture: str, dataset: Dataset, model: Path, inputs: dict[str, Path],
              labels: Path, seed: int, measured: Measured) -> dict:
    """One row of an index."""
    return {
        'name': name,
        'entry': entry,
        'architecture': architecture,
        'dataset': dataset.name,
        'model': relative(model),
        'inputs': {key: relative(path) for key, path in inputs.items()},
        'labels': relative(labels),
        'heldOut': dataset.held_out,
        'seed': seed,
        'accuracyTest': round(measured.test, 4),
        'accuracyHeldOut': round(measured.held_out, 4),
        'majority': round(measured.majority, 4),
        'sizeBytes': model.stat().st_size,
    }
