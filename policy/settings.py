"""Which levels hold in a stack, and the settings of the pack: every mistake in them is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from moorage.base import stage as stages
from moorage.base import words

from .registry import RULES, Level

if TYPE_CHECKING:
    from .registry import Rule

ALL: Final = "all"


class SettingsError(Exception):
    """The configuration of the pack is wrong; ``problems`` hold one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Configuration:
    """Level and settings of every rule in one stack."""

    levels: Mapping[str, Level]
    settings: Mapping[str, Mapping[str, Any]]

    def level(self, rule: Rule) -> Level:
        """Return the level that holds for ``rule``."""
        return self.levels[rule.name]


def stage_of(stack: str, config: Mapping[str, str] | None = None) -> str:
    """Return ``dev`` or ``prod``: what a stack's configuration says it is for, or else its name.

    Raises SettingsError where the configuration contradicts itself.
    """
    own, given = ((config or {}).get(key) for key in (stages.SETTING, stages.POLICY_SETTING))
    if problem := stages.stage_problem(own, given):
        raise SettingsError([f"{problem.what}: {problem.remedy}"])
    return "dev" if stages.stage_of(stack, own, given) == stages.DEVELOPMENT else "prod"


def configuration(stage: str, given: Mapping[str, Any] | None = None) -> Configuration:
    """Return the configuration of a stage with what is ``given`` on top, in the form of ``--policy-pack-config``.

    ``given`` maps a rule's name, or ``all``, to a level or to an object of ``enforcementLevel`` and settings. Raises
    SettingsError for unknown names, levels and settings and for values of the wrong type, all at once.
    """
    levels = {name: rule.levels.of(stage) for name, rule in RULES.items()}
    settings = {name: dict(rule.defaults) for name, rule in RULES.items()}
    problems: list[str] = []
    for name, entry in sorted((given or {}).items(), key=lambda item: item[0] != ALL):
        if name != ALL and name not in RULES:
            problems.append(f"unknown policy {name!r}{nearest(name, RULES)}")
            continue
        fields = dict(entry) if isinstance(entry, Mapping) else {"enforcementLevel": entry}
        level = fields.pop("enforcementLevel", None)
        if level is not None:
            if level not in set(Level):
                problems.append(f"{name}: unknown level {level!r}{nearest(str(level), list(Level))}")
            else:
                levels.update(dict.fromkeys(RULES if name == ALL else [name], Level(level)))
        problems += wrong_settings(name, fields)
        settings.setdefault(name, {}).update(fields)
    if problems:
        raise SettingsError(problems)
    return Configuration(levels, settings)


def wrong_settings(name: str, given: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each setting that policy ``name`` does not have, or that is of another type."""
    schemas = RULES[name].settings if name in RULES else {}
    problems = []
    for key, value in given.items():
        if key not in schemas:
            known = nearest(key, schemas) or (f"; it has {', '.join(schemas)}" if schemas else "; it has none")
            problems.append(f"{name}: unknown setting {key!r}{known}")
        elif not _fits(value, schemas[key]):
            problems.append(f"{name}: {key} must be {_described(schemas[key])}")
    return problems


def nearest(name: str, known: Any) -> str:
    """Return ``: did you mean …?`` where a known name is close to ``name``, or else nothing."""
    close = words.nearest(name, known)
    return f": did you mean {close!r}?" if close else ""


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    match schema["type"]:
        case "array":
            return isinstance(value, list | tuple) and all(_fits(item, schema["items"]) for item in value)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "object":
            return isinstance(value, Mapping)
        case _:
            number = isinstance(value, int | float) and not isinstance(value, bool)
            return number and value >= schema.get("minimum", value)


def _described(schema: Mapping[str, Any]) -> str:
    if schema["type"] == "array":
        return f"a list, each item {_described(schema['items'])}"
    least = f" of at least {schema['minimum']}" if "minimum" in schema else ""
    return {"string": "a string", "boolean": "true or false", "object": "an object"}.get(
        schema["type"], f"a number{least}"
    )
