"""What PostgreSQL does for our list: every statement of a page, as each person, under EXPLAIN (ANALYZE, BUFFERS).

The statements are not written down here: they are caught from the application while it answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from flask import Flask
from sqlalchemy import event
from sqlalchemy.engine import Engine

#: page → what it is called
PAGES = {
    "/archive/list/": "list",
    "/archive/counts": "tabs",
    "/archive/list/?state=pending": "list, 未上报",
    "/archive/list/?state=returned": "list, 退回",
    "/archive/list/?full_name={word}": "name, two characters",
    "/archive/list/?full_name=zs": "name, initials",
    "/archive/list/?id_card_no={number}": "exact ID",
    "/archive/list/?order=full_name:asc": "sorted by name",
    "/archive/list/?key=last": "last page",
    "/archive/list/?family_members.relation=mother&family_members.health_status=uremia": "family member",
    "/archive/statistics?shelf=hardship&by=main_hardship_cause": "statistic",
    "/overview": "home page figures",
}
_BIG = re.compile(r"\b(FROM|JOIN) (archive|family_member|identity_claim|name_search)\b")


def explain(flask: Flask, server: Any, logins: list[str], password: str, word: str) -> list[dict[str, Any]]:
    """One line a statement on a big table: who, which page, how long, how much was read, by which nodes."""
    caught: list[tuple[str, Any]] = []

    def catch(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        caught.append((statement, parameters))

    found = []
    last = "SELECT id_card_no FROM archive WHERE holder_depth = 1 AND NOT is_cancelled ORDER BY id LIMIT 1"
    number = server.execute(last).fetchone()[0]
    flask.config["WTF_CSRF_ENABLED"] = False
    event.listen(Engine, "before_cursor_execute", catch)
    try:
        for login in logins:
            client = flask.test_client()
            client.post("/login/", data={"username": login, "password": password})
            client.get("/archive/list/")  # the code tables are read once a process
            for path, page in PAGES.items():
                caught.clear()
                answer = client.get(path.format(word=word, number=number))
                if answer.status_code != 200:
                    raise RuntimeError(f"{login} {path}: {answer.status_code}")
                statements = list(caught)
                for number, (statement, parameters) in enumerate(statements, 1):
                    if _BIG.search(statement) and statement.startswith(("SELECT", "WITH")):
                        about = {"who": login, "page": page, "of": f"{number}/{len(statements)}"}
                        found.append(about | _plan(server, statement, parameters))
    finally:
        event.remove(Engine, "before_cursor_execute", catch)
    return found


def _plan(server: Any, statement: str, parameters: Any) -> dict[str, Any]:
    server.execute("SET track_io_timing = on")
    explained = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
    server.execute(explained, parameters)  # warm
    plan = server.execute(explained, parameters).fetchone()[0][0]
    nodes = list(_nodes(plan["Plan"]))
    top = plan["Plan"]
    return {
        "kind": "count" if re.match(r"SELECT\s+count", statement) else "rows",
        "ms": round(plan["Execution Time"], 2),
        "planning_ms": round(plan["Planning Time"], 2),
        "buffers": top["Shared Hit Blocks"] + top["Shared Read Blocks"],
        "rows": top["Actual Rows"],
        "discarded": sum(node.get("Rows Removed by Filter", 0) * node["Actual Loops"] for node in nodes),
        "plan": " < ".join(_name(node) for node in nodes),
        "jit": "JIT" in plan,
        "where": " ".join(statement.partition("WHERE")[2].split())[:600],
    }


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _name(node: dict[str, Any]) -> str:
    on = node.get("Index Name") or node.get("Relation Name") or ""
    back = " backward" if node.get("Scan Direction") == "Backward" else ""
    return f"{node['Node Type']}{back}{f' {on}' if on else ''}"
