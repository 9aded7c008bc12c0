"""What secrets look like: forms of credentials that tell by themselves, and values that are none whatever their name.

Nothing here shows or keeps a value.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

_LONGEST: Final = 100_000
"""Characters of a value that are searched; private keys and tokens stand at its start or not at all."""
_REFERENCE: Final = r"(?:\$[\w({<]|%[(sdv{]|\{\{?|<[\w .-]+>|\*{3,}|[xX]{3,}(?![\w])|\[[\w-]+\])"
"""How a text says that something else is put in its place."""
_CREDENTIALS: Final = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----|AGE-SECRET-KEY-1[0-9A-Z]{20,}|PuTTY-User-Key-File-\d"
    # Amazon, Google, Azure, DigitalOcean, Alibaba.
    r"|\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_\-]{35}|\bya29\.[0-9A-Za-z_\-]{20,}|\bGOCSPX-[\w\-]{20,}"
    r"|\b(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{20,}={0,2}|\bdo[opr]_v1_[0-9a-f]{64}|\bLTAI[A-Za-z0-9]{12,20}\b"
    # GitHub, GitLab, Bitbucket, Atlassian.
    r"|\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{22,}"
    r"|\bgl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|imt|oas|ffct)-[A-Za-z0-9_.\-]{20,}|\bATATT3[A-Za-z0-9_\-=]{20,}|\bATBB[A-Za-z0-9]{24,}"
    # Slack, Discord, Telegram, Teams.
    r"|\bxox[a-z]-[A-Za-z0-9\-]{10,}|\bxapp-\d-[A-Za-z0-9\-]{10,}|hooks\.slack\.com/(?:services|workflows)/T\w+/\w+/\w+"
    r"|discord(?:app)?\.com/api/webhooks/\d{10,}/[\w\-]{20,}|\b\d{8,10}:AA[\w\-]{33}\b"
    # Registries of packages and images.
    r"|\bnpm_[A-Za-z0-9]{36}|\bpypi-AgE[A-Za-z0-9_\-]{20,}|\brubygems_[0-9a-f]{40,}|\bdckr_(?:pat|oat)_[\w\-]{20,}"
    r"|_authToken\s*=\s*(?!\$)\S{8,}|\bcio[A-Za-z0-9]{32}\b"
    # Services.
    r"|\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}|\bwhsec_[A-Za-z0-9+/=]{20,}|\bSG\.[\w\-]{16,}\.[\w\-]{16,}"
    r"|\bsk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_\-]{32,}|\bhf_[A-Za-z0-9]{30,}|\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"
    r"|\bsq0[a-z]{3}-[\w\-]{22,}|\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}|\bgl(?:c|sa)_[A-Za-z0-9+/=_]{30,}|\blin_api_[A-Za-z0-9]{32,}"
    r"|\btskey-[a-z]+-\w{10,}|\bhv[sbr]\.[\w\-]{20,}|\bpul-[0-9a-f]{40}\b|\bNRAK-[A-Z0-9]{27}\b|\bkey-[0-9a-f]{32}\b"
    r"|\b[A-Za-z0-9]{14}\.atlasv1\.[\w\-]{60,}|\bfig[dou]_[\w\-]{30,}|\bdapi[0-9a-f]{32}\b|\bSK[0-9a-f]{32}\b"
    # Whatever the service.
    r"|\beyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}"
    rf"|\b[Bb]earer\s+(?!{_REFERENCE})[A-Za-z0-9_\-.=/+]{{16,}}|\b[Bb]asic\s+(?=[A-Za-z0-9+/]*[A-Z0-9+/])[A-Za-z0-9+/]{{8,}}={{0,2}}(?![\w-])"
)
_IN_ADDRESSES: Final = re.compile(
    # scheme://user:password@host, the user being optional; Go's user:password@tcp(host); parameters of either.
    rf"\b[a-z][a-z0-9+.\-]{{1,30}}://[^/\s:@?#]{{0,128}}:(?!{_REFERENCE})[^\s@/]{{1,256}}@(?!sha\d+:)[^\s@]"
    rf"|(?:^|[\s\"'=])[\w.\-]{{1,64}}:(?!{_REFERENCE})[^\s@/]{{1,256}}@(?:tcp|udp|unix)\("
    r"|(?:^|[?&;\s])(?i:password|passwd|pwd|access_token|auth_token|api_?key|client_secret|sharedaccesskey|accountkey)\s?=\s?"
    rf"(?!{_REFERENCE}|[;&\s]|$)[^\s;&]{{3,}}"
    rf"|[?&]sig=(?!{_REFERENCE})[A-Za-z0-9%+/]{{20,}}"
)
_ENCODED_PEM: Final = re.compile(r"\bLS0tLS1CRUdJTi[A-Za-z0-9+/=\n]{20,}")
_HINTS: Final = re.compile(r"[-_.:=]|\bcio|AIza|ABIA|ACCA|AKIA|ASIA|LTAI|ATBB|ATATT|dapi|SK|LS0t|[Bb]earer|[Bb]asic")
"""One of these is in everything that has the form of a credential: most values are done with after this one look."""
_NUMBER: Final = r"[+-]?(?:\d[\d_]*\.?\d*|0x[0-9a-f]+)"
_NO_SECRETS: Final = re.compile(
    rf"(?:|true|false|none|null|nil|yes|no|on|off|enabled?|disabled?|\d{{1,4}}"
    rf"|(?:{_NUMBER}\s?(?:ns|us|ms|s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|[kmgtpe]i?b?|%))+|p(?:\d+[ymwd])*t?(?:\d+[hms])*"
    # Paths and addresses of files; what is filled in later; what names a place where the secret is.
    r"|(?:/|\./|\.\./|~/|[a-z]:\\|\\\\)[\w./\\~@\- ]*|file:.*"
    r"|[\w./\-]+\.(?:txt|pem|key|crt|cer|json|ya?ml|conf|cfg|ini|env|properties|p12|pfx|jks|keystore)"
    r"|`.*`|\$\(.*\)|\$\{.*\}|\$\w+|\{\{.*\}\}|%\(?\w+\)?[sd%]?|<[^<>]*>|\[[\w -]*\]|__\w+__|@\w+@"
    r"|(?:vault|awssm|awsssm|gcpsm|azurekeyvault|secretref|ref\+\w+|op|bws|sops|secret|env|k8s|kubernetes|secretsmanager|ssm|keyring|sm)"
    r"(?::|://).*|arn:aws[\w-]*:(?:secretsmanager|ssm|kms):.*|projects/[^/]+/secrets/.*|@microsoft\.keyvault\(.*"
    r"|enc\[.*\]|ag[A-Za-z0-9+/]{200,}={0,2}"
    r"|[*x•.#-]{3,}|\.\.\."
    r"|(?:please[_\- ]?)?(?:change|replace|fill|insert|set|put|enter|add|provide|update)[_\- ]?(?:it|me|this|with|in|your|here|the)\b.*"
    r"|(?:change|replace)[_\-]?me[\w!-]*"
    r"|(?:your|my)[_\- ](?:\w+[_\- ])*(?:password|passwd|token|secret|key|credentials?|value)(?:[_\- ]here)?"
    r"|to[_\- ]?do|tbd|placeholder|redacted|removed|example|dummy|unused|unset|empty|undefined|n/?a)",
    re.IGNORECASE | re.DOTALL,
)
"""Values that are none, whatever the name says: switches, small numbers, durations, sizes, paths, references, blanks."""
_LARGE_NUMBER: Final = re.compile(rf"{_NUMBER}")
_LOGIN: Final = re.compile(
    r"[\w.@\-]{1,64}:(?!//)\S{3,}|(?=\S*\d)(?=\S*[A-Z])[A-Za-z0-9+/=_.\-]{12,}|(?=\S*\d)[a-z0-9]{20,}"
)


def is_credential(value: str) -> bool:
    """Tell whether a text has, anywhere in it, one of the known forms of credentials."""
    text = value[:_LONGEST]
    if len(text) < 4 or not _HINTS.search(text):
        return False
    return bool(_CREDENTIALS.search(text) or _IN_ADDRESSES.search(text)) or _encoded_key(text)


def is_blank(value: str) -> bool:
    """Tell whether a text is certainly no secret: a switch, a duration, a path, a reference, a placeholder."""
    return bool(_NO_SECRETS.fullmatch(value[:_LONGEST].strip()))


def is_number(value: str) -> bool:
    """Tell whether a text is a number."""
    return bool(_LARGE_NUMBER.fullmatch(value.strip()))


def is_login(value: str) -> bool:
    """Tell whether a text is ``user:password``, or as mixed as a token."""
    return bool(_LOGIN.fullmatch(value.strip()))


def _encoded_key(text: str) -> bool:
    for found in _ENCODED_PEM.finditer(text):
        start = found[0].replace("\n", "")[:80]
        try:
            decoded = base64.b64decode(start[: len(start) // 4 * 4], validate=True)
        except (binascii.Error, ValueError):
            continue
        if b"PRIVATE KEY" in decoded:
            return True
    return False
