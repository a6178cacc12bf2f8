from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from web import mail
from web.accounts.models import User
from worker import sent


class Verb(models.TextChoices):
    LIKED = "liked", gettext_lazy("liked")
    COMMENTED = "commented", gettext_lazy("commented")
    FOLLOWED = "followed", gettext_lazy("followed")


class Activity(models.Model):
    """That `actor` did `verb` to `target`, which concerns `recipient`. There is one row for the three, for ever.

    When a like is undone the row is withdrawn, not deleted: it is what knows that the mail has been sent, so that
    liking again sends no second one.
    """

    actor = models.ForeignKey(User, models.CASCADE, related_name="+")
    verb = models.CharField(max_length=16, choices=Verb)
    recipient = models.ForeignKey(User, models.CASCADE, related_name="activities")
    target_type = models.ForeignKey(ContentType, models.CASCADE)
    target_id = models.PositiveBigIntegerField()
    target = GenericForeignKey("target_type", "target_id")
    withdrawn = models.BooleanField(default=False)
    read = models.BooleanField(default=False)
    # The one job that may send the mail. It may do so again if it was cut off in the middle; no other may.
    mail_job = models.CharField(max_length=64, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["actor", "verb", "target_type", "target_id"], name="one_activity_for_each_deed"
            )
        ]
        indexes = [models.Index(fields=["recipient", "withdrawn", "read", "-id"])]
        verbose_name_plural = "activities"

    def __str__(self):
        """What happened, as the recipient reads it: it is the bell's line and the mail's subject."""
        sentence = {
            Verb.LIKED: _("%(actor)s liked your photo"),
            Verb.COMMENTED: _("%(actor)s commented on your photo"),
            Verb.FOLLOWED: _("%(actor)s followed you"),
        }[self.verb]
        return sentence % {"actor": self.actor.username}

    def get_absolute_url(self):
        return (self.actor if self.verb == Verb.FOLLOWED else self.target).get_absolute_url()

    def send_mail(self, job_id):
        """Mail the recipient, unless another job has, or it was undone just now; say whether it did."""
        free = Q(mail_job="", withdrawn=False) | Q(mail_job=job_id)
        claimed = Activity.objects.filter(free, pk=self.pk).update(mail_job=job_id)
        if claimed:
            mail.send(self.recipient, "notifications/mail/activity", activity=self)
        return bool(claimed)

    def give_back_mail(self, job_id):
        """Of what was undone before this job could send it: who does it again enqueues another then.

        Who has done so already has counted on this one, for which it is not withdrawn any more.
        """
        if self.withdrawn and self.mail_job == job_id and not sent.has_sent():
            Activity.objects.filter(pk=self.pk, withdrawn=True).update(mail_job="")
            self.refresh_from_db(fields=["withdrawn"])
