"""Fuzzing of every file format that schash reads from users: `python -m fuzz`, `make fuzz`.

An input is a small valid file with one or a few changes, of its bytes or of its structure, drawn from a seed. It must
be accepted and then read right (as a slow reader of another make reads it, or as the original where the change leaves
the content alone), or be refused with an error of `schash.errors` that names the file. Anything else is a failure:
another exception, a warning, a wrong answer, a crash, more than 10 seconds, more than 1 GB.

It stands beside the tests, as the benchmarks do, since thousands of inputs take minutes; `make test` runs a hundred
of each format through the same code (tests/test_fuzz.py).
"""
