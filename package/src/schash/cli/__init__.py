"""The command line: train on labelled cells and annotate others, index cells and search among them."""

from schash.cli import annotation, search
from schash.cli.root import app

__all__ = ["annotation", "app", "search"]
