"""The table of common labels, config/labels.tsv: how each study's name of a type is written where studies are joined.

group          what a data set names as `common_labels`
source_label   the type as a source spells it
common_label   the one name that it gets; NO_TYPE where its cells are of no type and take no part
studies        who spells it so, for whoever reviews the table
"""

import csv
from pathlib import Path

from schash.errors import ConfigError

COLUMNS = ("group", "source_label", "common_label", "studies")
NO_TYPE = "-"


def read_label_table(path: str | Path) -> dict[str, dict[str, str]]:
    """Group -> source label -> common label.

    Raises
    ------
    ConfigError
        naming file and line, for other columns, an empty field, or a label that a group has twice
    """
    try:
        with open(path, encoding="utf-8", newline="") as handle:
            lines = list(csv.reader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot be read as a table of labels: {error}"
        raise ConfigError(message) from None
    if not lines or tuple(lines[0]) != COLUMNS:
        found = ", ".join(lines[0]) if lines else "none"
        message = f"{path}: must be tab-separated with the columns {', '.join(COLUMNS)}; found: {found}"
        raise ConfigError(message)
    groups: dict[str, dict[str, str]] = {}
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(COLUMNS) or not all(field.strip() == field != "" for field in line):
            message = (
                f"{path}: line {number}: must hold {len(COLUMNS)} fields, none empty or padded; came {line}"
            )
            raise ConfigError(message)
        group, source, common, _ = line
        if source in groups.setdefault(group, {}):
            message = f"{path}: line {number}: group {group!r} has the label {source!r} twice"
            raise ConfigError(message)
        groups[group][source] = common
    return groups
