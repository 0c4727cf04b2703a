"""The contract in machine-readable form: JSON Schema of each event, one AsyncAPI document, and what may change.

`python -m infra.contracts` writes them below `schemas/contracts/`; `--check` tells whether they are up to date. A
change that an old reader or an old record would not survive is refused until the event's `major` is raised.
"""
