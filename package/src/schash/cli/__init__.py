"""The command line: train on labelled cells and annotate others, index cells and search among them, compare runs."""

from schash.cli import annotation, regression, search
from schash.cli.root import app

__all__ = ["annotation", "app", "regression", "search"]
