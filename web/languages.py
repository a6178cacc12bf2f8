"""The language of a page."""

from django.middleware import locale


class LocaleMiddleware(locale.LocaleMiddleware):
    def process_response(self, request, response):
        """A file that is kept for ever is the same in every language: caches need not keep one for each."""
        if "immutable" in response.headers.get("Cache-Control", ""):
            return response
        return super().process_response(request, response)
