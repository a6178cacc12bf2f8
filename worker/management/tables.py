"""Tables, times and numbers for a terminal."""

import shutil
import time


def table(headings, rows):
    """Aligned columns under their headings, as wide as the terminal. Numbers stand on the right.

    The first column names the thing, so it is never cut. A row may be longer than the headings: the texts that follow
    stand below it, each on a line of its own.
    """
    width, count = shutil.get_terminal_size().columns, len(headings)
    cells = [list(headings), *([clean(cell) for cell in row[:count]] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    if count > 1:
        widest = max(range(1, count), key=lambda index: widths[index])
        widths[widest] = max(8, widths[widest] - max(0, sum(widths) + 2 * (count - 1) - width))
    right = [bool(rows) and all(isinstance(row[index], int) for row in rows) for index in range(count)]
    lines = [line(each, widths, right) for each in cells]
    notes = [[], *([cut(f"  {clean(note)}", width) for note in row[count:] if note] for row in rows)]
    return "\n".join(text for first, rest in zip(lines, notes, strict=True) for text in (first, *rest))


def line(cells, widths, right):
    texts = [
        cut(cell, width) if number else cell for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    placed = [text.rjust(w) if r else text.ljust(w) for text, w, r in zip(texts, widths, right, strict=True)]
    return "  ".join(placed).rstrip()


def cut(text, width):
    return text if len(text) <= width else text[: width - 1] + "…"


def clean(value):
    """A cell as one line of text that a terminal cannot take for an order; "—" for what is not known."""
    if value is None:
        return "—"
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return "".join(letter if letter.isprintable() else " " for letter in text)


def span(seconds):
    """A time in its largest fitting unit: "42 s", "3 min", "5 h", "12 d"; None stays None."""
    if seconds is None:
        return None
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:,.0f} {unit}"
    return f"{seconds:.0f} s"


def when(moment):
    """ "in 5 min", "5 min ago", by the clock of this machine; None stays None."""
    if moment is None:
        return None
    seconds = moment - time.time()
    return f"in {span(seconds)}" if seconds > 0 else f"{span(-seconds)} ago"
