"""``Pulumi.<stack>.yaml``: Moorage's own keys as a model, and the names of the secrets beside them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from moorage.base.errors import Location, MoorageError, Problem
from moorage.base.stage import POLICY_SETTING, stage_of, stage_problem
from moorage.base.words import did_you_mean, listed, nearest
from moorage.config.modelkeys import known_keys
from moorage.config.projectfile import check_project, read_project
from moorage.config.sources import known_stacks, stack_file
from moorage.config.stack import Stack
from moorage.config.validate import Source, validated
from moorage.config.yamlfile import plain_value, read_yaml

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from moorage.base.stage import Stage
    from moorage.config.projectfile import ProjectFile

SETTINGS_NAMESPACE = "moorage"
"""What stands before the colon of Moorage's own config keys, whatever the project is called in Pulumi.yaml."""
_PREFIX = f"{SETTINGS_NAMESPACE}:"
_CONFIG = "config"
_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")
_NAMELESS = "app"
"""What the whole is called where Pulumi.yaml gives no name; Pulumi itself then asks for one."""
_TOP_LEVEL = (_CONFIG, "environment", "encryptionsalt", "encryptedkey", "secretsprovider")


@dataclass(frozen=True)
class StackFile:
    """A stack's settings (None where they have errors), where they stand, and the keys of its secrets."""

    stack: str
    source: Source
    settings: Stack | None
    stage: Stage
    """What the stack is for."""
    secrets: frozenset[str]
    """Without the prefix; Pulumi itself decrypts the values."""
    about_secrets: tuple[Problem, ...]
    """What is wrong with them. All else is known by then: `pulumi config` can put it right."""


def read_stack(root: Path, stack: str, secret_keys: Collection[str], problems: list[Problem]) -> StackFile:
    """Read a stack's file; ``secret_keys`` are the keys that services list as secrets.

    Raises `MoorageError` where there is no such stack or the file cannot be parsed; all else is added to ``problems``,
    but for what is wrong with secrets.
    """
    path = stack_file(root, stack)
    stacks = known_stacks(root)
    if stack not in stacks:
        raise MoorageError.of(
            f"there is no stack {stack}",
            where=Location(file=str(path)),
            why=f"stacks with settings: {listed(stacks)}",
            remedy=did_you_mean(stack, stacks, f"name one of them, or create Pulumi.{stack}.yaml"),
        )
    source = Source(read_yaml(path), (_CONFIG,), _PREFIX)
    reader = _Reader(source, frozenset(secret_keys) | _secrets_of_services(source), stack, problems)
    settings = validated(Stack, reader.own_settings(), source, problems)
    project = read_project(root)
    if settings is not None and not settings.application:
        settings = settings.model_copy(update={"application": _application(project, problems)})
    problems.extend(check_project(project, _PREFIX))
    stage = _stage(stack, source, settings, project, problems)
    return StackFile(stack, source, settings, stage, frozenset(reader.secrets), tuple(reader.about_secrets))


def _application(project: ProjectFile, problems: list[Problem]) -> str:
    """Return a project's name as a name of Kubernetes objects; add a problem where it cannot be one."""
    label = re.sub(r"[^a-z0-9]+", "-", project.name.lower()).strip("-")
    if project.source is not None and project.name and not _LABEL.fullmatch(label):
        problems.append(
            project.source.at(
                project.source.document.value_at(("name",)),
                Problem(
                    what=f"the project's name {project.name} cannot name Kubernetes objects",
                    why="what is made of it starts with a letter and has at most 40 letters, digits and hyphens",
                    remedy="set moorage:application in each stack's file, or rename the project",
                ),
            )
        )
    return label or _NAMELESS


def _secrets_of_services(source: Source) -> frozenset[str]:
    """Return the config keys that the stack's own part of a service lists as secrets."""
    config = source.document.data.get(_CONFIG)
    services = config.get(f"{_PREFIX}services") if isinstance(config, dict) else None
    parts = services.values() if isinstance(services, dict) else ()
    listed = (part.get("secrets") for part in parts if isinstance(part, dict))
    return frozenset(key for each in listed if isinstance(each, dict) for key in each.values() if isinstance(key, str))


def _stage(stack: str, source: Source, settings: Stack | None, project: ProjectFile, problems: list[Problem]) -> Stage:
    """Return what a stack is for; add a problem where ``policy:stage`` is invalid or says otherwise."""
    own = settings.stage if settings else None
    place, config = source, source.document.data.get(_CONFIG)
    given = config.get(POLICY_SETTING) if isinstance(config, dict) else None
    if given is None and project.source is not None:
        place, given = project.source, project.policy_stage
    problem = stage_problem(own, given)
    if problem:
        where = place.document.value_at((_CONFIG, POLICY_SETTING))
        problems.append(place.at(where, problem))
    return stage_of(stack, own, given)


def set_secret_command(key: str, stack: str) -> str:
    """Return the command that stores a secret of a stack."""
    return f"pulumi config set --secret {_PREFIX}{key} --stack {stack}"


@dataclass
class _Reader:
    source: Source
    secret_keys: frozenset[str]
    stack: str
    problems: list[Problem]
    secrets: set[str] = field(default_factory=set)
    about_secrets: list[Problem] = field(default_factory=list)

    def own_settings(self) -> dict[str, Any]:
        """Return the values under Moorage's own keys, by their names without the prefix."""
        self._check_top_level()
        config = self.source.document.data.get(_CONFIG)
        if config is None:
            return {}
        if not isinstance(config, dict):
            self._add(
                (_CONFIG,),
                what="config is not a mapping",
                why="it holds keys such as moorage:ingress",
                remedy="indent them",
            )
            return {}
        own = {}
        for key, value in config.items():
            namespace, separator, name = key.partition(":")
            if not separator or (namespace != SETTINGS_NAMESPACE and nearest(namespace, [SETTINGS_NAMESPACE])):
                self._wrong_namespace(key, name if separator else key)
            elif namespace == SETTINGS_NAMESPACE and self._is_setting(name, value):
                own[name] = _typed(name, value)
        return own

    def _check_top_level(self) -> None:
        for key in self.source.document.data:
            if key in _TOP_LEVEL:
                continue
            if key.startswith(_PREFIX):
                self._add((key,), what=f"{key} is beside config", why="settings go below config", remedy="indent it")
            elif (near := nearest(key, _TOP_LEVEL)) is not None:
                self._add(
                    (key,),
                    what=f"unknown key {key}",
                    why=f"known here: {listed(_TOP_LEVEL)}",
                    remedy=f"did you mean {near}?",
                )

    def _wrong_namespace(self, key: str, name: str) -> None:
        why = "Pulumi's config keys begin with a namespace, Moorage's with moorage:"
        meant = nearest(name, known_keys(Stack)) or name
        self._add((_CONFIG, key), what=f"unknown key {key}", why=why, remedy=f"write {_PREFIX}{meant}")

    def _is_setting(self, name: str, value: Any) -> bool:
        """Return whether the key is one of the model's; take note of secrets, which are not."""
        encrypted = isinstance(value, dict) and value.keys() == {"secure"}
        if name in known_keys(Stack):
            if encrypted:
                why = "only what services list in secrets is encrypted; Moorage needs its own settings unencrypted"
                self._add(
                    (_CONFIG, _PREFIX + name),
                    what=f"{_PREFIX}{name} is a secret",
                    why=why,
                    remedy="set it without --secret",
                )
            return True
        if name in self.secret_keys:
            self.secrets.add(name)
            if not encrypted:
                self._plain_secret(name)
            return False
        if encrypted:
            near = nearest(name, self.secret_keys)
            remove = (
                f"list it in a service.yaml's secrets, or run pulumi config rm {_PREFIX}{name} --stack {self.stack}"
            )
            self.about_secrets.append(
                self.source.at(
                    self.source.document.key_at((_CONFIG, _PREFIX + name)),
                    Problem(
                        what=f"no service uses the secret {_PREFIX}{name}",
                        why=f"secrets that services list: {listed(sorted(self.secret_keys))}",
                        remedy=f"did you mean {near}?" if near else remove,
                    ),
                )
            )
            return False
        return True

    def _plain_secret(self, name: str) -> None:
        # Its line is not quoted: the message may end in a log.
        where = self.source.document.key_at((_CONFIG, _PREFIX + name))
        self.about_secrets.append(
            Problem(
                what=f"the secret {_PREFIX}{name} is in plain text",
                where=where,
                why="services list it in secrets, so it is kept encrypted",
                remedy=f"run {set_secret_command(name, self.stack)}, and treat the old value as leaked",
            )
        )

    def _add(self, trail: tuple[str, ...], *, what: str, why: str, remedy: str) -> None:
        """Take note of a problem at a key of the whole file."""
        where = self.source.document.key_at(trail)
        self.problems.append(self.source.at(where, Problem(what=what, why=why, remedy=remedy)))


def _typed(name: str, value: Any) -> Any:
    """Return a setting with the type it means: ``pulumi config set`` stores true and 4 as text."""
    info = known_keys(Stack).get(name)
    wanted = {info.annotation, *get_args(info.annotation)} if info else set()
    meant = plain_value(value) if isinstance(value, str) else value
    return meant if type(meant) in wanted & {bool, int} else value
