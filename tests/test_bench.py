"""`make bench` as far as it needs nothing but what the tests have: tables, a chart, and the truth about goals."""

import smtplib
import ssl
import subprocess
import sys
import time
from xml.etree import ElementTree

import pytest

from tests.bench import chart, mail, table
from tests.bench.stopwatch import Figures, Lap
from tests.servers import ROOT, free_port, listening, until


def bench(*arguments):
    command = [sys.executable, "-m", "tests.bench", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_a_run_gives_tables_and_a_chart(tmp_path):
    run = bench("--only", "enqueue,latency", "--size", "tiny", "--to", tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == (tmp_path / "RESULTS.md").read_text().strip()
    for row in ("| commit |", "| ours, `client.push` |", "| redis-py, LPUSH of the same bytes |", "| half load |"):
        assert row in run.stdout
    assert "enqueue: round 3 of 3" in run.stderr
    drawn = [each.text for each in ElementTree.parse(tmp_path / "results.svg").iter() if each.tag.endswith("}text")]
    assert {"µs to enqueue a job, one at a time (less is better)", "ours, client.push"} <= set(drawn)


def test_what_is_not_measured_is_an_error_that_says_what_is():
    run = bench("--only", "drain,lunch")
    assert run.returncode == 2
    assert "'lunch' is nothing that is measured: use some of drain, enqueue, mail," in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("figures", "shown"),
    [
        ([4.5, 5, 3], ["push", "≥ 4× stock", "4.50× (3.00–5.00)", "met"]),
        ([4.5, 3, 3.9], ["push", "≥ 4× stock", "3.90× (3.00–4.50)", "**not met**"]),
        ([], ["push", "≥ 4× stock", "–", "not measured"]),
    ],
)
def test_a_goal_is_met_by_the_median_and_not_by_what_was_not_measured(figures, shown):
    assert table.at_least("push", 4, Figures(figures), "stock").row == shown


def test_a_goal_that_is_a_limit_is_met_below_it():
    assert [table.at_most("start", 2, Figures([value]), unit=" s").met for value in (1.9, 2, 2.1)] == [
        True,
        True,
        False,
    ]


def test_a_ratio_is_that_of_the_same_round():
    ratios = Figures([10, 40, 30]).over(Figures([5, 10, 10]))
    assert (ratios, ratios.median) == ([2, 4, 3], 3)


def test_the_p99_is_below_one_in_a_hundred():
    assert Figures(range(1000)).share(0.99) == 990
    assert Figures([7]).share(0.99) == 7


def test_processor_time_is_that_of_a_process_and_its_children():
    spin = "import time; until = time.process_time() + 0.3\nwhile time.process_time() < until: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {spin!r}]); input()"
    process = subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    lap = Lap([process.pid])
    while lap.end()[1] < 0.25:
        assert process.poll() is None
        assert lap.end()[0] < 30
    process.communicate(b"\n")


def test_a_bar_is_as_long_as_its_value_and_its_name_is_text():
    drawing = ElementTree.fromstring(
        chart.svg([("jobs/s", "<ours> & fast", 100, True), ("jobs/s", "other", 50, False)])
    )
    ours, other = (float(each.get("width")) for each in drawing.iter("{http://www.w3.org/2000/svg}rect"))
    assert ours == 2 * other
    assert "<ours> & fast" in [each.text for each in drawing.iter("{http://www.w3.org/2000/svg}text")]


def test_the_smtp_server_is_slow_once_for_commands_that_come_together(tmp_path):
    (certificate, key), trusted = mail.certificate(tmp_path)
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.postbox", str(port), "100", certificate, key]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        until(lambda: listening(port), "the SMTP server")
        with smtplib.SMTP("127.0.0.1", port) as connection:
            connection.starttls(context=ssl.create_default_context(cafile=trusted))
            assert connection.mail("a@example.com")[0] == 530
            connection.login("user", "password")
            assert connection.sendmail("a@example.com", ["b@example.com", "c@example.com"], b"Hello\r\n..\r\n") == {}
            began = time.monotonic()
            connection.sock.sendall(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n")
            assert [connection.getreply()[0] for _ in range(3)] == [250, 250, 354]
            assert time.monotonic() - began >= 0.1
            connection.sock.sendall(b"Hello\r\n.\r\n")
            assert connection.getreply()[0] == 250
            assert connection.docmd("XCOUNT") == (250, b"2 2")  # the first connection was to see whether it is there
    finally:
        process.kill()
        process.wait()
