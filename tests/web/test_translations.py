"""The catalogues hold everything that code and templates ask them for."""

import ast
import re

import polib
import pytest
from django.utils.translation.template import templatize

from tests.servers import ROOT

WEB = ROOT / "web"
FUNCTIONS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy"}
WITH_CONTEXT = {"pgettext", "pgettext_lazy", "npgettext", "npgettext_lazy"}
LITERAL = r"u?'(?:[^'\\]|\\.)*'|u?\"(?:[^\"\\]|\\.)*\""

languages = pytest.mark.parametrize("language", ["ja", "ko"])


@pytest.fixture
def texts(language):
    """The catalogue that people edit."""
    return polib.pofile(str(WEB / "locale" / language / "LC_MESSAGES" / "django.po"))


def asked_for():
    """Every text that our code asks for as (context, text), with the file that does."""
    found = {}
    for path in WEB.rglob("*.py"):
        found |= dict.fromkeys(in_python(path.read_text()), path.name)
    for path in (WEB / "templates").rglob("*.*"):
        found |= dict.fromkeys(in_template(path.read_text()), path.name)
    return found


def in_python(source):
    for node in ast.walk(ast.parse(source)):
        name = isinstance(node, ast.Call) and getattr(node.func, "id", None)
        if name in FUNCTIONS:
            yield None, node.args[0].value
        elif name in WITH_CONTEXT:
            yield node.args[0].value, node.args[1].value


def in_template(source):
    """From Django's own translation of a template for xgettext: `gettext(u'…')`, `npgettext(u'context', u'…', …`."""
    for literal in re.findall(rf"\b(?:n?gettext|_)\(({LITERAL})", templatize(source)):
        yield None, ast.literal_eval(literal)
    for context, literal in re.findall(rf"\bn?pgettext\(({LITERAL}), ({LITERAL})", templatize(source)):
        yield ast.literal_eval(context), ast.literal_eval(literal)


@languages
def test_every_text_is_in_the_catalogue(texts):
    known = {(entry.msgctxt, entry.msgid) for entry in texts if not entry.obsolete}

    assert len(asked_for()) > 100
    assert {text: place for text, place in asked_for().items() if text not in known} == {}
    assert known - set(asked_for()) == set()


@languages
def test_every_text_is_translated(texts):
    assert [entry.msgid for entry in texts.untranslated_entries() + texts.fuzzy_entries()] == []
    assert [entry.msgid for entry in texts.obsolete_entries()] == []


@languages
def test_no_translation_is_left_in_english(texts):
    same = [entry.msgid for entry in texts if entry.msgstr == entry.msgid and re.search("[A-Za-z]{3}", entry.msgid)]

    assert same in ([], ["Kickstand"])


@languages
def test_every_translation_has_the_placeholders_of_its_text(texts):
    def placeholders(text):
        return sorted(re.findall(r"%\(\w+\)[sd]|%[sd]", text))

    for entry in texts:
        for translation in [entry.msgstr] if entry.msgstr else entry.msgstr_plural.values():
            wanted = placeholders(entry.msgid_plural or entry.msgid)
            assert placeholders(translation) == wanted, entry.msgid


@languages
def test_every_translation_has_the_markup_of_its_text(texts):
    for entry in texts:
        assert re.findall(r"</?\w+>", entry.msgstr or entry.msgid) == re.findall(r"</?\w+>", entry.msgid), entry.msgid


@languages
def test_what_is_compiled_is_what_was_written(texts, language):
    compiled = polib.mofile(str(WEB / "locale" / language / "LC_MESSAGES" / "django.mo"))

    assert said_by(compiled) == said_by(texts.translated_entries())


def said_by(entries):
    return {(entry.msgctxt, entry.msgid): (entry.msgstr, entry.msgstr_plural) for entry in entries}


@languages
def test_a_page_is_in_the_language_of_its_reader(browser, language):
    script = {"ja": "[ぁ-んァ-ヶ]", "ko": "[가-힣]"}[language]

    page = browser().get("/", headers={"accept-language": language}).text

    assert f'<html lang="{language}">' in page
    assert len(re.findall(script, page)) > 50
