"""What a worker process holds, and when it is done."""

from worker.process import Process


def test_a_drain_does_not_wait_for_a_thread_that_was_given_up_and_has_ended_all_the_same(redis):
    process = Process({"default": 1}, 3)
    process.given_up = {7}
    assert process.drain(60) is True


def test_a_drain_does_not_wait_for_one_that_was_given_up_and_tells_that_it_is_there(redis):
    process = Process({"default": 1}, 3)
    process.taken, process.given_up = {7: None}, {7}
    assert process.drain(60) is False
