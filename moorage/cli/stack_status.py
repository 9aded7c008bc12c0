"""`moorage status` and `moorage events`: what the cluster says of a stack, as people and as programs read it."""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from moorage.base import console
from moorage.base.errors import MoorageError
from moorage.base.image_reference import parse_image
from moorage.base.words import did_you_mean, listed
from moorage.cli.sessions import session_of
from moorage.engine import kubectl
from moorage.engine.state import read_state
from moorage.observe.entry import LEVELS, RESTARTED, service_of
from moorage.observe.status import Objects, entries_of, status_of

if TYPE_CHECKING:
    from pathlib import Path

    from moorage.engine.session import Session
    from moorage.engine.state import State
    from moorage.observe.entry import Entry
    from moorage.observe.status import ServiceStatus, StackStatus

UNHEALTHY = 3
"""Exit status of ``moorage status`` where a service is not healthy."""
_WATCH_SECONDS = 2.0
_RECENT = dt.timedelta(minutes=15)
_MOST_RECENT = 8
_DIGEST_CHARACTERS = 12
_SPAN = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_COLOURS = {"warning": "yellow", "error": "red"}


def show(root: Path, stack: str, *, watch: bool = False, as_json: bool = False) -> int:
    """Print how a stack is and return the exit status; ``watch`` goes on until it is interrupted."""
    session = session_of(root, stack)
    state = _state(session)
    if as_json:
        found = _look(session, state)
        console.out.print_json(json.dumps(found.as_dict()))
        return 0 if found.healthy else UNHEALTHY
    found = _look(session, state)
    if watch:
        with Live(
            _screen(stack, found), console=console.out, auto_refresh=False, screen=console.out.is_terminal
        ) as live:
            while True:
                time.sleep(_WATCH_SECONDS)
                live.update(_screen(stack, _look(session, state)), refresh=True)
    console.out.print(_screen(stack, found))
    return 0 if found.healthy else UNHEALTHY


def events(root: Path, stack: str, *, service: str, since: str, level: str, as_json: bool) -> None:
    """Print what happened in a stack, the newest last."""
    span = _span(since)
    if level not in LEVELS:
        raise MoorageError.of(
            f"unknown level {level!r}",
            where="--level",
            why=f"an entry is of one of the levels {listed(LEVELS)}",
            remedy=did_you_mean(level, LEVELS, "use --level warning"),
        )
    session = session_of(root, stack)
    state = _state(session)
    objects, now = _objects(session, state.namespace), dt.datetime.now(dt.UTC)
    names = [service_of(one) for one in (*objects.deployments, *objects.stateful_sets)]
    if service and service not in names:
        raise MoorageError.of(
            f"stack {stack} has no service {service}",
            where="--service",
            why=f"it has {listed(sorted(names))}",
            remedy=did_you_mean(service, names, "name one of them"),
        )
    wanted = LEVELS.index(level)
    for entry in entries_of(objects, now, now - span):
        if (not service or entry.service == service) and LEVELS.index(entry.level) >= wanted:
            console.out.print(entry.to_json() if as_json else _line(entry), markup=not as_json)


def _state(session: Session) -> State:
    state = read_state(session)
    if not state.namespace:
        raise MoorageError.of(
            f"stack {session.stack} is not up",
            where=f"Pulumi.{session.stack}.yaml",
            why="its state has no namespace: nothing was deployed yet, or it was taken down",
            remedy=f"moorage up {session.stack}",
        )
    return state


def _look(session: Session, state: State) -> StackStatus:
    return status_of(
        _objects(session, state.namespace),
        namespace=state.namespace,
        expected=state.services,
        now=dt.datetime.now(dt.UTC),
        recent=_RECENT,
    )


def _objects(session: Session, namespace: str) -> Objects:
    """Read a namespace's objects; raises `MoorageError` where the cluster does not answer."""
    kinds = "deployments,statefulsets,replicasets,pods,events"
    result = kubectl.run(session, "get", kinds, f"--namespace={namespace}", "--output=json")
    if result.returncode:
        raise MoorageError.of(
            "the cluster does not tell how the stack is",
            where=f"context {session.target.context} of {session.target.kubeconfig}",
            why=(result.stderr.strip().splitlines() or ["kubectl failed"])[-1],
            remedy="start the platform with `moorage platform start`"
            if session.target.embedded
            else "check that the cluster is reached and that you may read the namespace: kubectl auth can-i list pods",
        )
    items: list[dict[str, Any]] = json.loads(result.stdout)["items"]
    usage = kubectl.run(session, "get", "--raw", f"/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods")
    return Objects(
        deployments=[one for one in items if one["kind"] == "Deployment"],
        stateful_sets=[one for one in items if one["kind"] == "StatefulSet"],
        replica_sets=[one for one in items if one["kind"] == "ReplicaSet"],
        pods=[one for one in items if one["kind"] == "Pod"],
        events=[one for one in items if one["kind"] == "Event"],
        # A cluster without metrics-server says nothing of usage, and the rest all the same.
        usage=json.loads(usage.stdout)["items"] if usage.returncode == 0 else [],
    )


def _screen(stack: str, found: StackStatus) -> Group:
    """Return one screen: a line on the whole, a row for each service, and the latest warnings."""
    sick = [one.name for one in found.services if not one.healthy] + list(found.missing)
    verdict = "[green]healthy[/]" if found.healthy else f"[red]not healthy[/]: {escape(listed(sick))}"
    if not found.services and not found.missing:
        verdict = "[red]not healthy[/]: it has no services"
    local = found.time.astimezone()
    parts: list[Any] = [
        Text.from_markup(f"stack [bold]{escape(stack)}[/] is {verdict} [dim]{local:%H:%M:%S}[/]"),
        _table(found),
    ]
    late = found.recent[-_MOST_RECENT:]
    if late:
        parts += [Text(""), *(Text.from_markup(_line(entry)) for entry in late)]
    return Group(*parts)


def _table(found: StackStatus) -> Table:
    table = Table(box=None, pad_edge=False)
    for column, right in (
        ("service", 0),
        ("ready", 1),
        ("cpu", 1),
        ("memory", 1),
        ("restarts", 1),
        ("last restart", 0),
        ("image", 0),
    ):
        table.add_column(column, justify="right" if right else "left", style="bold" if column == "service" else None)
    for one in found.services:
        colour = "green" if one.healthy else "red" if one.ready == 0 and one.wanted else "yellow"
        table.add_row(
            escape(one.name),
            f"[{colour}]{one.ready}/{one.wanted}[/]",
            _share(one, "cpu"),
            _share(one, "memory"),
            str(one.restarts) if not one.restarts else f"[yellow]{one.restarts}[/]",
            _last(one, found.time),
            f"[dim]{escape(_image(one.image))}[/]",
        )
    for name in found.missing:
        table.add_row(escape(name), "[red]missing[/]", "", "", "", "", "")
    return table


def _share(one: ServiceStatus, resource: str) -> str:
    if resource not in one.usage:
        return "[dim]-[/]"
    share = round(100 * one.usage[resource][0] / one.usage[resource][1])
    return f"[yellow]{share} %[/]" if resource in one.near_limit else f"{share} %"


def _last(one: ServiceStatus, now: dt.datetime) -> str:
    entry = one.last_restart
    if entry is None:
        return ""
    detail = entry.fields.get("detail")
    return escape(f"{entry.fields['reason']}, {_ago(now - entry.time)} ago" + (f" ({detail})" if detail else ""))


def _ago(span: dt.timedelta) -> str:
    seconds = max(0, round(span.total_seconds()))
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"


def _image(image: str) -> str:
    """Return the end of an image's name and the beginning of its digest, which is what tells releases apart."""
    reference = parse_image(image)
    digest = (reference.digest or "").removeprefix("sha256:")[:_DIGEST_CHARACTERS]
    return f"{image.partition('@')[0].rpartition('/')[2]}{'@' + digest if digest else ''}"


def _line(entry: Entry) -> str:
    """Return an entry as people read it: time, service, message and what it says more."""
    known = {name: value for name, value in entry.fields.items() if value not in (None, "")}
    order = (
        "check",
        "endpoint",
        "reason",
        "detail",
        "resource",
        "usage",
        "limit",
        "share",
        "image",
        "revision",
        "seconds",
    )
    words = [
        f"{known[name]}" if name in ("check", "endpoint", "reason", "detail") else f"{name} {known[name]}"
        for name in order
        if name in known
    ]
    if (
        entry.message == RESTARTED
        and known.get("exitCode") not in (None, 0)
        and "exit code" not in str(known.get("detail"))
    ):
        words.append(f"exit code {known['exitCode']}")
    colour = _COLOURS.get(entry.level, "dim")
    local = entry.time.astimezone()
    where = escape(str(known.get("pod") or entry.service))
    return f"[dim]{local:%m-%d %H:%M:%S}[/] [bold]{where}[/] [{colour}]{escape(entry.message)}[/] {escape(' · '.join(words))}"


def _span(text: str) -> dt.timedelta:
    """Return a span of time as it is typed; raises `MoorageError` for anything else."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise MoorageError.of(
            f"{text!r} is not a span of time",
            where="--since",
            why="a span is a whole number and a unit: s, m, h or d",
            remedy="use --since 30m",
        )
    return dt.timedelta(**{_UNITS[match[2]]: int(match[1])})
