"""What SQL from a person, a page or a model may do: read our tables and compute, nothing else.

The statement is parsed by DuckDB itself and its tree is checked against lists of what is allowed; it then runs in a
read-only transaction on a connection without access to other files. Each of the three would do; DuckDB 1.5 lets a
table function switch on logging to a file, which is why the first two are there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb

from ...errors import StorageError
from ..schema import TABLES

_READABLE = {*TABLES, "session_summary"}
_CATALOG = {"tables", "columns", "schemata"}
_TABLE_FUNCTIONS = {"range", "generate_series", "unnest", "json_each", "json_tree"}
# Newer DuckDBs take INSERT, UPDATE, DELETE and MERGE inside WITH.
_QUERY_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_FORBIDDEN_FUNCTIONS = {
    "current_setting",
    "currval",
    "getenv",
    "getvariable",
    "nextval",
    "setseed",
    "setval",
    "sleep_ms",
    "write_log",
}
_PLAIN_NAME = re.compile(r"\w+")


def check(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raise StorageError, which says what is not allowed, unless `sql` is one query over our own tables."""
    tree = json.loads(connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()[0][0])
    if tree.get("error"):
        said = str(tree.get("error_message", ""))
        if tree.get("error_type") == "parser" or "syntax error" in said.lower():
            raise StorageError(f"The query cannot be read: {' '.join(said.split())}")
        raise _refused("only queries are (SELECT, WITH, FROM, VALUES, DESCRIBE, SUMMARIZE)")
    if len(tree["statements"]) != 1:
        raise _refused("one statement at a time is")
    nodes = list(_nodes(tree))
    own_names = {
        entry["key"].lower() for node in nodes for entry in (node.get("cte_map") or {}).get("map", []) if "key" in entry
    }
    for node in nodes:
        _check_node(node, own_names)


def _check_node(node: dict[str, Any], own_names: set[str]) -> None:
    kind = node.get("type")
    if str(kind).endswith("_NODE") and kind not in _QUERY_NODES:
        raise _refused("only reading is")
    if kind == "BASE_TABLE":
        table = str(node.get("table_name", "")).lower()
        schema = str(node.get("schema_name", "")).lower()
        ours = schema in ("", "main") and (table in _READABLE or (table in own_names and _PLAIN_NAME.fullmatch(table)))
        if node.get("at_clause"):
            raise _refused("the store as it is now is; AT (...), what it was,")
        if node.get("catalog_name") or not (ours or (schema == "information_schema" and table in _CATALOG)):
            raise _refused(f"the tables {', '.join(sorted(_READABLE))} are, and {table!r} is none of them")
    elif kind == "TABLE_FUNCTION":
        name = str((node.get("function") or {}).get("function_name", "")).lower()
        if name not in _TABLE_FUNCTIONS:
            raise _refused(
                f"the table functions {', '.join(sorted(_TABLE_FUNCTIONS))} are, and {name!r} is none of them"
            )
    elif node.get("class") == "FUNCTION" and str(node.get("function_name", "")).lower() in _FORBIDDEN_FUNCTIONS:
        raise _refused(f"reading is, and {node['function_name']}() does more")


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)


def _refused(allowed: str) -> StorageError:
    return StorageError(f"This query was not run. Here {allowed} allowed.", error_code="refused_query")
