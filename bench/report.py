"""The figures as a page to read and as JSON to compare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
#: the budget of a list page (DESIGN §9)
MOST_SQL, MOST_BYTES = 6, 80_000
WHO = {"ours": "ours", "stock": "stock FAB", "tuned": "stock FAB, tuned", "floor": "bare SQL"}
FAIR = (
    (
        "Same rows, same conditions, same order, same page size, same gunicorn options (gthread, 2 workers × 4 threads); "
        "the run stops when two contestants do not show the same files (but for the sorted list: stock leaves equal names in any order). Nobody caches pages."
    ),
    (
        "The client, the database and both servers share the cores, and the machine does other work meanwhile: trust the "
        "ratios, not the milliseconds. The contestants are asked in turn, so noise hits all of them."
    ),
    "Stock counts exactly. Ours and the bare SQL stop at 10,001; ours shows `10000+` until somebody asks.",
    (
        "The counts on our state tabs come in a request of their own after the first paint, which the first table leaves "
        "out: see *tabs* among the plans."
    ),
    (
        "Our page carries what stock's does not: menu by rights, bell, state tabs, labels of codes, refusals on the icons. "
        "Stock's carries a select of every unit in each list and form, since that is FAB's default."
    ),
    "An *old city* is one whose files were all moved in first: their numbers are the lowest of the table.",
)
REPEAT = "`make bench`; `BENCH_ROWS`, `BENCH_DATABASE_URL` and `BENCH_KEEP=1` are explained in `bench/__main__.py`."


def write(found: dict[str, Any]) -> None:
    """RESULTS.md and results.json."""
    (HERE / "results.json").write_text(
        json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    (HERE / "RESULTS.md").write_text(page(found), encoding="utf-8")


def page(found: dict[str, Any]) -> str:
    """The whole page."""
    return (
        "\n".join(
            [
                *_head(found),
                *_table(found["figures"]),
                *_deep(found["figures"]),
                *_budgets(found["figures"]),
                *_plans(found),
                *_tail(found),
            ]
        )
        + "\n"
    )


def _head(found: dict[str, Any]) -> list[str]:
    of = found["machine"]
    sees = ", ".join(f"{who} {number:,}" for who, number in found["sees"].items())
    return [
        "# The small bench",
        "",
        (
            f"{found['date']} · {of['cpu']}, {of['cores']} cores shared with other work (load {of['load_before']} before the run), "
            f"{of['memory_gb']} GB · Python {of['python']}, PostgreSQL {of['postgresql']} (shared_buffers {of['shared_buffers']}), "
            f"Flask {of['Flask']}, Flask-AppBuilder {of['Flask-AppBuilder']}, SQLAlchemy {of['SQLAlchemy']}, psycopg {of['psycopg']}, "
            f"gunicorn {of['gunicorn']}"
        ),
        "",
        (
            f"{found['rows']:,} household files of {found['units']:,} units on five levels, the table {found['table_mb']} MB and its "
            f"indexes {found['index_mb']} MB. Files that each person sees in 困难职工档案: {sees}."
        ),
        "",
        (
            "*ours* is the product. *stock FAB* is `bench/stock.py`: a ModelView over the same table with FAB's defaults, logged in as "
            "Admin. *tuned* is the same without the unit in search and list. *bare SQL* is the page's rows and the capped count by "
            "psycopg, without a web server. One page has 20 rows everywhere. Milliseconds are seen by the client over loopback, n times; of few times p95 is the worst. "
            "CPU is the processor time of the application alone, which a busy machine disturbs least. "
            "The columns × compare with ours: above 1, ours is better."
        ),
        "",
    ]


def _table(figures: dict[str, Any]) -> list[str]:
    lines = [
        "| page | who | n | p50 ms | × | p95 ms | SQL | SQL ms | CPU ms | × | KB | pages/s, 8 clients | × |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for case, entries in figures.items():
        ours, name = entries["ours"], case
        for who, its in entries.items():
            slower = f"{its['p50_ms'] / ours['p50_ms']:.2f}" if who != "ours" else ""
            cells = [
                name,
                WHO[who],
                str(its["times"]),
                f"{its['p50_ms']:.1f}",
                slower,
                f"{its['p95_ms']:.1f}",
            ]
            if "sql" in its:
                dearer = f"{its['cpu_ms'] / ours['cpu_ms']:.2f}" if who != "ours" else ""
                fewer = f"{ours['per_second'] / its['per_second']:.1f}" if who != "ours" else ""
                cells += [
                    str(its["sql"]),
                    f"{its['sql_ms']:.1f}",
                    f"{its['cpu_ms']:.1f}",
                    dearer,
                    f"{its['bytes'] / 1000:,.0f}",
                    f"{its['per_second']:.1f}",
                    fewer,
                ]
            else:
                cells += ["2", f"{its['p50_ms']:.1f}", "", "", "", "", ""]
            lines.append(f"| {' | '.join(cells)} |")
            name = ""
    return [*lines, ""]


def _deep(figures: dict[str, Any]) -> list[str]:
    """A page far behind against the first."""
    far = next(case for case in figures if case.startswith("page "))
    near = figures["list, national"]
    told = "; ".join(
        f"{WHO[who]} {figures[far][who]['p50_ms'] / near[who]['p50_ms']:.2f}" for who in figures[far]
    )
    return [f"{far.capitalize()}, divided by page 1: {told}. Ours goes by key (下一页), stock by OFFSET.", ""]


def _budgets(figures: dict[str, Any]) -> list[str]:
    """What DESIGN §9 allows a list page in statements and bytes, and what ours takes."""
    lists = {case: entries["ours"] for case, entries in figures.items() if "form" not in case}
    dear = [f"{case}: {its['sql']} SQL" for case, its in lists.items() if its["sql"] > MOST_SQL]
    fat = [
        f"{case}: {its['bytes'] / 1000:.0f} KB" for case, its in lists.items() if its["bytes"] > MOST_BYTES
    ]
    allowed = f"{MOST_SQL} SQL and {MOST_BYTES // 1000} KB"
    told = "; ".join(dear + fat)
    return [
        f"Over the budget of {allowed} a list page: {told}."
        if told
        else f"Every list page keeps within {allowed}.",
        "",
    ]


def _plans(found: dict[str, Any]) -> list[str]:
    lines = [
        "## What the database does for our pages",
        "",
        "Every statement on `archive`, caught from the running application, under EXPLAIN (ANALYZE, BUFFERS), warm.",
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
            plan["buffers"],
            f"{plan['discarded']:,}",
        ]
        jit = " (JIT)" if plan["jit"] else ""
        lines.append(f"| {' | '.join(map(str, cells))} | {plan['plan']}{jit} |")
    return [*lines, ""]


def _tail(found: dict[str, Any]) -> list[str]:
    return [
        "## What is fair and what is not",
        "",
        *(f"- {line}" for line in FAIR),
        f"- The name search is for 「{found['word']}」 anywhere in the name, in all three.",
        "",
        f"To repeat: {REPEAT} This run took {found['seconds']} s, of which {found['load_seconds']} s to load.",
    ]
