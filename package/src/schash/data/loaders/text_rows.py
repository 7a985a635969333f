"""Lines of a text table taken apart: the few fields that hold text, and the many that hold numbers.

pyarrow keeps buffers for every column, which for tens of thousands of columns is many times the numbers themselves. So
the numbers of a block are parsed as a single column, one number a line, whatever the width of the table.
"""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow
import pyarrow.csv

EMPTY_SPELLINGS = frozenset(pyarrow.csv.ConvertOptions().null_values)
"""What pyarrow takes for a missing number: "", "NA", "NaN", "NULL" and the like."""
PARSED_AT_ONCE = 1 << 20
"""Bytes of numbers that one thread parses."""


@dataclass(frozen=True)
class RowFormat:
    """sep : one character. text_at : positions of the columns that hold text, ascending, the first among them"""

    sep: str
    n_columns: int
    text_at: tuple[int, ...]

    @property
    def n_numbers(self) -> int:
        """Columns that hold numbers."""
        return self.n_columns - len(self.text_at)

    @cached_property
    def _field(self) -> re.Pattern[bytes]:
        """A field that ends where the next separator or the line does; a quote inside an unquoted one is itself."""
        sep = re.escape(self.sep.encode())
        return re.compile(rb'(?:"[^"\r]*(?:""[^"\r]*)*"|(?!")[^%b\r]*)(?=%b|\Z)' % (sep, sep))

    def split(self, line: bytes) -> tuple[list[str], list[bytes]] | None:
        """Texts, and the numbers between and behind them as they are written, of which the last may be many.

        None where the line has too few or too many fields, or a quote that is not closed before its field ends.
        """
        sep, at, n_fields = self.sep.encode(), 0, 0
        texts, numbers = [], []
        for column in range(self.text_at[-1] + 1):
            found = self._field.match(line, at) if at <= len(line) else None
            if found is None:
                return None
            if column in self.text_at:
                texts.append(_unquoted(found[0]).decode())
            else:
                numbers.append(found[0])
            at, n_fields = found.end() + len(sep), n_fields + 1
        if at <= len(line):
            numbers.append(line[at:])
            n_fields += 1 + line.count(sep, at)
        return (texts, numbers) if n_fields == self.n_columns else None

    def dense(self, numbers: list[bytes], n_rows: int) -> np.ndarray:
        """The numbers of so many rows, (n_rows, n_numbers) float32; NaN for a field that is empty.

        Raises `ValueError` for a field that is no number.
        """
        shape = n_rows, self.n_numbers
        if 0 in shape:
            return np.zeros(shape, dtype=np.float32)
        text = b"\n".join([*numbers, b""]).replace(self.sep.encode(), b"\n")
        table = pyarrow.csv.read_csv(
            pyarrow.BufferReader(text),
            read_options=pyarrow.csv.ReadOptions(column_names=["x"], block_size=PARSED_AT_ONCE),
            # the separator no longer occurs; an empty line is an empty field
            parse_options=pyarrow.csv.ParseOptions(delimiter=self.sep, ignore_empty_lines=False),
            convert_options=pyarrow.csv.ConvertOptions(column_types={"x": pyarrow.float32()}),
        )
        values = np.concatenate([chunk.to_numpy(zero_copy_only=False) for chunk in table.column(0).chunks])
        if values.size != shape[0] * shape[1]:  # a lone carriage return ends a line too
            message = f"came {values.size:,} numbers in {n_rows:,} rows, expected {shape[1]:,} each"
            raise ValueError(message)
        return values.reshape(shape)


def is_number(text: str) -> bool:
    """Whether pyarrow reads it as a number, or as a missing one."""
    try:
        float(text)
    except ValueError:
        return text in EMPTY_SPELLINGS
    return True


def lines_of(block: bytes) -> list[bytes]:
    """The lines of a block without their ends; none that is blank."""
    return [line.removesuffix(b"\r") for line in block.split(b"\n") if line.strip(b" \r")]


def _unquoted(field: bytes) -> bytes:
    return field[1:-1].replace(b'""', b'"') if field.startswith(b'"') else field
