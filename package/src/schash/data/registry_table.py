"""The tables of data sets and sources in docs/data.md, made from the registry so that they cannot go stale.

Run `python -m schash.data.registry_table config/datasets.yaml docs/data.md` after a change to the registry.
"""

import sys
from pathlib import Path

from schash.data.registry import Dataset, Registry, Source, load_registry
from schash.errors import ConfigError

BEGIN = "<!-- made from config/datasets.yaml: begin -->"
END = "<!-- made from config/datasets.yaml: end -->"


def registry_table(registry: Registry) -> str:
    """Two Markdown tables: what can be loaded, and where it is downloaded from."""
    datasets = [
        "| data set | what | cells of | cells x genes | types (over 10 cells) | values | source | stands in for |",
        "|---|---|---|---|---|---|---|---|",
        *(_dataset_row(row) for row in registry.datasets.values()),
    ]
    sources = [
        "| source | what | version | size | pinned by | licence | cite |",
        "|---|---|---|---|---|---|---|",
        *(_source_row(row) for row in registry.sources.values()),
    ]
    return "\n".join(["### Data sets", "", *datasets, "", "### Sources", "", *sources])


def _dataset_row(row: Dataset) -> str:
    expect = row.expect
    about = "about " if expect.cells_within else ""
    size = f"{about}{_number(expect.cells)} x {_number(expect.genes)}"
    types = _number(expect.types) + (f" ({expect.types_over_10})" if expect.types_over_10 is not None else "")
    title = f"{row.title}. {row.note}" if row.note else row.title
    cells = (
        f"`{row.id}`",
        title,
        "; ".join(known for known in (row.species, row.tissue, row.protocol) if known),
        size,
        types,
        row.values,
        ", ".join([row.source or str(row.path), *row.more_sources]),
        row.stand_in_for or "",
    )
    return _line(*cells)


def _source_row(row: Source) -> str:
    known = [file.bytes for file in row.files if file.bytes is not None]
    size = f"{sum(known) / 1e6:,.1f} MB" if len(known) == len(row.files) else "not known"
    pins = sorted({"sha256" if file.sha256 else "md5" if file.md5 else "lock file" for file in row.files})
    cite = "; ".join(f"{c.text}, doi:{c.doi}" if c.doi else c.text for c in row.citation)
    return _line(f"`{row.id}`", row.title, row.version, size, ", ".join(pins), row.licence, cite)


def _number(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"


def _line(*cells: str | None) -> str:
    return "| " + " | ".join((cell or "").replace("|", "\\|") for cell in cells) + " |"


def updated(text: str, registry: Registry) -> str:
    """A page with what lies between its two marks replaced by the tables of `registry`."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        message = f"the page must hold each of these lines once: {BEGIN} and {END}"
        raise ConfigError(message)
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n\n{registry_table(registry)}\n\n{END}{after}"


if __name__ == "__main__":
    registry_path, page = sys.argv[1:]
    Path(page).write_text(updated(Path(page).read_text(), load_registry(registry_path)))
