"""The search engine measured against its peers: `make bench`, or `python -m benchmarks` in the folder `package/`.

`cli` runs the cases (one `case_*` module each), `race` holds the clock, `results` the tables; docs/benchmarks.md says
what each number means.
"""
