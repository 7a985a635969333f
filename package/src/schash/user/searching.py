"""Search an atlas for the cells of a file: the function behind `schash search`."""

import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from scipy import sparse

from schash.errors import DataError
from schash.user.atlas import Atlas
from schash.user.files import TABLE_SUFFIXES
from schash.user.neighbor_files import SUFFIXES, long_table, write_h5ad, write_summary
from schash.user.search import results
from schash.user.searcher import Found, Searcher
from schash.user.streams import CellFile, open_cells
from schash.values import ValuesKind


def search_file(
    path: Path,
    atlas_path: Path,
    *,
    output: Path | None,
    summary: Path | None,
    k: int,
    layer: str | None,
    use_raw: bool,
    exclude_self: bool,
    values: str | None,
    n_threads: int | None,
    progress: bool,
) -> str:
    """Search for every cell of a file and write the neighbours; return lines that say what came out.

    output : .h5ad, or a .tsv / .csv with a row per neighbour; summary : .tsv / .csv with a row per query cell

    Raises
    ------
    DataError
        for an unknown output format, k < 1, or cells that do not fit the atlas
    ModelFileError
        if the atlas is damaged or something else
    """
    _check_formats(output, summary)
    atlas = Atlas.load(atlas_path)
    atlas.index.n_threads = n_threads
    start = time.perf_counter()
    cells = open_cells(path, layer=layer, use_raw=use_raw)
    searcher = Searcher(atlas, cells.var, k=k, exclude_self=exclude_self, values=values, where=str(path))
    parts = _search_blocks(cells, searcher, output, progress)
    if output is not None and output.suffix == ".h5ad":
        write_h5ad(output, cells, *results(parts, searcher))
    if summary is not None:
        write_summary(summary, parts)
    n_cells = cells.n_cells
    seconds = time.perf_counter() - start
    lines = [searcher.genes.describe(), *searcher.warnings()]
    lines.append(
        f"{n_cells:,} cells searched among {len(atlas):,} in {seconds:.1f} s ({n_cells / seconds:,.0f} a second)"
    )
    return "\n".join(lines)


def _search_blocks(cells: CellFile, searcher: Searcher, output: Path | None, progress: bool) -> list[Found]:
    parts: list[Found] = []
    with ExitStack() as stack:
        table = None
        if output is not None and output.suffix in TABLE_SUFFIXES:
            table = stack.enter_context(long_table(output, searcher))
        for names, block in _watched(cells, searcher.values, progress):
            found = searcher(block, names)
            if table is not None:
                table.write(found)
            parts.append(found)
    return parts


def _watched(
    cells: CellFile, values: ValuesKind, progress: bool
) -> Iterable[tuple[np.ndarray, sparse.csr_matrix]]:
    """The blocks of cells, with a bar where somebody watches."""
    blocks = cells.blocks(values)
    if not (progress and sys.stderr.isatty()):
        return blocks
    return track(
        blocks, "searching", total=cells.chunks.n_chunks, console=Console(stderr=True), transient=True
    )


def _check_formats(output: Path | None, summary: Path | None) -> None:
    if output is None and summary is None:
        message = "name an output: -o for the neighbours, --summary for a row per cell"
        raise DataError(message)
    if output == summary:
        message = f"{output}: the neighbours and the summary are two files"
        raise DataError(message)
    if output is not None and output.suffix not in SUFFIXES:
        message = f"{output}: the output must end in {', '.join(SUFFIXES)}"
        raise DataError(message)
    if summary is not None and summary.suffix not in TABLE_SUFFIXES:
        message = f"{summary}: the summary must end in {', '.join(TABLE_SUFFIXES)}"
        raise DataError(message)
