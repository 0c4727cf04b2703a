"""Which SQL is answered: questions, never changes, and nothing that looks at the machine.

The engine runs questions with `readonly = 1`, which refuses writes and nearly all table functions by itself. It does
not refuse everything: the function `file` reads any file, INTO OUTFILE writes one, DESCRIBE looks into what it
describes, and two statements in one string are both run. So the engine parses the statement first, and what is judged
here, and run afterwards, is its own canonical text: one statement on one line, without comments.
"""

import re
from collections.abc import Sequence

QUESTIONS = ("SELECT", "WITH", "SHOW", "DESCRIBE", "EXPLAIN")

SOURCES = frozenset(
    {"numbers", "numbers_mt", "zeros", "zeros_mt", "values", "view", "null", "generateseries", "generate_series"}
)
"""Table functions that make rows of nothing."""

SYSTEM_TABLES = frozenset({"tables", "columns", "databases", "parts", "functions", "settings", "one", "numbers"})
"""What may be read of `system`; the other tables there speak of the machine."""

REACHING_OUT = re.compile(
    r"file\w*|url(cluster)?|s3\w*|gcs|hdfs\w*|azure\w*|remote\w*|cluster\w*|executable|python|jdbc|odbc|mysql"
    r"|postgresql|sqlite|mongodb|redis|eval|ai(classify|embed|extract|filter|generate|redact|similarity|translate)"
    r"|dict(get|has|isin)\w*|joinget\w*|sleep\w*|addressto\w+|demangle|logtrace|showcertificate|fqdn|hostname"
    r"|get(clienthttpheader|serversetting|serverport|macro|oskernelversion)|catboostevaluate",
    re.IGNORECASE,
)
"""Functions that read files, the network or the machine, or only waste time."""

_LITERALS = re.compile(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`", re.DOTALL)
_CALLS = re.compile(r"\b([A-Za-z_]\w*)\(|\bAPPLY \(?(\w+)")
_EXPORT = re.compile(r"\bINTO OUTFILE\b|\bFORMAT \w+(?: SETTINGS .*)?$")
_SOURCE = re.compile(r"^\s*TableExpression\b.*\n\s*Function (\S+)", re.MULTILINE)
_TABLE = re.compile(r"^\s*(?:Table)?Identifier system\.(\S+)", re.MULTILINE)


def objection(canonical: str) -> str | None:
    """Why a statement is not answered, as a sentence; None if its words are harmless.

    `canonical` is the statement as the engine writes it on one line.
    """
    bare = _LITERALS.sub("''", canonical)
    if not bare.lstrip("( ").startswith(QUESTIONS) or bare.startswith("EXPLAIN TABLE OVERRIDE"):
        return f"only SELECT, WITH, SHOW, DESCRIBE and EXPLAIN are answered here, not {bare.split()[0]}"
    if _EXPORT.search(bare):
        return "INTO OUTFILE and FORMAT are not available here; ask for JSON with --json"
    if name := next((name for name in _called(bare) if REACHING_OUT.fullmatch(name)), None):
        return f"the function {name} is not available here: it reaches beyond the recorded facts"
    return None


def objection_to_sources(syntax_tree: Sequence[str]) -> str | None:
    """Why a statement with this syntax tree, the lines of the engine's EXPLAIN AST, is not answered."""
    tree = "\n".join(syntax_tree)
    if tree.startswith("ParallelWith"):
        return "ask one question at a time"
    if name := next((name for name in _SOURCE.findall(tree) if name.lower() not in SOURCES), None):
        return f"the table function {name} is not available here"
    if name := next((name for name in _TABLE.findall(tree) if name not in SYSTEM_TABLES), None):
        return f"system.{name} is not available here; of system there are {', '.join(sorted(SYSTEM_TABLES))}"
    return None


def _called(bare: str) -> list[str]:
    """Names of all functions, also where the syntax tree hides them: in SHOW … WHERE and in APPLY."""
    return [called or applied for called, applied in _CALLS.findall(bare)]
