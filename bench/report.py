"""The figures as a page to read and as JSON to compare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench import verdict

HERE = Path(__file__).parent
WHO = {
    "ours": "ours",
    "stock": "stock FAB",
    "tuned": "stock FAB, tuned",
    "django stock": "Django admin",
    "django tuned": "Django admin, tuned",
    "django people": "Django admin, member search",
    "floor": "bare SQL",
}
#: what DESIGN §9 allows a list page
MOST_SQL, MOST_BYTES = 6, 80_000
FAIR = (
    (
        "Same rows, same conditions, same order, same page size, same gunicorn options (gthread, 2 workers × 4 threads), "
        "connections kept by all; the run stops when ours does not show the files that the others show (searches of Django look in "
        "more columns, equal names come in any order: those are not compared). Nobody caches pages."
    ),
    (
        "The client, the database and all servers share the cores, and the machine does other work meanwhile: trust the "
        "ratios, not the milliseconds. The contestants are asked in turn, so noise hits all of them. Who takes longer than "
        "two seconds is asked three times (longer than eight: once) and spared the eight clients."
    ),
    "Stock and Django count exactly, Django twice. Ours and the bare SQL stop at 10,001; ours shows `10000+` until somebody asks.",
    (
        "The counts on our state tabs come with the list, unless conditions may make them dear; then, as the figures of our home "
        "page, in a request of their own after the first paint. Such requests stand in rows of their own."
    ),
    (
        "Our page carries what the others' do not: menu by rights, bell, state tabs, labels of codes, refusals on the icons; row "
        "scope, history, snapshots and reminders are on in every measurement. Theirs carry a select of every unit in each form "
        "(stock FAB: in each list too), since that is their default; whoever logs in there may do everything, and the scope is typed "
        "into the address."
    ),
    (
        "An *old city* is one whose files were all moved in first: their numbers are the lowest of the table. The word of the name "
        "search is the commonest beginning of a name there is. The files that are reported wait at one province, whose eight "
        "clerks work at the same time: the worst case for locks."
    ),
    (
        "The rows are synthetic: the tree and the codes are the official ones, names as frequent as in life, identity numbers valid "
        "and unique; ages within a household are independent of each other; each household is one of 4,000 templates in all that is "
        "not name, number, date or place; there is no history from before the run."
    ),
    (
        "The tables are loaded by COPY FREEZE and analysed: all-visible, as after a VACUUM. PostgreSQL runs as it is installed; "
        "only the loading sessions have more maintenance_work_mem and no synchronous commit."
    ),
    (
        "*Bare SQL* of a step is two UPDATEs and commits of one row in a small table by a Python thread each; of the export, COPY of "
        "300,000 rows; of a statistic, the GROUP BY alone."
    ),
)
WARMED = "The indexes are read into memory (pg_prewarm) before each measure that writes, as on a server that has run for a day."
REPEAT = "`make bench`; its settings are explained in `bench/__main__.py`."

Found = dict[str, Any]


def write(found: Found) -> None:
    """RESULTS.md and results.json."""
    text = json.dumps(found, ensure_ascii=False, indent=1) + "\n"
    (HERE / "results.json").write_text(text, encoding="utf-8")
    (HERE / "RESULTS.md").write_text(page(found), encoding="utf-8")


def page(found: Found) -> str:
    """The whole page."""
    parts = [_head, _verdicts, _table, _budgets, _growth, _plans, _tail]
    return "\n".join(line for part in parts for line in part(found)) + "\n"


def _head(found: Found) -> list[str]:
    of, facts = found["machine"], found["facts"]
    database = of["postgresql"]
    settings = ", ".join(f"{name} {value}" for name, value in database.items() if name != "server_version")
    packages = ", ".join(f"{name} {number}" for name, number in of["packages"].items())
    sees = ", ".join(f"{who} {number:,}" for who, number in found["sees"].items())
    tables = ", ".join(
        f"{name} {its['rows']:,} rows in {its['table_mb']:,} + {its['index_mb']:,} MB"
        for name, its in found["tables"].items()
    )
    used = facts.get("used", 0)
    again = f" The database had been measured {used} times before." if used else ""
    return [
        "# The bench",
        "",
        (
            f"{found['date']} · {of['cpu']}, {of['cores']} cores shared with other work (load {of['load_before']} before the run), "
            f"{of['memory_gb']} GB · Python {of['python']}, PostgreSQL {database['server_version']} ({settings}), {packages}"
        ),
        "",
        (
            f"{facts['rows']:,} household files of {facts['units']:,} units on five levels, built in {facts['seconds']} s "
            f"({facts['database_mb']:,} MB; table + indexes: {tables}).{again} Files that each person sees in 困难职工档案: {sees}."
        ),
        "",
        (
            "*ours* is the product. *stock FAB* is `bench/stock.py`: a ModelView over the same table with FAB's defaults, logged in as "
            "Admin; *tuned* is the same without the unit in search and list. *Django admin* is `bench/django_admin.py`, as a newcomer "
            "writes it and after the first afternoon of tuning. *bare SQL* is the page's rows and the capped count by psycopg, without "
            "a web server. One page has 20 rows everywhere. Milliseconds are seen by the client over loopback, n times; of few times "
            "p95 is the worst. CPU is the processor time of the application alone, which a busy machine disturbs least. "
            "The columns × compare with ours: above 1, ours is better."
        ),
        "",
    ]


def _verdicts(found: Found) -> list[str]:
    lines = [
        "## The budgets of DESIGN §9",
        "",
        f"| measure | budget | ours | verdict | {' | '.join(WHO[who] for who in verdict.RIVALS)} |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for line in verdict.lines(found):
        cells = [line.measure, line.budget, line.ours, line.verdict, *line.others]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _times(mine: float | None, other: float | None) -> str:
    return f"{other / mine:.2f}" if mine and other is not None else ""


def _table(found: Found) -> list[str]:
    lines = [
        "## Every page",
        "",
        "| page | who | n | p50 ms | × | p95 ms | SQL | SQL ms | CPU ms | × | KB | pages/s, 8 clients | × |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, case in found["figures"].items():
        label = f"{name} {case['detail']}".strip()
        ours = case["entries"]["ours"]
        for who, its in case["entries"].items():
            lines.append(f"| {' | '.join([label, WHO[who], *_cells(its, ours if who != 'ours' else {})])} |")
            label = ""
    return [*lines, ""]


def _cells(its: Found, ours: Found) -> list[str]:
    """The eleven figures of a contestant, or the words in their place."""
    if "p50_ms" not in its:
        return [its["words"], *[""] * 10]
    slower = _times(ours.get("p50_ms"), its["p50_ms"])
    cells = [str(its["times"]), f"{its['p50_ms']:,.1f}", slower, f"{its['p95_ms']:,.1f}"]
    if "sql" not in its:
        return [*cells, *[""] * 7]
    rate = its["per_second"]
    fewer = _times(rate, ours.get("per_second")) if rate else ""
    return [
        *cells,
        str(its["sql"]),
        f"{its['sql_ms']:,.1f}",
        f"{its['cpu_ms']:,.1f}",
        _times(ours.get("cpu_ms"), its["cpu_ms"]),
        f"{its['bytes'] / 1000:,.0f}",
        f"{rate:.1f}" if rate else "",
        fewer,
    ]


def _budgets(found: Found) -> list[str]:
    """What DESIGN §9 allows a list page in statements and bytes, and what ours takes."""
    figures = {name: case["entries"]["ours"] for name, case in found["figures"].items()}
    lists = {
        name: its
        for name, its in figures.items()
        if name.startswith(("list", "name", "page", "sorted", "exact"))
    }
    dear = [f"{name}: {its['sql']} SQL" for name, its in lists.items() if its["sql"] > MOST_SQL]
    fat = [
        f"{name}: {its['bytes'] / 1000:.1f} KB" for name, its in lists.items() if its["bytes"] > MOST_BYTES
    ]
    allowed = f"{MOST_SQL} SQL and {MOST_BYTES // 1000} KB"
    told = "; ".join(dear + fat)
    return [
        f"Over the budget of {allowed} a list page: {told}."
        if told
        else f"Every list page keeps within {allowed}.",
        "",
    ]


def _growth(found: Found) -> list[str]:
    growth = {int(size): its for size, its in found["growth"].items()}
    sizes = sorted(growth)
    if len(sizes) < 2:
        return []
    last = sizes[-1]
    heads = [f"{size:,} ms | SQL ms" for size in sizes]
    lines = [
        "## Growth",
        "",
        f"Our pages at {len(sizes)} sizes; the last column is the largest by the smallest.",
        "",
        f"| page | {' | '.join(heads)} | × |",
        f"|---|{'--:|--:|' * len(sizes)}--:|",
    ]
    for name in growth[last]["figures"]:
        each = [growth[size]["figures"].get(name, {}).get("entries", {}).get("ours") for size in sizes]
        if not all(each):
            continue
        cells = [f"{its['p50_ms']:.1f} | {its['sql_ms']:.1f}" for its in each]
        lines.append(f"| {name} | {' | '.join(cells)} | {each[-1]['p50_ms'] / each[0]['p50_ms']:.2f} |")
    return [*lines, "", *_growth_of_statements(growth, sizes)]


def _growth_of_statements(growth: dict[int, Found], sizes: list[int]) -> list[str]:
    lines = [
        "The statements on the big tables, each page's dearest: milliseconds and buffers (8 KB).",
        "",
        f"| who | page | {' | '.join(f'{size:,} ms | buffers' for size in sizes)} | × buffers |",
        f"|---|---|{'--:|--:|' * len(sizes)}--:|",
    ]
    by_size = [_dearest(growth[size]["plans"]) for size in sizes]
    for key in by_size[-1]:
        each = [plans.get(key) for plans in by_size]
        if all(each):
            cells = [f"{plan['ms']} | {plan['buffers']:,}" for plan in each if plan]
            ratio = each[-1]["buffers"] / max(each[0]["buffers"], 1)
            lines.append(f"| {key[0]} | {key[1]} ({key[2]}) | {' | '.join(cells)} | {ratio:.2f} |")
    return [*lines, ""]


def _dearest(plans: list[Found]) -> dict[tuple[str, str, str], Found]:
    found: dict[tuple[str, str, str], Found] = {}
    for plan in plans:
        key = (plan["who"], plan["page"], plan["kind"])
        if key not in found or plan["buffers"] > found[key]["buffers"]:
            found[key] = plan
    return found


def _plans(found: Found) -> list[str]:
    lines = [
        "## What the database does for our pages",
        "",
        "Every statement on the big tables, caught from the running application, under EXPLAIN (ANALYZE, BUFFERS), warm.",
        "",
        "| who | page | statement | what | ms | buffers | rows thrown away | plan |",
        "|---|---|---|---|--:|--:|--:|---|",
    ]
    for plan in found["plans"]:
        cells = [
            plan["who"],
            plan["page"],
            plan["of"],
            plan["kind"],
            plan["ms"],
            f"{plan['buffers']:,}",
            f"{plan['discarded']:,}",
        ]
        jit = " (JIT)" if plan["jit"] else ""
        lines.append(f"| {' | '.join(map(str, cells))} | {plan['plan']}{jit} |")
    return [*lines, ""] if found["plans"] else []


def _tail(found: Found) -> list[str]:
    return [
        "## What is fair and what is not",
        "",
        *(f"- {line}" for line in (*FAIR, *([WARMED] if found.get("warmed") else []))),
        "",
        f"To repeat: {REPEAT} This run took {found['seconds']} s, of which {found['measure_seconds']} s to measure.",
    ]
