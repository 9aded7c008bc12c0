"""Generated settings of a service: plain variables and secrets of any legal form, and changes to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a service reads: plain variables, and secrets as files."""

    env: dict[str, str]
    secrets: dict[str, str]


# What shells, templates, YAML, JSON and Kubernetes itself (which replaces $(NAME) where it may) read as something else.
TREACHEROUS = (
    *("", " ", "=", "a=b=c", "'", '"', "`id`", "\\n", "#", "%s", "{{ value }}", "~", "null", "true", "007", "1e3"),
    *("$(ENVIRONMENT)", "$$(ENVIRONMENT)", "$(ABSENT)", "${HOME}", "$HOME", "$", "- [yaml: {", '{"json": 1}', "---"),
    *("line\nline\n", "\r\n", "\t", "\x1b[31m", "\ufeff", "\u2028", "e\u0301", "é", "港", "🚢"),
    # Neighbours of the characters that are refused.
    *("\x01", "\x08\x0b\x0c\x0e\x1f", "~", "\xa0", "\ufffd", "\ufdd0", "\U0001fffe", "\U0010ffff"),
)
OFTEN_SET = ("PATH", "HOME", "LANG", "HOSTNAME", "PYTHONHOME", "KUBERNETES_SERVICE_HOST", "ENVIRONMENT", "A", "a", "_")
FOR_THE_LOADER = ("LD_", "GLIBC_", "MALLOC_")
"""Variables that the dynamic loader acts upon: they might keep the process from starting, as they are meant to."""


def texts(refused: str = "") -> SearchStrategy[str]:
    """Texts without the `refused` characters, from none to many thousands."""
    characters = st.characters(exclude_categories=["Cs"], exclude_characters=refused)
    plain = st.text(characters, max_size=20)
    treacherous = st.lists(st.sampled_from(TREACHEROUS), min_size=1, max_size=5).map("".join)
    long = st.builds(lambda text, times: text * times, plain | treacherous, st.sampled_from([100, 1000]))
    return st.one_of(treacherous, treacherous, plain, long)


REFUSED = "".join(map(chr, [0, *range(0x7F, 0xA0), 0xFFFE, 0xFFFF]))
"""What service.yaml may not say, as no ConfigMap can hold it. Secrets travel in base64."""
LONGEST_NAME = 253
LONGEST_SECRET = 248
LONGEST_VARIABLE = 131_071
"""Bytes of NAME=value. Eight of these are a ConfigMap's 1 MiB, but for what Moorage itself adds."""


def names(longest: int) -> SearchStrategy[str]:
    """Names of variables: any that are legal, some that something else sets as well, and the longest."""
    legal = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,30}", fullmatch=True) | st.sampled_from(OFTEN_SET)
    most = legal.map(lambda name: (name * longest)[:longest])
    return st.one_of(legal, legal, legal, most).filter(lambda name: not name.startswith(FOR_THE_LOADER))


@st.composite
def longest_env(draw: DrawFn) -> dict[str, str]:
    """One variable that is as long as any can be, or, with seven more, as much as a ConfigMap can hold."""
    lengths = draw(st.sampled_from([[LONGEST_VARIABLE]] * 3 + [[LONGEST_VARIABLE] * 7 + [LONGEST_VARIABLE - 4000]]))
    env = {}
    for name, length in ((f"LONG_{index}", length) for index, length in enumerate(lengths)):
        text = draw(st.sampled_from(["x", "é", "🚢"]))
        room, size = length - len(f"{name}="), len(text.encode())
        env[name] = "." * (room % size) + text * (room // size)
    return env


def agreeing(env: dict[str, str], secrets: dict[str, str]) -> Settings:
    """Return the settings without the variables that service.yaml may not set: the paths of the secrets."""
    taken = {f"{name}_FILE" for name in secrets}
    # An empty HOME does not reach the process: runc looks up a better one.
    return Settings(
        env={key: value for key, value in env.items() if key not in taken and (value or key != "HOME")}, secrets=secrets
    )


def settings() -> SearchStrategy[Settings]:
    """Any settings, also none."""
    usual = st.dictionaries(names(LONGEST_NAME), texts(REFUSED), max_size=4)
    env = st.sampled_from([usual] * 15 + [longest_env()]).flatmap(lambda strategy: strategy)
    return st.builds(agreeing, env=env, secrets=st.dictionaries(names(LONGEST_SECRET), texts(), max_size=2))


@st.composite
def changed(draw: DrawFn, before: Settings) -> Settings:
    """What the settings are later: one value more, less or changed, all others, another order, or the same."""
    kind = draw(st.sampled_from(["variable", "secret", "fewer", "others", "order", "same"]))
    if kind == "order":
        return Settings(env=dict(reversed(before.env.items())), secrets=dict(reversed(before.secrets.items())))
    if kind == "variable":
        name = next(iter(before.env), "ADDED_VARIABLE")
        return agreeing({**before.env, name: draw(texts(REFUSED))}, before.secrets)
    if kind == "secret":
        name = next(iter(before.secrets), "ADDED_SECRET")
        return agreeing(before.env, {**before.secrets, name: draw(texts())})
    if kind == "fewer":
        return replace(before, env=dict(list(before.env.items())[1:]))
    return draw(settings()) if kind == "others" else before
