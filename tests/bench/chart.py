"""Bars as an SVG that can be read on a light and on a dark page."""

from itertools import groupby
from xml.sax.saxutils import escape

from tests.bench.table import short

WIDTH, LABELS, NUMBERS = 760, 310, 70  # of the whole, of the names on the left, and of the numbers on the right
TITLE, ROW, BAR, MARGIN = 46, 22, 14, 20  # heights
STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #4b5563 }
.title { font-size: 15px; font-weight: 600; fill: #111827 }
.ours text { font-weight: 600; fill: #111827 }
rect { fill: #cbd5e1 }
.ours rect { fill: #e11d6b }
@media (prefers-color-scheme: dark) {
  text { fill: #a6b0c0 }
  .title, .ours text { fill: #f3f4f6 }
  rect { fill: #46536a }
  .ours rect { fill: #ff5c9a }
}
"""


def svg(bars):
    """bars: (group, name, value, whether it is ours), those of a group after each other."""
    groups = [(title, list(members)) for title, members in groupby(bars, key=lambda bar: bar[0])]
    parts, top = [], MARGIN
    for title, members in groups:
        parts += panel(title, members, top)
        top += TITLE + ROW * len(members)
    height = top + MARGIN
    begin = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    return "\n".join(
        [f'{begin} role="img" aria-label="Results of make bench">', f"<style>{STYLE}</style>", *parts, "</svg>\n"]
    )


def panel(title, members, top):
    yield f'<text class="title" x="{MARGIN}" y="{top + 28}">{escape(title)}</text>'
    most = max(value for _, _, value, _ in members)
    for number, (_, name, value, is_ours) in enumerate(members):
        middle = top + TITLE + ROW * number
        length = max((WIDTH - LABELS - NUMBERS - MARGIN) * value / most, 1)
        yield f"<g{' class="ours"' * is_ours}>"
        yield f'<text x="{LABELS - 10}" y="{middle + 4.5}" text-anchor="end">{escape(name)}</text>'
        yield f'<rect x="{LABELS}" y="{middle - BAR / 2}" width="{length:.1f}" height="{BAR}" rx="2"/>'
        yield f'<text x="{LABELS + length + 8:.1f}" y="{middle + 4.5}">{short(value)}</text>'
        yield "</g>"
