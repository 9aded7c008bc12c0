"""Names under which secrets are kept, in every way that people join words: ``PGPASSWORD``, ``dbPassword``, ``api-key``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal

from .secret_values import is_blank, is_credential, is_login, is_number

Kind = Literal["password", "key", "token", "auth"]
"""``password``: any value is one. ``key``, ``token``: any but a number or a mode. ``auth``: only what looks like a login."""

_PARTS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PASSWORDS: Final = ("password", "passwd", "passphrase", "passcode", "passwrd")
_PASSWORD_WORDS: Final = frozenset({"pass", "pwd", "pw", "pswd", "psw"})
_NO_PASS: Final = ("bypass", "compass", "encompass", "surpass", "trespass", "overpass", "underpass")
_TOKENS: Final = frozenset(
    {"token", "tokens", "secret", "secrets", "credential", "credentials", "creds", "cred", "apikey"}
)
_KEY_KINDS: Final = frozenset(
    {
        "api", "access", "secret", "private", "priv", "encryption", "encrypt", "signing", "sign", "master", "account", "shared",
        "ssh", "auth", "hmac", "jwt", "app", "deploy", "service", "admin", "storage", "session", "cookie", "client", "consumer",
        "subscription", "integration", "license", "seal", "root", "crypto", "cipher", "aes", "rsa", "tls", "ssl", "gpg", "pgp",
        "azure", "batch", "oci", "aws", "gcp", "recaptcha", "stripe", "openai", "anthropic", "sendgrid",
        "mailgun", "datadog", "write", "ingestion",
    }
)  # fmt: skip
_JOINED: Final = (
    "secretkey", "apikey", "accesskey", "privatekey", "signingkey", "encryptionkey", "masterkey", "accountkey", "authkey",
    "authtoken", "accesstoken", "bearertoken", "refreshtoken", "apitoken", "clientsecret", "apisecret", "appsecret",
    "webhooksecret", "sharedsecret", "jwtsecret", "sessionsecret", "cookiesecret",
)  # fmt: skip
_AFTER: Final = (
    "file", "files", "filename", "path", "paths", "dir", "directory", "folder", "name", "names", "ref", "refs", "reference", "id",
    "ids", "arn", "url", "uri", "host", "hosts", "hostname", "port", "address", "addr", "endpoint", "endpoints", "domain", "ttl",
    "expiry", "expires", "expire", "expiration", "timeout", "length", "len", "size", "min", "max", "minimum", "maximum", "count",
    "counts", "limit", "limits", "number", "enabled", "enable", "disabled", "disable", "required", "optional", "allowed", "type",
    "types", "kind", "mode", "modes", "method", "methods", "policy", "policies", "algorithm", "algo", "alg", "issuer", "iss",
    "audience", "audiences", "aud", "header", "headers", "field", "fields", "prefix", "suffix", "format", "provider", "providers",
    "service", "server", "servers", "backend", "store", "manager", "reset", "rotation", "rotate", "interval", "period",
    "duration", "lifetime", "age", "seconds", "secs", "minutes", "hours", "days", "ms", "version", "location", "mount", "mountpath",
    "volume", "namespace", "class", "scope", "scopes", "claim", "claims", "user", "username", "review", "review", "reviewer",
    "validation", "validator", "verification", "exchange", "request", "requests", "source", "sources", "sync", "controller",
    "encoder", "encoding", "strength", "complexity", "history", "retries", "attempts", "rate", "usage", "budget", "window",
    "env", "env_var", "var", "variable", "label", "selector", "annotation", "annotations", "regex", "pattern", "template",
    "command", "cmd", "script", "bucket", "table", "column", "topic", "queue", "index", "section", "item", "entry", "cache",
    "authentication", "authenticator", "authorization", "auth_enabled", "login", "cleaner", "cleanup", "renewal", "key_id",
    "keyid", "keyname", "through", "enabled_", "public", "pub", "cert", "certificate", "binding", "role", "checks", "check",
)  # fmt: skip
"""Last words of names that speak about a secret and do not hold it."""
_BEFORE: Final = frozenset(
    {
        "max", "min", "num", "number", "count", "total", "use", "enable", "enabled", "disable", "disabled", "require", "requires",
        "required", "allow", "allows", "has", "have", "is", "no", "skip", "validate", "show", "hide", "ignore", "supports", "without",
        "with", "should", "can", "mask", "redact", "rotate", "generate", "create", "watch", "list", "default_max", "public",
        "forgot", "reset", "change", "expire", "expired", "automount",
    }
)  # fmt: skip
"""First words of switches and limits."""
_MODES: Final = frozenset(
    {
        "webhook", "basic", "bearer", "oidc", "oauth", "oauth2", "jwt", "ldap", "kerberos", "saml", "sso", "tls", "mtls", "cert",
        "token", "tokens", "password", "static", "dynamic", "auto", "automatic", "manual", "default", "strict", "permissive",
        "file", "env", "vault", "kubernetes", "k8s", "aws", "gcp", "azure", "iam", "irsa", "session", "cookie", "header", "query",
        "client", "server", "anonymous", "internal", "external", "local", "remote", "reference", "opaque", "hs256", "rs256", "es256",
        "client_secret_basic", "client_secret_post", "in-cluster", "incluster", "serviceaccount", "service-account", "inherit",
    }
)  # fmt: skip
"""Values that say where a token or a key comes from, or how it is used."""
_OBJECT_WORDS: Final = frozenset(
    {
        "pull",
        "tls",
        "ssl",
        "cert",
        "certs",
        "certificate",
        "certificates",
        "ca",
        "image",
        "existing",
        "default",
        "registry",
        "helm",
    }
)
"""Before ``secret``: the name of a Secret, not what is in it."""


def looks_secret(name: str, value: str) -> bool:
    """Tell whether a value has a form of credentials, or is named as one and is not a switch, number, path or reference."""
    if is_credential(value):
        return True
    kind = kind_of(name)
    if kind is None or is_blank(value):
        return False
    if "\n" in value.strip():
        return False  # a file, whose lines are looked at one by one
    if kind == "password":
        return True
    if is_number(value) or value.strip().lower() in _MODES:
        return False
    return kind != "auth" or is_login(value)


@lru_cache(maxsize=4096)
def kind_of(name: str) -> Kind | None:
    """Return what a name says that its value is, None for nothing secret."""
    words = [word.lower() for word in _PARTS.findall(name)]
    while words and words[-1].isdigit():
        words.pop()
    if not words or words[0] in _BEFORE:
        return None
    joined = "".join(words)
    if joined.endswith("initialclustertoken"):
        return None  # etcd's name of the cluster
    if words[-1] in _AFTER or (len(words) > 1 and words[-1] in _NO_PASS):
        return None
    kind = _password(words, joined) or _token(words, joined)
    # Written as one word, a name ends in what the value is: PASSWORDFILE, secretname.
    return None if kind and len(words) == 1 and _speaks_about(joined) else kind


def _password(words: list[str], joined: str) -> Kind | None:
    if (any(term in joined for term in _PASSWORDS) and "passwordless" not in joined) or any(
        word in _PASSWORD_WORDS for word in words[-1:]
    ):
        return "password" if joined not in {"pwd", "oldpwd"} else None
    last = words[-1]
    if len(words) > 1 and words[0] in _PASSWORD_WORDS and words[0] != "pass":
        return "password"
    if len(last) > 4 and last.endswith(("pass", "pwd")) and last not in {*_NO_PASS, "oldpwd"}:
        return "password"
    return None


def _token(words: list[str], joined: str) -> Kind | None:
    last = words[-1]
    if any(term in joined for term in _JOINED):
        return "key"
    if last in {"content", "material", "data", "value"} and words[-2:-1] == ["key"] and len(words) > 2:
        return "key"
    if last in {"key", "keys"}:
        return "key" if len(words) > 1 and words[-2] in _KEY_KINDS else None
    if last in {"secret", "secrets"} and len(words) > 1 and words[-2] in _OBJECT_WORDS:
        return None
    if any(word in _TOKENS for word in words) or last.endswith(("token", "secret", "credentials", "apikey")):
        return "token"
    return "auth" if last in {"auth", "authorization"} else None


def _speaks_about(word: str) -> bool:
    return any(
        word.endswith(f"{term}{after}")
        for term in (*_PASSWORDS, "token", "secret", "key", "credentials")
        for after in _AFTER
    )
