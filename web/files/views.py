from django.core.files.storage import default_storage
from django.http import Http404, HttpResponse
from django.utils.cache import get_conditional_response

from web.files.errors import Unavailable


def serve(request, name, content_type, private=False):
    """Answer with a file whose name is never used for another, so that it may be kept for ever, by a CDN as well.

    The file itself is read only for who has none. Raises Http404 when there is none.
    private: it is for this reader, and nobody keeps it.
    """
    etag = f'"{name}"'
    without_body = request.method == "HEAD" or get_conditional_response(request, etag=etag)
    try:
        content = b"" if without_body else default_storage.open(name).read()
        size = default_storage.size(name) if without_body else len(content)
    except FileNotFoundError:
        raise Http404 from None
    except Unavailable:  # it has said so in the log
        return HttpResponse(status=503, headers={"Retry-After": "10", "Cache-Control": "no-store"})
    kept = "private, no-store" if private else "public, max-age=31536000, immutable"
    headers = {"ETag": etag, "Content-Length": size, "Cache-Control": kept}
    response = HttpResponse(content, content_type=content_type, headers=headers)
    return get_conditional_response(request, etag=etag, response=response)
