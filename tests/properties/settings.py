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
"""What no ConfigMap can hold: the API server reads what is applied as YAML, which refuses these or, as it does the
line break U+0085, turns them into something else. Secrets travel in base64."""


def names() -> SearchStrategy[str]:
    """Names of variables: any that are legal, and some that something else sets as well."""
    legal = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,30}", fullmatch=True) | st.sampled_from(OFTEN_SET)
    return legal.filter(lambda name: not name.startswith(FOR_THE_LOADER))


def agreeing(env: dict[str, str], secrets: dict[str, str]) -> Settings:
    """Return the settings without the variables that service.yaml may not set: the paths of the secrets."""
    taken = {f"{name}_FILE" for name in secrets}
    # An empty HOME does not reach the process: runc looks up a better one.
    return Settings(
        env={key: value for key, value in env.items() if key not in taken and (value or key != "HOME")}, secrets=secrets
    )


def settings() -> SearchStrategy[Settings]:
    """Any settings, also none."""
    env = st.dictionaries(names(), texts(REFUSED), max_size=4)
    return st.builds(agreeing, env=env, secrets=st.dictionaries(names(), texts(), max_size=2))


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
