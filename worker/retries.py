"""When a failed job is tried again."""

import random

LIMIT = 25


def delay(attempt):
    """Seconds to wait after the failure of `attempt` (0 is the first): Sidekiq's curve, about 20 days for all 25.

    The random part keeps jobs that failed together from coming back together.
    """
    return attempt**4 + 15 + random.randint(0, 10 * (attempt + 1))
