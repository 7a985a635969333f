"""Regression tracking: a run's metrics held against a committed reference, and their history.

`reading` checks the tables, `directions` knows what is good for each metric, `pairing` puts folds side by side,
`spread` and `tolerances` say how far a number may move, `quality`, `timings` and `presence` judge, `surroundings` says
what else is other, `comparison` puts it together. `wording`, `terminal` and `writing` tell it; `accepting` moves the
reference; `headlines`, `history`, `trends` and `export` keep the few numbers that are followed over commits.
"""
