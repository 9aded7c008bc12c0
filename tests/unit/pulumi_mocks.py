"""An engine that creates nothing: it answers like the providers, and remembers what was asked of it."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DIGEST = "sha256:" + "0123456789abcdef" * 4
CLUSTER = "kubernetes:"


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One resource as the program registered it."""

    urn: str
    type: str
    name: str
    inputs: dict[str, Any]
    """As plain values: secrets are unwrapped; `secrets` tells which they were."""
    secrets: frozenset[str]
    """Top-level inputs that are secret or hold a secret."""
    parent: str
    dependencies: frozenset[str]
    """URNs of what it waits for, whether said or implied by an input."""
    provider: str
    protect: bool
    retain_on_delete: bool
    ignore_changes: tuple[str, ...]
    secret_outputs: tuple[str, ...]
    create_timeout: str

    @property
    def kind(self) -> str:
        """The last part of the type: ``Deployment``, ``Image``."""
        return self.type.rsplit(":", 1)[-1]

    @property
    def in_component(self) -> bool:
        """Whether a component of Moorage made it."""
        return "$moorage:" in self.parent


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a program registered, in order."""

    registrations: list[Registration] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    """What the stack exports."""

    def of(self, kind: str) -> list[Registration]:
        """Return the resources of a kind."""
        return [found for found in self.registrations if found.kind == kind]

    def one(self, kind: str, name: str | None = None) -> Registration:
        """Return the only resource of a kind, or the one of that kind with that logical name."""
        found = [each for each in self.of(kind) if name is None or each.name == name]
        assert len(found) == 1, f"{len(found)} resources of kind {kind} and name {name}"
        return found[0]

    def objects(self) -> list[Registration]:
        """Return the objects of the cluster."""
        return [found for found in self.registrations if found.type.startswith(CLUSTER)]


class _Providers(pulumi.runtime.Mocks):
    """Outputs as the real providers give them."""

    def __init__(self, *, built: bool, earlier: dict[str, Any]) -> None:
        self._built = built
        self._earlier = earlier

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        outputs = dict(args.inputs)
        if args.typ.startswith(CLUSTER):
            metadata = dict(outputs["metadata"])
            metadata.setdefault("name", f"{args.name}-0a1b2c3d")
            outputs["metadata"] = metadata
        elif args.typ == "docker-build:index:Image":
            outputs["digest"] = DIGEST if self._built else ""
        elif args.typ == "pulumi:index:Stash":
            outputs["output"] = outputs["input"]
        return f"{args.name}-id", outputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        return ({"outputs": self._earlier} if args.token == "pulumi:pulumi:readStackOutputs" else {}), []


class _Monitor(MockMonitor):
    """Remembers each request whole, options included."""

    def __init__(self, mocks: pulumi.runtime.Mocks, recording: Recording) -> None:
        super().__init__(mocks)
        self._recording = recording

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 -- the name of the engine's call
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call] # Pulumi's mocks are untyped
        inputs = rpc.deserialize_properties(request.object)
        self._recording.registrations.append(
            Registration(
                urn=response.urn,
                type=request.type,
                name=request.name,
                inputs={key: _plain(value) for key, value in inputs.items()},
                secrets=frozenset(key for key, value in inputs.items() if rpc.is_rpc_secret(value)),
                parent=request.parent,
                dependencies=frozenset(request.dependencies),
                provider=request.provider,
                protect=request.protect,
                retain_on_delete=request.retainOnDelete,
                ignore_changes=tuple(request.ignoreChanges),
                secret_outputs=tuple(request.additionalSecretOutputs),
                create_timeout=request.customTimeouts.create,
            )
        )
        return response


def _plain(value: Any) -> Any:
    if rpc.is_rpc_secret(value):
        return _plain(rpc.unwrap_rpc_secret(value))
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value


def record(
    program: Callable[[], Any],
    *,
    stack: str = "dev",
    project: str = "moorage",
    preview: bool = False,
    built: bool = True,
    earlier: dict[str, Any] | None = None,
) -> Recording:
    """Run `program` without an engine and return what it registered, all of it: registrations have drained by then.

    `built` False gives images no digest, as a preview of a change does; `earlier` is what the last update exported.
    """
    recording = Recording()
    mocks = _Providers(built=built, earlier=earlier or {})

    def run() -> pulumi.Output[Any]:
        program()
        stack_resource = pulumi.runtime.get_root_resource()
        assert isinstance(stack_resource, Stack)
        return pulumi.Output.from_input(stack_resource.outputs).apply(recording.outputs.update)

    def run_with_mocks() -> None:
        monitor = _Monitor(mocks, recording)
        pulumi.runtime.set_mocks(mocks, project=project, stack=stack, preview=preview, monitor=monitor)
        pulumi.runtime.test(run)()  # type: ignore[no-untyped-call] # likewise

    # A context and a loop of its own: what one program left, a failed one above all, must not reach the next.
    with _event_loop():
        contextvars.copy_context().run(run_with_mocks)
    return recording


@contextlib.contextmanager
def _event_loop() -> Iterator[None]:
    """Provide an event loop, and let nothing that was left waiting go on after it."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        asyncio.set_event_loop(None)
