"""The budgets of DESIGN §9 beside what was found: met, or not met, or not measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.cases import FAR

RIVALS = ("stock", "tuned", "django stock", "django tuned", "floor")
STATISTIC = "statistic, national"
NAME = "name of two characters, national"


@dataclass(frozen=True)
class Line:
    """One budget: what it asks, what ours took in words, whether that is within it, and the others."""

    measure: str
    budget: str
    ours: str
    #: None when there is no figure
    is_met: bool | None
    others: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """In a word."""
        return "not measured" if self.is_met is None else "met" if self.is_met else "**not met**"


Figures = dict[str, Any]


def _entries(found: Figures, case: str) -> dict[str, Figures]:
    return found["figures"].get(case, {}).get("entries", {})


def _has(figures: Figures | None, name: str) -> bool:
    return bool(figures) and figures.get(name) is not None


def _others(found: Figures, case: str, show: Callable[[Figures], str]) -> tuple[str, ...]:
    cells = []
    for who in RIVALS:
        its = _entries(found, case).get(who, {})
        cells.append(show(its) if "p50_ms" in its else its.get("words", "–"))
    return tuple(cells)


def _ms(its: Figures) -> str:
    return f"{its['p50_ms']:,.1f} ms" if its["p50_ms"] < 100 else f"{its['p50_ms']:,.0f} ms"


def _weighed(its: Figures) -> str:
    return f"{_ms(its)}, {its['sql']} SQL, {its['bytes'] / 1000:,.0f} KB" if "sql" in its else _ms(its)


def lines(found: Figures) -> list[Line]:
    """Every budget, in the order of the design."""
    heavy = found.get("heavy", {})
    return [
        _page(found),
        _rate(found),
        _far(found),
        *(_form(found, case) for case in ("form, new file", "form, edit")),
        _name(found),
        _statistic(found),
        _import(heavy.get("import", {})),
        _steps(heavy.get("steps", {})),
        _sweep(heavy.get("sweep", {})),
        _export(heavy.get("export", {})),
    ]


def _page(found: Figures) -> Line:
    case, budget = "list, national", "≤ 28 ms (aim 17), ≤ 6 SQL, ≤ 80 KB"
    ours = _entries(found, case).get("ours")
    met = ours and ours["p50_ms"] <= 28 and ours["sql"] <= 6 and ours["bytes"] <= 80_000
    others = _others(found, case, _weighed)
    return Line("national list, page 1", budget, _weighed(ours) if ours else "–", met, others)


def _rate(found: Figures) -> Line:
    case = "list, county"
    ours = _entries(found, case).get("ours")

    def show(its: Figures) -> str:
        return f"{its['per_second']:.0f}/s" if _has(its, "per_second") else f"{_ms(its)} each"

    met = ours["per_second"] >= 100 if _has(ours, "per_second") else None
    return Line(
        "county list, requests/s, 8 clients",
        "≥ 100 (aim 150)",
        show(ours) if ours else "–",
        met,
        _others(found, case, show),
    )


def _far(found: Figures) -> Line:
    near = _entries(found, "list, national")
    far = _entries(found, FAR)
    cells = {}
    for who in ("ours", *RIVALS):
        both = near.get(who, {}).get("p50_ms"), far.get(who, {}).get("p50_ms")
        cells[who] = both[1] / both[0] if None not in both else None
    detail = found["figures"].get(FAR, {}).get("detail", "page 100,000")
    shown = {who: "–" if ratio is None else f"{ratio:.2f}" for who, ratio in cells.items()}
    met = None if cells["ours"] is None else cells["ours"] <= 1.2
    return Line(f"{detail} ÷ page 1", "≤ 1.2", shown["ours"], met, tuple(shown[who] for who in RIVALS))


def _form(found: Figures, case: str) -> Line:
    ours = _entries(found, case).get("ours")
    met = ours["p50_ms"] <= 30 and ours["bytes"] <= 60_000 if ours else None
    shown = _weighed(ours) if ours else "–"
    return Line(
        f"{case}, with the unit picker", "≤ 30 ms, ≤ 60 KB", shown, met, _others(found, case, _weighed)
    )


def _name(found: Figures) -> Line:
    ours = _entries(found, NAME).get("ours")
    shown = f"{ours['sql_ms']:.1f} ms of SQL in a page of {ours['p50_ms']:.1f} ms" if ours else "–"
    met = ours["sql_ms"] <= 15 if ours else None
    return Line("2-character name search, its SQL", "≤ 15 ms", shown, met, _others(found, NAME, _ms))


def _statistic(found: Figures) -> Line:
    entries = _entries(found, STATISTIC)
    ratio = entries["ours"]["p50_ms"] / entries["floor"]["p50_ms"] if entries else None
    shown = f"{ratio:.2f} × ({_ms(entries['ours'])})" if ratio else "–"
    met = None if ratio is None else ratio <= 1.3
    return Line("statistic over all files", "≤ 1.3 × raw SQL", shown, met, _others(found, STATISTIC, _ms))


def _alone(
    measure: str, budget: str, its: Figures, shown: str, *, is_met: bool | None, floor: str = "–"
) -> Line:
    none = "has no such thing" if its else "–"
    return Line(measure, budget, shown, is_met, (none, none, none, none, floor))


def _import(its: Figures) -> Line:
    measure, budget = "import xlsx, checked and deduplicated", "≥ 4,000 rows/s, ≤ 300 MB"
    if not _has(its, "per_second"):
        return _alone(measure, budget, its, its.get("words", "–"), is_met=None)
    shown = f"{its['per_second']:,} rows/s, {its['peak_mb']} MB, {its['state']}"
    return _alone(measure, budget, its, shown, is_met=its["per_second"] >= 4000 and its["peak_mb"] <= 300)


def _steps(its: Figures) -> Line:
    measure, budget = "上报 of single files, 8 clients", "≥ 100/s, none lost or doubled"
    if not _has(its, "per_second"):
        return _alone(measure, budget, its, its.get("words", "–"), is_met=None)
    kept = its["lost"] == 0 and its["doubled"] == 0
    shown = f"{its['per_second']}/s, p95 {its['p95_ms']} ms; of {its['done']:,}: {its['lost']} lost, {its['doubled']} doubled"
    floor = f"{its['floor_per_second']:,.0f} commits/s"
    return _alone(measure, budget, its, shown, is_met=its["per_second"] >= 100 and kept, floor=floor)


def _sweep(its: Figures) -> Line:
    measure, budget = "快速上报 as a job", "(none)"
    if not _has(its, "per_second"):
        return _alone(measure, budget, its, its.get("words", "–"), is_met=None)
    shown = f"{its['files']:,} files in {its['seconds']} s, {its['per_second']:,.0f}/s, {its['peak_mb']} MB, {its['left']} left behind"
    return _alone(
        measure, budget, its, shown, is_met=its["files"] > 0 and its["state"] in {"成功", "部分成功"}
    )


def _export(its: Figures) -> Line:
    measure, budget = "export as CSV, streamed", "< 200 MB of memory"
    if not _has(its, "rows_per_second"):
        return _alone(measure, budget, its, its.get("words", "–"), is_met=None)
    cut = f" (cut off after {its['seconds']} s, of {its['of']:,})" if its["cut"] else ""
    shown = f"{its['rows']:,} rows{cut}, {its['rows_per_second']:,}/s, {its['mb_per_second']} MB/s, {its['peak_mb']} MB"
    floor = f"{its['floor_rows_per_second']:,} rows/s by COPY"
    return _alone(measure, budget, its, shown, is_met=its["peak_mb"] < 200, floor=floor)
