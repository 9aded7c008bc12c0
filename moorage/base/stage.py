"""Whether a stack is for development or for production: one answer for the program, the policies and the command line."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from moorage.base.errors import Problem

Stage: TypeAlias = Literal["development", "production"]
DEVELOPMENT: Final = "development"
PRODUCTION: Final = "production"

DEVELOPMENT_NAMES: Final = frozenset({"dev", "development", "local", "test", "sandbox"})
"""Stacks of these names, or of one of them and a hyphen first (``dev-anna``), are for development; all others are not."""
SETTING: Final = "moorage:stage"
POLICY_SETTING: Final = "policy:stage"
"""The same for programs that have no settings of Moorage."""
_POLICY_STAGES: Final[dict[str, Stage]] = {"dev": DEVELOPMENT, "prod": PRODUCTION}


def stage_of(stack: str, setting: object = None, policy_setting: object = None) -> Stage:
    """Return what a stack is for: what ``moorage:stage`` says, else ``policy:stage``, else its name.

    Values of which `stage_problem` complains count as production.
    """
    if setting is not None:
        return DEVELOPMENT if setting == DEVELOPMENT else PRODUCTION
    if policy_setting is not None:
        return _POLICY_STAGES.get(str(policy_setting), PRODUCTION)
    return DEVELOPMENT if stack.partition("-")[0].lower() in DEVELOPMENT_NAMES else PRODUCTION


def stage_problem(setting: object, policy_setting: object) -> Problem | None:
    """Return what is wrong with the two settings together, each None where it is not set."""
    why = f"{POLICY_SETTING} says what a stack is for where {SETTING} does not"
    if policy_setting is not None and policy_setting not in _POLICY_STAGES:
        return Problem(
            what=f"{POLICY_SETTING} must be dev or prod, is {policy_setting!r}",
            why=why,
            remedy=f"write dev or prod, or remove it and set {SETTING} to {DEVELOPMENT} or {PRODUCTION}",
        )
    if setting is not None and setting not in _POLICY_STAGES.values():
        return Problem(
            what=f"{SETTING} must be {DEVELOPMENT} or {PRODUCTION}, is {setting!r}",
            why="a stack is for one of the two",
            remedy=f"write {DEVELOPMENT} or {PRODUCTION}",
        )
    if None not in {setting, policy_setting} and _POLICY_STAGES[str(policy_setting)] != setting:
        return Problem(
            what=f"{SETTING} is {setting}, {POLICY_SETTING} is {policy_setting}",
            why="a stack is either for development or for production, to its services, the policies and moorage up alike",
            remedy=f"remove {POLICY_SETTING}; {SETTING} counts for the policies as well",
        )
    return None
