"""The words of a Dockerfile: split, and their variables, quotes and escapes replaced, as BuildKit does."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SPECIAL = frozenset("@*#?-$!0")
_REGEXP = frozenset("[]{}.+()|^$")


class ExpansionError(ValueError):
    """Says what BuildKit does not understand of a word."""


def expand(text: str, variables: Mapping[str, str], escape: str = "\\") -> str:
    """Return a text with its variables replaced, without quotes and escapes; a variable that is not set is empty.

    Raises `ExpansionError` for what BuildKit refuses, a variable that ``${V:?}`` asks for among it.
    """
    return _Scanner(text, variables, escape).until("", raw=False)


class _Scanner:
    """Reads one text from left to right."""

    def __init__(self, text: str, variables: Mapping[str, str], escape: str) -> None:
        self._text = text
        self._variables = variables
        self._escape = escape
        self._at = 0

    def _peek(self) -> str:
        """Return the next character; empty at the end."""
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        character = self._peek()
        self._at += len(character)
        return character

    def until(self, stop: str, *, raw: bool) -> str:
        """Return what comes before ``stop``, which is passed, or before the end; ``raw`` keeps escapes."""
        found = ""
        while character := self._peek():
            if character == stop:
                self._next()
                return found
            if character == "'":
                found += self._single_quoted()
            elif character == '"':
                found += self._double_quoted(raw=raw)
            elif character == "$":
                found += self._variable()
            elif self._next() == self._escape:
                found += (character if raw else "") + self._next()
            else:
                found += character
        if stop:
            raise ExpansionError(f"a {stop} is missing")
        return found

    def _single_quoted(self) -> str:
        end = self._text.find("'", self._at + 1)
        if end < 0:
            raise ExpansionError("a ' is missing")
        found = self._text[self._at + 1 : end]
        self._at = end + 1
        return found

    def _double_quoted(self, *, raw: bool) -> str:
        found = ""
        self._next()
        while character := self._peek():
            if character == '"':
                self._next()
                return found
            if character == "$":
                found += self._variable()
                continue
            if self._next() == self._escape:
                found += character if raw else ""
                if not self._peek():
                    continue
                if self._peek() in {'"', "$", self._escape}:
                    character = self._next()
            found += character
        raise ExpansionError('a " is missing')

    def _variable(self) -> str:
        self._next()
        if self._peek() != "{":
            name = self._name()
            return self._variables.get(name, "") if name else "$"
        self._next()
        if self._peek() in {"", "{", "}", ":"}:
            raise ExpansionError("${ is followed by no name")
        name = self._name()
        value = self._variables.get(name)
        rule = self._next()
        if rule == "}":
            return value or ""
        empty_is_unset = rule == ":"
        if empty_is_unset:
            rule = self._next()
            value = value or None
        if rule in {"-", "+", "?"}:
            return self._chosen(name, value, rule)
        if rule in {"#", "%"} and not empty_is_unset:
            return self._shortened(value or "", rule)
        if rule == "/" and not empty_is_unset:
            return self._replaced(value or "")
        raise ExpansionError(f"${{{name}{rule} is not known")

    def _name(self) -> str:
        rest = self._text[self._at :]
        match = re.match(r"\d+|[^\W\d]\w*|_\w*", rest)
        found = match[0] if match else rest[:1] if rest[:1] in _SPECIAL else ""
        self._at += len(found)
        return found

    def _chosen(self, name: str, value: str | None, rule: str) -> str:
        word = self.until("}", raw=False)
        if rule == "+":
            return "" if value is None else word
        if value is None and rule == "?":
            raise ExpansionError(f"{name} is not set{f': {word}' if word else ''}")
        return word if value is None else value

    def _shortened(self, value: str, rule: str) -> str:
        word = self.until("}", raw=True)
        greedy = word.startswith(rule)
        word = word[1:] if greedy else word
        if rule == "%":
            parts = re.findall(r"\\.|.", word, re.DOTALL)
            return _without_beginning("".join(reversed(parts)), value[::-1], greedy=greedy)[::-1]
        return _without_beginning(word, value, greedy=greedy)

    def _replaced(self, value: str) -> str:
        everywhere = self._peek() == "/"
        if everywhere:
            self._next()
        pattern = _pattern(self.until("/", raw=True), greedy=True)
        replacement = self.until("}", raw=True)
        return pattern.sub(lambda _: replacement, value, count=0 if everywhere else 1)


def _without_beginning(pattern: str, value: str, *, greedy: bool) -> str:
    match = _pattern(pattern, greedy=greedy).match(value)
    return value[match.end() :] if match else value


def _pattern(word: str, *, greedy: bool) -> re.Pattern[str]:
    """Return the expression of a shell's pattern of ``*`` and ``?``."""
    found, at = "", 0
    while at < len(word):
        character = word[at]
        at += 1
        if character == "*":
            found += ".*" if greedy else ".*?"
        elif character == "?":
            found += "."
        elif character == "\\":
            if word[at : at + 1] in {"}", "/"}:
                continue
            if word[at : at + 1] not in {"*", "?", "\\"}:
                raise ExpansionError(f"{word} is not a pattern")
            found += f"\\{word[at]}"
            at += 1
        else:
            found += f"\\{character}" if character in _REGEXP else re.escape(character)
    return re.compile(found)


def split_words(text: str, escape: str = "\\") -> tuple[str, ...]:
    """Return the words of a text, with their quotes and escapes as written."""
    words: list[str] = []
    rest = text.strip()
    while rest:
        word, rest = first_word(rest, escape)
        words.append(word)
    return tuple(words)


def first_word(text: str, escape: str) -> tuple[str, str]:
    """Return the first word of a text that begins with one, and the rest without leading space."""
    quote, at = "", 0
    while at < len(text):
        character = text[at]
        if character == escape and quote != "'":
            at += 1
        elif not quote and text.startswith("<<", at):
            # Space may stand between the mark of a here-document and its word.
            at += 1
            while text[at + 1 : at + 2] in {" ", "\t"}:
                at += 1
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character.isspace():
            break
        at += 1
    return text[:at], text[at:].lstrip()


def without_quotes(flag: str, escape: str) -> str:
    """Return a flag without quotes and escapes."""
    found, at = "", 0
    while at < len(flag):
        if flag[at] == escape:
            at += 1
        elif flag[at] in "'\"":
            at += 1
            continue
        found += flag[at : at + 1]
        at += 1
    return found


def unquoted(word: str) -> str:
    """Return a word without quotes and escapes."""
    try:
        return "".join(shlex.split(word)) if any(mark in word for mark in "'\"\\") else word
    except ValueError:
        return word
