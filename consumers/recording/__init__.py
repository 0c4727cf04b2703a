"""Every fact into ClickHouse, so that people can ask why and how well.

`columns.py` derives the columns of a row from the pydantic model, `tables.py` the statements that create and extend the
tables, `views.py` what people read. `stage.py` is the loop's side, `queries.py` the reader's. The engine itself, chDB
in process or a server by URL, is opened in `clickhouse.py`.
"""
