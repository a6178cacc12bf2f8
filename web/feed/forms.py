from uuid import uuid4, uuid5

from django import forms
from django.db import IntegrityError, transaction
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _

from web.feed import photo
from web.feed.models import Comment, Post, Visibility
from web.feed.tasks import delete_files, make_thumbnail
from web.files.errors import Unavailable


class SentOnce(forms.ModelForm):
    """A form that knows itself again: a second click sends the same, which is then not done twice.

    `submission` in the cleaned data identifies the form together with what was written in it: going back and writing
    something else is something else.
    """

    submission = forms.UUIDField(widget=forms.HiddenInput, required=False, initial=uuid4)

    def clean(self):
        data = super().clean()
        data["submission"] = uuid5(data.get("submission") or uuid4(), self.written(data))
        return data


class PostForm(SentOnce):
    # Not the model's ImageField, which would decode the photo before our limits are looked at.
    photo = forms.FileField(
        label=_("Photo"), widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"})
    )
    # Not required: a form that was open before there was a choice is sent without it.
    visibility = forms.ChoiceField(
        label=_("Who sees it"), choices=Visibility, required=False, initial=Visibility.EVERYBODY
    )

    class Meta:
        model = Post
        fields = ["photo", "caption", "visibility"]
        widgets = {"caption": forms.Textarea(attrs={"rows": 3})}

    def clean_photo(self):
        return photo.cleaned(self.cleaned_data["photo"])

    def clean_visibility(self):
        return self.cleaned_data["visibility"] or Visibility.EVERYBODY

    def written(self, data):
        photo = data["photo"].read() if "photo" in data else b""
        return photo + f"{data.get('caption', '')}{data.get('visibility', '')}".encode()

    def publish(self, author):
        """The new post, or the one that was made when the same form was sent before.

        None when the photo cannot be kept, which the form then says.
        """
        post = self.instance
        post.author, post.submission = author, self.cleaned_data["submission"]
        try:
            # Not within the transaction: nobody is to wait in the database until a bucket has answered.
            post.photo.save("photo.jpg", post.photo.file, save=False)
        except Unavailable as error:
            delete_files.enqueue([error.name])  # the bucket may have it all the same
            self.add_error("photo", _("Your photo could not be stored, so nothing was posted. Try again in a moment."))
            return None
        try:
            with transaction.atomic():
                self.save()
                make_thumbnail.enqueue(post.pk)
        except Exception as error:
            delete_files.enqueue([post.photo.name])
            if not isinstance(error, IntegrityError):
                raise
            return get_object_or_404(Post, author=author, submission=post.submission)  # its author may be gone
        return post


class CommentForm(SentOnce):
    class Meta:
        model = Comment
        fields = ["text"]
        widgets = {"text": forms.TextInput(attrs={"placeholder": _("Write a comment"), "autocomplete": "off"})}

    def written(self, data):
        return data.get("text", "").encode()
