"""Numbers of bytes in words, also where rounding reaches the next unit."""

import pytest

from schash.data.sizes import in_words


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (999.6, "1.0 kB"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_960, "1.0 MB"),
        (999_999_999, "1.0 GB"),
        (3.7e9, "3.7 GB"),
        (1e12, "1000.0 GB"),
    ],
)
def test_bytes_in_the_unit_that_suits(size, words):
    assert in_words(size) == words
