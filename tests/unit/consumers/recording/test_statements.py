"""Which SQL is answered. `canonical` texts are as the engine writes them; what it parses is tested with the engine."""

import pytest

from consumers.recording.statements import objection, objection_to_sources


@pytest.mark.parametrize(
    "question",
    [
        "SELECT count() FROM item_published",
        "WITH 1 AS x SELECT x",
        "(SELECT 1) EXCEPT (SELECT 2)",
        "SHOW TABLES",
        "DESCRIBE TABLE item_journey",
        "EXPLAIN SELECT 1",
        "SELECT 'INSERT INTO x; file(1) INTO OUTFILE'",
        "SELECT `file(` FROM item_published",
        "SELECT format('{}', reason), profile(1) FROM item_rejected",
        "SELECT media_uri AS file FROM item_published",
    ],
)
def test_questions_are_answered(question: str) -> None:
    assert objection(question) is None


@pytest.mark.parametrize(
    "statement",
    ["INSERT INTO t FORMAT Values", "DROP TABLE t", "ALTER TABLE t DELETE WHERE 1", "KILL QUERY WHERE 1", "USE system"],
)
def test_changes_are_refused_by_their_first_word(statement: str) -> None:
    assert objection(statement) == (
        f"only SELECT, WITH, SHOW, DESCRIBE and EXPLAIN are answered here, not {statement.split(maxsplit=1)[0]}"
    )


@pytest.mark.parametrize(
    "statement",
    ["SELECT 1 INTO OUTFILE '/x'", "SELECT 1 FORMAT CSV", "SHOW TABLES INTO OUTFILE '/x' FORMAT CSV"],
)
def test_writing_a_file_is_refused(statement: str) -> None:
    assert str(objection(statement)).startswith("INTO OUTFILE and FORMAT are not available here")


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("SELECT file('/etc/passwd')", "file"),
        ("SELECT arrayMap(x -> file(x), ['/etc/passwd'])", "file"),
        ("SELECT * APPLY file FROM t", "file"),
        ("SHOW TABLES WHERE file('/etc/passwd') = 'x'", "file"),
        ("EXPLAIN SELECT File('/etc/passwd')", "File"),
        ("SELECT 'it\\'s', file('/etc/passwd'), 'x'", "file"),
        ("SELECT sleep(3)", "sleep"),
        ("SELECT aiGenerate('x')", "aiGenerate"),
        ("SELECT 1 IN python('x')", "python"),
        ("SELECT dictGet('d', 'a', 1)", "dictGet"),
    ],
)
def test_functions_that_reach_beyond_the_facts_are_refused(statement: str, name: str) -> None:
    assert str(objection(statement)).startswith(f"the function {name} is not available here")


def test_table_functions_are_refused_unless_they_make_rows_of_nothing() -> None:
    assert (
        objection_to_sources(["SelectQuery", "  TableExpression (children 1)", "   Function numbers (children 1)"])
        is None
    )
    refused = objection_to_sources(["SelectQuery", "  TableExpression (children 1)", "   Function brandNew (alias x)"])
    assert refused == "the table function brandNew is not available here"


def test_system_tables_about_the_machine_are_refused() -> None:
    assert objection_to_sources(["TableExpression", " TableIdentifier system.tables (alias t)"]) is None
    assert str(objection_to_sources(["TableExpression", " TableIdentifier system.disks"])).startswith(
        "system.disks is not"
    )


def test_statements_side_by_side_are_refused() -> None:
    assert objection_to_sources(["ParallelWithQuery 2 SelectWithUnionQuery"]) == "ask one question at a time"
