"""One-to-one orthologs of two species, from the homology table of Mouse Genome Informatics.

HOM_MouseHumanSequence.rpt: tab-separated, one row a gene; genes of one homology class share the key in the first
column, whose name has changed over the years. Sato et al. (2019) "removed non-unique relations from the list": here a
pair is kept if its class has one symbol of either species and neither symbol is in another class.
"""

from pathlib import Path

import pandas as pd

from schash.errors import DataError

TAXA = {"human": "9606", "mouse": "10090"}
TAXON, SYMBOL = "NCBI Taxon ID", "Symbol"


def one_to_one(path: Path) -> pd.DataFrame:
    """One row a pair, one column of symbols a species of TAXA, in the order of the table.

    Raises
    ------
    DataError
        if the file is no such table, or holds no pair
    """
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    except (ValueError, OSError) as error:
        message = f"{path}: cannot be read as a table: {error}"
        raise DataError(message) from error
    missing = [name for name in (TAXON, SYMBOL) if name not in table.columns]
    if missing:
        message = f"{path}: no column {', '.join(missing)}; columns: {', '.join(table.columns[:6])}, ..."
        raise DataError(message)
    key = table.columns[0]
    pairs = pd.DataFrame({name: _of_species(table, key, taxon) for name, taxon in TAXA.items()}).dropna()
    if pairs.empty:
        message = f"{path}: no homology class has one gene of {' and of '.join(TAXA)} each"
        raise DataError(message)
    return pairs.reset_index(drop=True)


def _of_species(table: pd.DataFrame, key: str, taxon: str) -> pd.Series:
    """Symbol by class, of the classes with a single one that is in no other class."""
    genes = table.loc[table[TAXON] == taxon, [key, SYMBOL]].drop_duplicates()
    alone = ~genes.duplicated(key, keep=False) & ~genes.duplicated(SYMBOL, keep=False)
    return genes[alone].set_index(key)[SYMBOL]
