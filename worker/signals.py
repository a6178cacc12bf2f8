"""What a worker is told to do through Redis: it looks with each sign of life, so within five seconds.

quiet          take no more jobs
stop           take no more, let those that run finish, put back the rest, and end
stop-job ID    end this job in the middle; it goes to dead
"""

import logging
import os
import signal

from worker import limits

logger = logging.getLogger(__name__)


def obey(process, order):
    logger.info("told to %s", order)
    name, _, id = order.partition(" ")
    if name == "quiet":
        process.quiet = True
    elif name == "stop":
        os.kill(os.getpid(), signal.SIGTERM)
    elif name == "stop-job":
        for running in process.runs():
            if running.id == id:
                limits.interrupt(running, limits.Stopped)
    else:
        logger.warning("nothing is known of %r: use quiet, stop or stop-job ID", order)
