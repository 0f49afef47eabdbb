"""What was measured, as tables and checks, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Check:
    """A figure with the target that the project set for it."""

    what: str
    measured: str
    target: str
    met: bool


@dataclass
class Section:
    """One figure of the report: a table, the checks that follow from it, and what one must know to read it."""

    title: str
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def row(self, *cells: object) -> None:
        self.rows.append([str(cell) for cell in cells])

    def check(self, what: str, value: float, unit: str, limit: float, at_least: bool = False) -> None:
        """Adds a check of a number against a limit; `unit` is a format such as '{:.2f} s'."""
        met = value >= limit if at_least else value <= limit
        word = "at least" if at_least else "at most"
        self.checks.append(Check(what, unit.format(value), f"{word} {unit.format(limit)}", met))

    def markdown(self) -> str:
        lines = [f"## {self.title}", ""]
        if self.rows:
            lines += table(self.columns, self.rows) + [""]
        for check in self.checks:
            verdict = "met" if check.met else "**MISSED**"
            lines.append(f"- {check.what}: {check.measured}; target {check.target}: {verdict}")
        lines += [f"- {note}" for note in self.notes]
        return "\n".join(lines) + "\n"


def table(columns: list[str], rows: list[list[str]]) -> list[str]:
    """Lines of a Markdown table that is also readable as it is."""
    every = [columns, *rows]
    widths = [max(len(row[i]) for row in every) for i in range(len(columns))]

    def line(cells: list[str]) -> str:
        padded = [
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths))
        ]
        return "| " + " | ".join(padded) + " |"

    rule = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
    return [line(columns), line(rule)] + [line(row) for row in rows]


def banner(checks: list[Check]) -> str:
    """The last words of a run: how many targets are met, and loudly those that are not."""
    missed = [check for check in checks if not check.met]
    if not missed:
        return f"All {len(checks)} targets measured in this run are met."
    lines = ["!" * 78, f"!! {len(missed)} of {len(checks)} TARGETS MISSED"]
    lines += [f"!!   {check.what}: {check.measured}, target {check.target}" for check in missed]
    return "\n".join([*lines, "!" * 78])
