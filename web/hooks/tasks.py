from datetime import timedelta

from django.db import transaction
from django.tasks import task
from django.utils import timezone

from web.hooks.handlers import handlers
from web.hooks.models import Delivery

KEPT = timedelta(days=30)  # longer than anybody sends a message again


@task
def receive(hook, message_id, body):
    """Store a message and have it handled, unless that is done."""
    with transaction.atomic():
        delivery, is_new = Delivery.objects.get_or_create(hook=hook, message_id=message_id, defaults={"body": body})
        for handle in handlers[hook] if is_new else []:
            handle(delivery)


@task(cron="45 4 * * *")
def forget():
    Delivery.objects.filter(received_at__lt=timezone.now() - KEPT).delete()
