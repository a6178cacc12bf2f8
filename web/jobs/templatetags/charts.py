"""What a chart has hundreds of: a template would take a tenth of a second for it."""

from django import template
from django.utils.html import format_html_join
from django.utils.translation import gettext as _

register = template.Library()

COLUMN = """<g><title>{}: {}</title><rect class="hover" x="{}" y="0" width="{}" height="200"/>\
<rect class="good" x="{}" y="{}" width="{}" height="{}"/><rect class="bad" x="{}" y="{}" width="{}" height="{}"/></g>"""
COLUMN_ROW = '<tr><th scope="row">{}</th><td class="number">{}</td><td class="number">{}</td></tr>'
CELL = '<rect class="heat heat-{}" x="{}" y="{}" width="{}" height="{}"><title>{}: {}</title></rect>'
CELL_ROW = '<tr><th scope="row">{}</th><td class="number">{}</td></tr>'


@register.simple_tag
def columns(chart):
    """The bars of a chart, the failed in another colour."""
    told = _("%(count)s, %(failed)s failed")
    return format_html_join("\n", COLUMN, (
        (bar.label, told % {"count": f"{bar.count:,}", "failed": f"{bar.failed:,}"}, bar.x, bar.width,
         bar.x, bar.y, bar.width, bar.height, bar.x, bar.failed_y, bar.width, bar.failed_height)
        for bar in chart.bars
    ))  # fmt: skip


@register.simple_tag
def column_rows(chart):
    """The same as rows of a table, without those of nothing."""
    rows = ((bar.label, f"{bar.count:,}", f"{bar.failed:,}") for bar in chart.bars if bar.count)
    return format_html_join("\n", COLUMN_ROW, rows)


@register.simple_tag
def cells(heat):
    """The cells of a heat map."""
    found = ((cell.level, cell.x, cell.y, cell.width, cell.height, cell.label, f"{cell.count:,}") for cell in heat)
    return format_html_join("\n", CELL, found)


@register.simple_tag
def cell_rows(heat):
    """The same as rows of a table."""
    return format_html_join("\n", CELL_ROW, ((cell.label, f"{cell.count:,}") for cell in heat))
