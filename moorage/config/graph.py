"""The monorepo's graph: base images, libraries and services, and what each is made from or needs."""

from __future__ import annotations

import heapq
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


class Kind(StrEnum):
    """What a node is, and the folder that it lives in unless the project's layout says otherwise."""

    image = "images"
    lib = "libs"
    service = "apps"


class Via(StrEnum):
    """Why one node depends on another."""

    base = "base"  # its image is built FROM the other
    lib = "lib"  # its image contains the other
    need = "need"  # it starts only once the other is Ready


BUILD = frozenset({Via.base, Via.lib})
"""Edges along which a change rebuilds an image."""
START = frozenset({Via.need})
"""Edges along which services wait for each other."""


@dataclass(frozen=True, order=True)
class Node:
    """A base image, a library or a service."""

    kind: Kind
    name: str
    folder: str = field(default="", compare=False)
    """Relative to the monorepo's top; a node is the same wherever it lies."""

    def __post_init__(self) -> None:
        """Take the usual folder where none is given."""
        if not self.folder:
            object.__setattr__(self, "folder", f"{self.kind.value}/{self.name}")

    def __str__(self) -> str:
        """Return the node's folder: ``apps/backend``."""
        return self.folder


@dataclass(frozen=True, order=True)
class Edge:
    """``source`` depends on ``target``."""

    source: Node
    target: Node
    via: Via


@dataclass(frozen=True)
class Graph:
    """Nodes in the order in which they were given, and edges between them.

    Every method that takes ``via`` follows edges of these kinds alone. An edge to or from an unknown node raises
    `ValueError`: names are checked where they are read, with their place.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    _place: Mapping[Node, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the nodes."""
        place = {node: index for index, node in enumerate(self.nodes)}
        for edge in self.edges:
            if edge.source not in place or edge.target not in place:
                raise ValueError(f"{edge.source} -> {edge.target} leads outside the graph")
        object.__setattr__(self, "_place", place)

    @cached_property
    def _out(self) -> Mapping[Node, tuple[Edge, ...]]:
        return self._grouped((edge.source, edge.target, edge) for edge in self.edges)

    @cached_property
    def _in(self) -> Mapping[Node, tuple[Edge, ...]]:
        return self._grouped((edge.target, edge.source, edge) for edge in self.edges)

    def _grouped(self, entries: Iterable[tuple[Node, Node, Edge]]) -> Mapping[Node, tuple[Edge, ...]]:
        groups: dict[Node, list[tuple[int, Edge]]] = {node: [] for node in self.nodes}
        for node, other, edge in entries:
            groups[node].append((self._place[other], edge))
        return {node: tuple(edge for _, edge in sorted(found)) for node, found in groups.items()}

    def node(self, kind: Kind, name: str) -> Node | None:
        """Return a node with its folder."""
        return next((node for node in self.nodes if node.kind is kind and node.name == name), None)

    def of_kind(self, kind: Kind) -> tuple[Node, ...]:
        """Return the nodes of one kind, in order."""
        return tuple(node for node in self.nodes if node.kind is kind)

    def dependencies(self, node: Node, via: Collection[Via] = frozenset(Via)) -> tuple[Node, ...]:
        """Return what ``node`` depends on directly."""
        return tuple(edge.target for edge in self._out[node] if edge.via in via)

    def dependents(self, node: Node, via: Collection[Via] = frozenset(Via)) -> tuple[Node, ...]:
        """Return what depends on ``node`` directly."""
        return tuple(edge.source for edge in self._in[node] if edge.via in via)

    def below(self, nodes: Iterable[Node], via: Collection[Via] = frozenset(Via)) -> frozenset[Node]:
        """Return ``nodes`` and everything that they depend on, however indirectly."""
        return self._reach(nodes, self._out, via)

    def affected(self, nodes: Iterable[Node], via: Collection[Via] = BUILD) -> frozenset[Node]:
        """Return ``nodes`` and everything that depends on them, however indirectly."""
        return self._reach(nodes, self._in, via)

    def _reach(
        self, nodes: Iterable[Node], edges: Mapping[Node, tuple[Edge, ...]], via: Collection[Via]
    ) -> frozenset[Node]:
        found = set(nodes)
        waiting = list(found)
        while waiting:
            for edge in edges[waiting.pop()]:
                other = edge.target if edges is self._out else edge.source
                if edge.via in via and other not in found:
                    found.add(other)
                    waiting.append(other)
        return frozenset(found)

    def chain(self, start: Node, end: Node, via: Collection[Via] = BUILD) -> tuple[Edge, ...] | None:
        """Return the shortest way along which a change of ``start`` reaches ``end``; None where there is none.

        Each edge's target is the source of the edge before it; the chain is empty where both are the same node.
        """
        came: dict[Node, Edge | None] = {start: None}
        waiting = deque([start])
        while waiting and end not in came:
            for edge in self._in[waiting.popleft()]:
                if edge.via in via and edge.source not in came:
                    came[edge.source] = edge
                    waiting.append(edge.source)
        if end not in came:
            return None
        chain: list[Edge] = []
        step = came[end]
        while step is not None:
            chain.append(step)
            step = came[step.target]
        return tuple(reversed(chain))

    def order(self, via: Collection[Via] = frozenset(Via)) -> tuple[Node, ...]:
        """Return all nodes, each after what it depends on, and otherwise as they were given.

        Raises `ValueError` where the graph has a cycle: ask `cycles` first.
        """
        order = self._ordered(via)
        if len(order) < len(self.nodes):
            raise ValueError("the graph has a cycle")
        return tuple(order)

    def _ordered(self, via: Collection[Via]) -> list[Node]:
        """Return the nodes that can be put in order: all but those of a cycle, and those that depend on one."""
        sorter = TopologicalSorter({node: self.dependencies(node, via) for node in self.nodes})
        with suppress(CycleError):
            sorter.prepare()
        ready: list[int] = []
        order: list[Node] = []
        while True:
            for node in sorter.get_ready():
                heapq.heappush(ready, self._place[node])
            if not ready:
                return order
            order.append(self.nodes[heapq.heappop(ready)])
            sorter.done(order[-1])

    def cycles(self, via: Collection[Via] = frozenset(Via)) -> tuple[tuple[Node, ...], ...]:
        """Return one cycle for each set of nodes that depend on each other, as the path that comes back to its start.

        The start is the first node of the cycle in the graph's order; a node that depends on itself gives ``(a, a)``.
        """
        cycles: list[tuple[Node, ...]] = []
        seen = set(self._ordered(via))
        for node in self.nodes:
            if node in seen:
                continue
            cycle = self._shortest_cycle(node, via)
            if cycle is not None:
                cycles.append(cycle)
                seen |= self.below([node], via) & self.affected([node], via)
        return tuple(cycles)

    def _shortest_cycle(self, start: Node, via: Collection[Via]) -> tuple[Node, ...] | None:
        came: dict[Node, Node] = {}
        waiting = deque([start])
        while waiting and start not in came:
            node = waiting.popleft()
            for other in self.dependencies(node, via):
                if other not in came:
                    came[other] = node
                    waiting.append(other)
        if start not in came:
            return None
        path = [start]
        while len(path) == 1 or path[-1] != start:
            path.append(came[path[-1]])
        return tuple(reversed(path))
