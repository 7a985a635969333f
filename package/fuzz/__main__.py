"""`python -m fuzz`."""

from fuzz.cli import main

main()
