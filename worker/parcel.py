"""A mail as the argument of a job: an EmailMessage of Django's as plain JSON, and back."""

from base64 import b64decode, b64encode
from email import message_from_bytes, policy
from email.message import Message, MIMEPart

LISTS = ("to", "cc", "bcc", "reply_to")
TEXTS = ("subject", "body", "from_email")


def pack(message):
    """All that an EmailMessage or EmailMultiAlternatives says."""
    return {
        **{name: str(getattr(message, name)) for name in TEXTS},
        **{name: [str(address) for address in getattr(message, name)] for name in LISTS},
        "subtype": message.content_subtype,
        "encoding": message.encoding and str(message.encoding),
        "headers": {name: str(value) for name, value in message.extra_headers.items()},
        "alternatives": [pack_alternative(*alternative) for alternative in getattr(message, "alternatives", [])],
        "attachments": [pack_attachment(attachment) for attachment in message.attachments],
    }


def pack_alternative(content, mimetype):
    if isinstance(content, bytes):
        return {"content": b64encode(content).decode(), "mimetype": mimetype, "bytes": True}
    return {"content": str(content), "mimetype": mimetype, "bytes": False}


def pack_attachment(attachment):
    if isinstance(attachment, Message):
        return {"part": b64encode(attachment.as_bytes()).decode()}
    name, content, mimetype = attachment
    if hasattr(content, "message"):  # a mail within the mail, as Django has it
        content = content.message()
    if isinstance(content, Message):
        content = content.as_bytes()
    content = content.encode() if isinstance(content, str) else content
    return {"name": name, "mimetype": mimetype, "content": b64encode(content).decode()}


def unpack(packed, message):
    """Fill `message`, an empty EmailMultiAlternatives, and return it."""
    for name in (*TEXTS, *LISTS):
        setattr(message, name, packed[name])
    message.content_subtype, message.encoding = packed["subtype"], packed["encoding"]
    message.extra_headers = packed["headers"]
    for each in packed["alternatives"]:
        content = b64decode(each["content"]) if each["bytes"] else each["content"]
        message.attach_alternative(content, each["mimetype"])
    for each in packed["attachments"]:
        if "part" in each:
            message.attach(message_from_bytes(b64decode(each["part"]), MIMEPart, policy=policy.default))
        else:
            message.attach(each["name"], b64decode(each["content"]), each["mimetype"])
    return message
