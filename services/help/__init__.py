"""The help: one page per question in both languages, and which page explains an error code."""

from services.help.reading import LANGUAGES, Page, Words, all_pages, find, link_for
from services.help.searching import search

__all__ = ["LANGUAGES", "Page", "Words", "all_pages", "find", "link_for", "search"]
