"""Secrets inside files: properties, INI, YAML, TOML, JSON, XML, environment files and scripts that a ConfigMap carries."""

from __future__ import annotations

import re
from typing import Final

from .secret_names import looks_secret

_LONGEST: Final = 1_000_000
"""Characters of a file that are looked through: a ConfigMap holds no more."""
_SUSPECT: Final = re.compile(r"pass|pwd|pw\b|secret|token|key|cred|auth", re.IGNORECASE)
_CODE: Final = frozenset(
    {
        "py",
        "js",
        "ts",
        "mjs",
        "lua",
        "rb",
        "pl",
        "go",
        "java",
        "groovy",
        "sql",
        "tpl",
        "tmpl",
        "md",
        "html",
        "txt",
        "rego",
        "php",
        "jq",
    }
)
"""Endings of files in which a bare word after an equals sign is an expression."""
_ENTRY: Final = re.compile(
    r"""^[ \t]*(?:-[ ]+)?(?:(?:export|set|setx?|env|ENV|ARG)[ \t]+)?
        ["']?(?P<name>[A-Za-z_][\w.\-/\[\]]{0,100})["']?
        [ \t]*(?:=>|:=|=|:(?=[ \t"']|$)|[ \t](?=["']))[ \t]*
        (?P<value>"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\n]*?)
        [ \t]*[,;]?[ \t]*(?:[ ](?:\#|//)[^\n]*)?$""",
    re.MULTILINE | re.VERBOSE,
)
_IN_JSON: Final = re.compile(r'"(?P<name>[\w.\-/]{1,100})"\s*:\s*"(?P<value>(?:[^"\\\n]|\\.)*)"')
_IN_XML: Final = re.compile(
    r"<(?P<name>[\w.\-]{1,100})>(?P<value>[^<>\n]+)</(?P=name)>"
    r"|<\w+[^<>]*?\b(?:name|key)=\"(?P<named>[\w.\-]{1,100})\"[^<>]*?\bvalue=\"(?P<given>[^\"\n]*)\""
    r"|\b(?P<attribute>[\w.\-]{1,100})=\"(?P<held>[^\"\n]*)\""
)
_EXPRESSION: Final = re.compile(
    r"[\[{(|>&*].*|!\w+ .*|.*[\w\])]\(.*\)|.*[{(\[]$|.*\s(?:\+|\|\||\?\?|or|and)\s.*", re.DOTALL
)
"""Values that are computed, nested or on the lines below."""


def holds_secret(file: str, text: str) -> bool:
    """Tell whether a file holds a secret on one of its lines; a text of one line counts where its name says what it is."""
    ending = file.rpartition(".")[2].lower() if "." in file else ""
    if ("\n" not in text.strip() and not ending) or not _SUSPECT.search(text[:_LONGEST]):
        return False
    content = text[:_LONGEST]
    code = ending in _CODE or (content.startswith("#!") and "sh" not in content.partition("\n")[0])
    if any(_is_secret(item["name"], item["value"], code=code) for item in _ENTRY.finditer(content)):
        return True
    if "{" in content and any(
        _is_secret(item["name"], f'"{item["value"]}"', code=False) for item in _IN_JSON.finditer(content)
    ):
        return True
    return ("</" in content or "/>" in content) and any(_xml(item) for item in _IN_XML.finditer(content))


def _xml(item: re.Match[str]) -> bool:
    name = item["name"] or item["named"] or item["attribute"]
    value = item["value"] or item["given"] or item["held"] or ""
    return _is_secret(name, f'"{value}"', code=False)


def _is_secret(name: str, value: str, *, code: bool) -> bool:
    if not _SUSPECT.search(name):
        return False
    bare = value.strip()
    quoted = len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'"
    if not quoted and (code or not bare or _EXPRESSION.fullmatch(bare)):
        return False
    return looks_secret(name.rpartition("/")[2], bare[1:-1] if quoted else bare)
