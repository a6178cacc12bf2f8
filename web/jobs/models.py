from django.db import models


class Dashboard(models.Model):  # noqa: DJ008 (there is none)
    """No table: what people may do at /jobs/, for Django's permissions. Staff may look, whatever else they may."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [
            ("view", "Can look at jobs"),
            ("operate", "Can run, stop and delete jobs"),
            ("view_mail", "Can read the mails of jobs"),
        ]
