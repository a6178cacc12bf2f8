from django import forms
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from web.feed import photo
from web.feed.models import Comment, Post
from web.feed.tasks import make_thumbnail


class PostForm(forms.ModelForm):
    # Not the model's ImageField, which would decode the photo before our limits are looked at.
    photo = forms.FileField(
        label=_("Photo"), widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"})
    )

    class Meta:
        model = Post
        fields = ["photo", "caption"]
        widgets = {"caption": forms.Textarea(attrs={"rows": 3})}

    def clean_photo(self):
        return photo.cleaned(self.cleaned_data["photo"])

    def publish(self, author):
        self.instance.author = author
        with transaction.atomic():
            post = self.save()
            make_thumbnail.enqueue(post.pk)
        return post


class CommentForm(forms.ModelForm):
    class Meta:
        model = Comment
        fields = ["text"]
        widgets = {"text": forms.TextInput(attrs={"placeholder": _("Write a comment"), "autocomplete": "off"})}
