"""The environment in which Pulumi, kubectl and BuildKit run for one stack; nothing of the user's own is touched."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import moorage
from moorage.config.repository import HOME
from moorage.engine import passphrase

if TYPE_CHECKING:
    from moorage.config.target import Target

SHIPPED_PACK = Path(moorage.__file__).parent / "policy"
"""The policy pack of the distribution."""
_FILE = "file"
_PLATFORM_ADDRESSES = ("127.0.0.1", "10.213.0.0/30")
_NO_LOGS = """\
Pulumi keeps a log of each of its runs in a folder of this name, and none where a file has it.
For these logs, put a folder in its place: rm .moorage/pulumi/logs && mkdir .moorage/pulumi/logs
"""


@dataclass(frozen=True, kw_only=True)
class Session:
    """The environment of one stack of the checkout at ``root``, which is deployed to ``target``."""

    root: Path
    stack: str
    target: Target

    @property
    def home(self) -> Path:
        """Everything of this checkout that git does not track."""
        return self.root / HOME

    @property
    def own_backend(self) -> bool:
        """Whether stacks are kept below ``.moorage/`` rather than where the user is logged in."""
        return self.backend() == self._local_backend()

    @cached_property
    def project(self) -> str:
        """The project's name in Pulumi.yaml, by which the backend files its stacks; empty where it has none."""
        from moorage.config.yamlfile import read_yaml

        name = read_yaml(self.root / "Pulumi.yaml").data.get("name")
        return name if isinstance(name, str) else ""

    def backend(self) -> str:
        """Return the URL of Pulumi's backend: the user's own login, else a folder of this checkout."""
        return os.environ.get("PULUMI_BACKEND_URL") or _login() or self._local_backend()

    def backend_folder(self) -> Path | None:
        """Return the folder in which the backend keeps its files; None for one that is not a folder of this machine."""
        url = urlsplit(self.backend())
        if url.scheme != _FILE:
            return None
        path = Path(unquote(url.netloc + url.path)).expanduser()
        return (self.root / path) / ".pulumi"

    def _local_backend(self) -> str:
        return f"file://{self.home / 'state'}"

    def exports(self) -> dict[str, str]:
        """Return the variables that differ from the caller's environment, creating the folders they name.

        Raises `MoorageError` where no passphrase can be had for the stack's secrets.
        """
        return dict(self._exports)

    @cached_property
    def _exports(self) -> dict[str, str]:
        found = {
            "PULUMI_HOME": str(self._pulumi_home()),
            # Plain `pulumi up` acts on this stack, whichever the folder's current one is.
            "PULUMI_STACK": self.stack,
            "PULUMI_BACKEND_URL": self.backend(),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # The passphrase's salt lives with the stack's state, so that Pulumi.<stack>.yaml stays as committed.
            "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
        }
        found |= self._policy()
        if self.own_backend:
            (self.home / "state").mkdir(parents=True, exist_ok=True)
        elif (login := _credentials()) and not os.environ.get("PULUMI_CREDENTIALS_PATH"):
            found["PULUMI_CREDENTIALS_PATH"] = str(login.parent)
        found |= passphrase.variables(
            root=self.root, home=self.home, stack=self.stack, backend=self.backend(), own=self.own_backend
        )
        if self.target.embedded:
            found["KUBECONFIG"] = self.target.kubeconfig
            if self.target.docker_config:
                found["DOCKER_CONFIG"] = self.target.docker_config
            # Both spellings: Go reads the first of them that is set, Python and curl the second.
            found["NO_PROXY"] = found["no_proxy"] = _no_proxy()
        found["PATH"] = self.path()
        return found

    def path(self) -> str:
        """Return the PATH: the toolchain first, then this Python's environment, then the caller's."""
        folders = [str(self.home / "bin"), str(Path(sys.prefix) / "bin")]
        rest = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if folder not in folders]
        return os.pathsep.join([*folders, *rest])

    def environment(self) -> dict[str, str]:
        """Return the whole environment for a child process."""
        return os.environ | self.exports()

    def program(self, name: str) -> str:
        """Return the path of a program as the session's own PATH finds it."""
        return shutil.which(name, path=self.path()) or name

    def buildx(self) -> list[str] | None:
        """Return the command that runs buildx: by itself, or as Docker's plugin; None where there is neither."""
        path = self.path()
        if own := shutil.which("buildx", path=path):
            return [own]
        docker = shutil.which("docker", path=path)
        return [docker, "buildx"] if docker else None

    def _policy(self) -> dict[str, str]:
        """Return what enforces the policy pack in every preview and update, however Pulumi is called."""
        own = self.root / "policy"
        given = os.environ.get("MOORAGE_POLICY_PACK")
        is_pack = any((own / name).exists() for name in ("PulumiPolicy.yaml", "run"))
        pack = Path(given or (own if is_pack else SHIPPED_PACK)).resolve()
        # Pulumi starts an executable itself; for a folder it asks its Python host first, which takes half a second.
        run = pack / "run"
        found = {"PULUMI_OPTION_POLICY_PACK": str(run if os.access(run, os.X_OK) else pack)}
        config = (pack if given else own) / "config" / f"{self.stack}.json"
        return found | ({"PULUMI_OPTION_POLICY_PACK_CONFIG": str(config)} if config.exists() else {})

    def _pulumi_home(self) -> Path:
        """Return Pulumi's own folder, without its logs unless the user has made a folder for them: see ADR 10."""
        home = self.home / "pulumi"
        logs = home / "logs"
        if not logs.exists():
            home.mkdir(parents=True, exist_ok=True)
            logs.write_text(_NO_LOGS)
        return home


def _credentials() -> Path | None:
    """Return the file of the user's logins, looked for as Pulumi does, where there is one."""
    home = os.environ.get("PULUMI_CREDENTIALS_PATH") or os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi"
    path = Path(home) / "credentials.json"
    return path if path.exists() else None


def _login() -> str | None:
    path = _credentials()
    if path is None:
        return None
    try:
        current = json.loads(path.read_text())["current"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return current if isinstance(current, str) and current else None


def _no_proxy() -> str:
    """Return the caller's addresses that no proxy serves, and the platform's."""
    given = f"{os.environ.get('NO_PROXY', '')},{os.environ.get('no_proxy', '')}".split(",")
    return ",".join(dict.fromkeys(part.strip() for part in (*given, *_PLATFORM_ADDRESSES) if part.strip()))
