"""What stands beside a method's name and in place of its score, in figures and tables alike."""

from collections.abc import Collection, Iterable, Mapping

import pandas as pd

from schash.folds import NOT_APPLICABLE

TRANSDUCTIVE = "◇"
REJECTS = "○"
NOTES = {
    TRANSDUCTIVE: "sees the unlabelled query cells while it trains",
    REJECTS: "may leave cells unassigned, which count as wrong",
}

NOT_RUN = "not run"
WORDS = {"timeout": "too slow", NOT_APPLICABLE: NOT_APPLICABLE}
"""Statuses that are not words a reader knows; the others stand as they are."""


def marks_of(transductive: Iterable[str], rejects: Iterable[str]) -> dict[str, str]:
    """Method to its symbols."""
    marks = dict.fromkeys(transductive, TRANSDUCTIVE)
    for method in rejects:
        marks[method] = marks.get(method, "") + REJECTS
    return marks


def marked_title(method: str, titles: Mapping[str, str], marks: Mapping[str, str]) -> str:
    """The title of a method with its symbols."""
    return f"{titles.get(method, method)} {marks.get(method, '')}".rstrip()


def notes_on(methods: Collection[str], marks: Mapping[str, str]) -> list[str]:
    """One line for each symbol that a method among these has."""
    used = "".join(marks.get(method, "") for method in methods)
    return [f"{symbol} {note}" for symbol, note in NOTES.items() if symbol in used]


def notes_line(methods: Collection[str], marks: Mapping[str, str]) -> str:
    """The notes side by side, apart by spaces that an SVG does not collapse."""
    return "\u2003\u2003".join(notes_on(methods, marks))


def status_in_words(statuses: pd.Series) -> str:
    """What to write for a method on a data set, from the status of each fold; nothing where all of them ran."""
    if statuses.empty:
        return NOT_RUN
    bad = statuses[statuses != "ok"]
    if bad.empty:
        return ""
    words = WORDS.get(bad.iloc[0], str(bad.iloc[0]))
    return words if len(bad) == len(statuses) else f"{words} in {len(bad)} of {len(statuses)} folds"
