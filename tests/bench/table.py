"""What a part of the benchmark found, as rows of tables."""

from dataclasses import dataclass, field


@dataclass
class Goal:
    """What was to be reached: `met` is None when it could not be measured."""

    what: str
    goal: str
    measured: str
    met: bool | None

    @property
    def row(self):
        return [
            self.what,
            self.goal,
            self.measured,
            {True: "met", False: "**not met**", None: "not measured"}[self.met],
        ]


@dataclass
class Report:
    """text: how it was measured. bars: for the chart, (group, name, value, whether it is ours)."""

    title: str
    text: str
    heads: list
    rows: list = field(default_factory=list)
    goals: list = field(default_factory=list)
    bars: list = field(default_factory=list)

    def markdown(self):
        return f"## {self.title}\n\n{' '.join(self.text.split())}\n\n{table(self.heads, self.rows)}"


def at_least(what, limit, figures, of="", unit="×"):
    return judged(what, f"≥ {limit:g}{unit}{of and ' ' + of}", figures, lambda value: value >= limit, unit)


def at_most(what, limit, figures, of="", unit="×"):
    return judged(what, f"≤ {limit:g}{unit}{of and ' ' + of}", figures, lambda value: value <= limit, unit)


def judged(what, goal, figures, good, unit):
    """figures: Figures, whose median is judged; or None."""
    if not figures:
        return Goal(what, goal, "–", None)
    return Goal(what, goal, spread(figures, unit), good(figures.median))


def spread(figures, unit=""):
    """The median, and between what it was seen."""
    if len(figures) == 1:
        return f"{short(figures.median)}{unit}"
    return f"{short(figures.median)}{unit} ({short(min(figures))}–{short(max(figures))})"


def short(number):
    """Three digits, which is more than a measurement has, and thousands with a comma."""
    if number >= 100:
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def table(heads, rows):
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
