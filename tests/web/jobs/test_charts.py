from web.jobs import charts


def test_the_highest_bar_is_as_high_as_the_chart():
    chart = charts.bars([("a", 10, 5), ("b", 5, 0), ("c", 0, 0)])
    assert (chart.top, chart.total, chart.failed) == (10, 15, 5)
    assert [(bar.y, bar.height, bar.failed_y, bar.failed_height) for bar in chart.bars] == [
        ("0", "200", "100", "100"), ("100", "100", "200", "0"), ("200", "0", "200", "0"),
    ]  # fmt: skip
    assert [bar.x for bar in chart.bars] == ["0", "333.33", "666.67"]


def test_nothing_is_drawn_of_nothing():
    assert charts.bars([]) == ([], 0)
    assert charts.heat([], ["20 ms"]) == [] == charts.heat([("a", [0])], ["20 ms"])
    assert [bar.height for bar in charts.bars([("a", 0, 0)]).bars] == ["0"]


def test_heat_is_paler_where_less_is():
    cells = charts.heat([("a", [1, 0]), ("b", [4, 5])], ["20 ms", "40 ms"])
    assert [(cell.count, cell.level, cell.x, cell.y) for cell in cells] == [
        (1, 1, "0", "100"), (4, 4, "500", "100"), (5, 5, "500", "0"),
    ]  # fmt: skip
    assert cells[0].label == "a, < 20 ms"


def test_marks_stand_where_their_time_is_and_others_are_left_out():
    assert charts.marks([("v1", 150), ("v2", 300), ("v0", 5)], 100, 200) == [("v1", "500")]
