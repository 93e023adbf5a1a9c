"""The figures of a run as a page and as data: bench/LOAD.md, bench/load.json."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

HERE = Path(os.environ.get("LOAD_RESULTS") or Path(__file__).parents[1])


def write(found: dict[str, Any]) -> None:
    """Both files."""
    HERE.joinpath("load.json").write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    HERE.joinpath("LOAD.md").write_text("\n".join(page(found)) + "\n")


def page(found: dict[str, Any]) -> list[str]:
    """The lines of LOAD.md."""
    steady, storm, after, doors = found["steady"], found["storm"], found["after"], found["doors"]
    per_visit = steady["requests"] / max(1, steady["visits"])
    people = ", ".join(f"{number} on level {depth}" for depth, number in found["people"].items())
    return [
        "# A day of the country, compressed",
        "",
        (
            f"{found['date']} · {found['cores']} cores shared by server, database, client and other work (load {found['load_before']} before the run) · "
            f"Python {found['python']}, PostgreSQL {found['postgresql']} · {found['rows']:,} household files"
        ),
        "",
        (
            "Made by `make load`; who does what how often, and why, stands in `bench/load/day.json`. Arrivals are open (Poisson): "
            "a slow answer hides no load. Times run from the planned arrival to the last byte. A visit is a page that a person "
            f"opens; with what the page asks for by itself, forms sent and pages after a redirect it is {per_visit:.2f} requests."
        ),
        "",
        (
            f"{doors['people']} people ({people}) log in through the form within {doors['seconds']} s, "
            f"p50 {doors['p50']} ms each, password hashing included."
        ),
        "",
        "## The parts",
        "",
        "| part | visits/s | requests | served/s | p50 ms | p95 | p99 | errors | 503 | 503 p95 ms | client's share of the machine | machine busy |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
        _row("peak × 3", steady),
        *(_row("ramp", step) for step in found["ramp"]),
        _row("10 × the knee", storm),
        _row("the peak, after it", after),
        "",
        *_judged(found, steady, storm, after),
        "",
        "## By kind, at peak × 3 and at 10 × the knee",
        "",
        "| kind | n | p50 ms | p95 | p99 | n, storm | p50 | p95 |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
        *_kinds(steady["kinds"], storm["kinds"]),
        "",
        *_kept(found),
    ]


def _row(name: str, part: dict[str, Any]) -> str:
    values = (
        name,
        part["visits_per_second"],
        part["requests"],
        part["served_per_second"],
        part["p50"],
        part["p95"],
        part["p99"],
        part["errors"],
        f"{part['refused_share']:.1%}",
        part["refused_ms"]["p95"] if part["refused"] else "",
        f"{part['client_cpu']:.0%}",
        f"{part['machine_cpu']:.0%}",
    )
    return "| " + " | ".join(str(value) for value in values) + " |"


def _judged(
    found: dict[str, Any], steady: dict[str, Any], storm: dict[str, Any], after: dict[str, Any]
) -> list[str]:
    budget = (
        "is kept" if not steady["errors"] and not steady["refused"] and steady["p95"] < 400 else "is NOT kept"
    )
    recovered, rest = after["recovered_after"], after["rest_seconds"]
    told = (
        f"not within {after['seconds']:.0f} s"
        if recovered is None
        else f"{rest + recovered:.1f} s after the last arrival of the storm ({rest} s of them to answer those who still waited)"
    )
    return [
        f"- Peak × 3 without an error and p95 < 400 ms: **{budget}** ({steady['errors']} errors, {steady['refused']} refused, p95 {steady['p95']} ms).",
        (
            f"- The knee, the highest rate of the ramp with p95 ≤ 400 ms and nothing refused: **{found['knee']} visits/s**"
            f"{'' if found['knee'] else ' (the first step was above it)'}."
        ),
        (
            f"- 10 × the knee: {storm['refused_share']:.1%} of the requests were refused with 503, p95 {storm['refused_ms']['p95']} ms; "
            f"{storm['without_retry_after']} of them without Retry-After; served {storm['served_per_second']}/s, p95 {storm['p95']} ms; "
            f"{storm['errors']} errors; {storm['not_begun']} visits could not be begun by the client."
        ),
        (
            f"- Recovery: at the peak's own rate, every second without a refusal and with p95 < 400 ms from {told}; "
            f"last refusal {after['last_refusal']} s into it ({after['refused']} refused, {after['errors']} errors)."
        ),
        f"- The client itself was late by {storm['client_late_p99_ms']} ms (p99) in the storm; that is inside the times above.",
    ]


def _kinds(steady: dict[str, Any], storm: dict[str, Any]) -> list[str]:
    lines = []
    for kind, times in steady.items():
        under = storm.get(kind, {"n": 0, "p50": "", "p95": ""})
        lines.append(
            f"| {kind} | {times['n']} | {times['p50']} | {times['p95']} | {times['p99']} | {under['n']} | {under['p50']} | {under['p95']} |"
        )
    return lines


def _kept(found: dict[str, Any]) -> list[str]:
    ledger = found["ledger"]
    wrong = ledger["wrong"] or [
        "nothing: what was told as done stands exactly once, what was refused does not stand, no write stands by half"
    ]
    lines = [
        "## The ledger against the database",
        "",
        "| writes | done | refused | unknown |",
        "|---|--:|--:|--:|",
    ]
    for name, told in ledger["writes"].items():
        lines.append(
            f"| {name} | {told.get('done', 0)} | {told.get('refused', 0)} | {told.get('unknown', 0)} |"
        )
    lines += ["", f"Differs: {'; '.join(wrong)}.", "", "## The rooms of the processes", ""]
    lines += [f"- `{json.dumps(room, ensure_ascii=False)}`" for room in found["rooms"]]
    lines += ["", f"Seats: `{found['seats']}`. The run took {found['seconds']} s."]
    if found["log"]:
        lines += [
            "",
            "What the server said beside its count of refusals:",
            "",
            *(f"    {line}" for line in found["log"]),
        ]
    return lines
