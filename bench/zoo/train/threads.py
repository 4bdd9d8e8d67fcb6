"""Thread counts, set before PyTorch loads: its BLAS takes every core otherwise and fights with the other library's threads."""
import os
import sys

FLAG = '--threads'


def requested(arguments: list[str]) -> str:
    """The value after --threads, or 1."""
    return arguments[arguments.index(FLAG) + 1] if FLAG in arguments[:-1] else '1'


os.environ['OPENBLAS_NUM_THREADS'] = os.environ['OMP_NUM_THREADS'] = requested(sys.argv)
