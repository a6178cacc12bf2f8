from web.jobs import charts
from web.jobs.access import for_staff
from web.jobs.page import show
from web.jobs.templatetags.jobs import milliseconds
from worker import api

HOURS = (1, 2, 4, 8, 24, 72)
SORTS = {
    "time": lambda measure: measure.milliseconds,
    "count": lambda measure: measure.count,
    "failed": lambda measure: measure.failed,
    "mean": lambda measure: measure.average or 0,
    "p95": lambda measure: measure.percentile(0.95) or 0,
}
BOUNDS = [20 * 2**number for number in range(26)]  # milliseconds, of the histograms


@for_staff
def index(request):
    """How attempts of each task went."""
    hours, sort = chosen_hours(request), request.GET.get("sort")
    sort = sort if sort in SORTS else "time"
    rows = sorted(api.metrics(hours * 60).items(), key=lambda pair: -SORTS[sort](pair[1]))
    total = sum(measure.milliseconds for _, measure in rows)
    return show(request, "jobs/metrics.html", rows=rows, total=total, hours=hours, ranges=HOURS, sort=sort)


@for_staff
def task(request, task):
    """One task: how often it ran and failed, how long it took, and when which release came."""
    hours = chosen_hours(request)
    series = api.series(task, hours * 60)
    total = summed([measure for _, measure in series])
    rows = 1 + max((number for number, count in enumerate(total.histogram) if count), default=0)
    labels = [milliseconds(bound) for bound in BOUNDS[:rows]]
    times = [charts.clock(at, day=hours > 8) for at, _ in series]
    return show(
        request,
        "jobs/task.html",
        task=task,
        hours=hours,
        ranges=HOURS,
        measure=total,
        attempts=charts.bars((at, each.count, each.failed) for at, (_, each) in zip(times, series, strict=True)),
        histogram=charts.bars((label, count, 0) for label, count in zip(labels, total.histogram, strict=False)),
        heat=charts.heat(((at, each.histogram) for at, (_, each) in zip(times, series, strict=True)), labels),
        slowest=labels[-1],
        marks=charts.marks(api.releases(), series[0][0], series[-1][0]),
    )


def chosen_hours(request):
    text = request.GET.get("hours", "")
    return int(text) if text in map(str, HOURS) else HOURS[0]


def summed(measures):
    """The Measure of all together."""
    histogram = tuple(map(sum, zip(*(each.histogram for each in measures), strict=True)))
    counts = (sum(values) for values in zip(*(each[:3] for each in measures), strict=True))
    return api.Measure(*counts, histogram)
