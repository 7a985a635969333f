"""The compared methods: one file per method, one row per variant in config/methods.yaml.

`contract` says what a method is given and must return; `catalogue` reads the rows and builds the methods.
"""
