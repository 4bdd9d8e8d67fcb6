"""Train one entry of the zoo and write its model, card, data and index row. Usage: train.py NAME [--seed N] | --list"""
import argparse
from functools import partial

import threads  # noqa: F401 — must come before torch
import torch

from catalogue import ENTRIES
from datasets import majority_share
from entry import Entry
from export import export_onnx, halve_weights, save_split
from fit import Schedule, accuracy, fit, progress
from paths import BUNDLED, INDEX, WIDE_INDEX, data_folder, model_folder
from record import Measured, index_row, upsert_index, write_card, write_licence
from stored import stored_accuracy

BUNDLED_INPUTS = 1_000


def training_text(schedule: Schedule) -> str:
    """The schedule in a sentence, for the card."""
    decay = '' if schedule.decay == 1 else f' (times {schedule.decay:g} after each epoch)'
    return (
        f'Adam, learning rate {schedule.rate:g}{decay}, batch {schedule.batch}, cross-entropy, early stopping with '
        f'patience {schedule.patience}, at most {schedule.epochs} epochs'
        + ('.' if schedule.samples is None else f' of {schedule.samples:,} training samples, drawn with a fixed seed.')
    )


def train(entry: Entry, seed: int) -> None:
    """Everything from data to committed files; the same seed and thread count give the same weights."""
    name = entry.name if seed == 1 else f'{entry.name}-seed{seed}'
    dataset = entry.load()
    torch.manual_seed(seed)
    model = entry.build(dataset, seed)
    samples = dataset.train.sampled(entry.schedule.samples)
    progress(f'{name}: {sum(p.numel() for p in model.parameters()):,} parameters, {len(samples):,} samples')
    outcome = fit(model, samples, dataset.validation, entry.schedule, seed)

    model_path = model_folder(name) / 'model.onnx'
    export_onnx(model, dataset.test.take(slice(0, 2)), model_path)
    if entry.is_wide:
        halve_weights(model_path)
    accuracy_on = partial(stored_accuracy, model_path) if entry.is_wide else partial(accuracy, model)
    inputs, labels = save_split(dataset.evaluation, data_folder(dataset.name))
    write_licence(data_folder(dataset.name), dataset)
    measured = Measured(
        accuracy_on(dataset.test), accuracy_on(dataset.evaluation), majority_share(dataset.test.labels)
    )
    row = index_row(name, entry.name, entry.architecture, dataset, model_path, inputs, labels, seed, measured)
    if name == BUNDLED:
        bundled = dataset.test.take(slice(0, BUNDLED_INPUTS))
        save_split(bundled, model_folder(name))
        write_licence(model_folder(name), dataset)
        row['accuracyBundled'] = round(accuracy_on(bundled), 4)
    write_card(
        model_folder(name) / 'CARD.md', row, dataset, entry, outcome,
        training_text(entry.schedule),
    )
    upsert_index(WIDE_INDEX if entry.is_wide else INDEX, row)
    progress(f'{name}: test {measured.test:.4f}, held out {measured.held_out:.4f}, {row["sizeBytes"]:,} bytes')


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('name', nargs='?', choices=[entry.name for entry in ENTRIES], metavar='NAME')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--threads', type=int, default=1, help='threads of PyTorch (default 1)')
    parser.add_argument('--list', action='store_true', help='print the names and exit')
    options = parser.parse_args()
    if options.list or options.name is None:
        print('\n'.join(entry.name for entry in ENTRIES))
        return
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    train(next(entry for entry in ENTRIES if entry.name == options.name), options.seed)


if __name__ == '__main__':
    main()
