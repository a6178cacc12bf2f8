"""What other apps do with deliveries. Each says so in its module `hooks`:

@handles("billing")
def note_payment(delivery):
    Invoice.objects.filter(number=delivery.content["data"]["number"]).update(paid=True)
"""

from collections import defaultdict

handlers = defaultdict(list)


def handles(hook):
    """Call a function with each Delivery of a hook, in the job and in the transaction that stores it.

    So both come to pass, once, or neither does, and the job is tried again.
    """

    def register(function):
        handlers[hook].append(function)
        return function

    return register
