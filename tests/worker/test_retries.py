from worker import retries


def test_the_curve_is_sidekiqs():
    for attempt in range(retries.LIMIT):
        floor = attempt**4 + 15
        assert floor <= retries.delay(attempt) <= floor + 10 * (attempt + 1)


def test_jobs_that_failed_together_come_back_apart():
    assert len({retries.delay(20) for _ in range(50)}) > 10


def test_all_attempts_together_take_about_three_weeks():
    assert 20 <= sum(retries.delay(attempt) for attempt in range(retries.LIMIT)) / 86_400 <= 22
