"""What the jobs of this app are called on the dashboard; see web/jobs/titles.py."""


def receive(calls):
    return [f"{call['hook']} {call['message_id']}" for call in calls]
