"""The monorepo's graph: order, cycles, what a change affects and why."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.config.graph import BUILD, START, Edge, Graph, Kind, Node, Via
from tests.support.effort import calls

IMAGE, LIB = Node(Kind.image, "python"), Node(Kind.lib, "harbour")
BACKEND, WORKER, FRONTEND = (Node(Kind.service, name) for name in ("backend", "worker", "frontend"))
SMALL = Graph(
    (IMAGE, LIB, BACKEND, FRONTEND, WORKER),
    (
        Edge(BACKEND, IMAGE, Via.base),
        Edge(BACKEND, LIB, Via.lib),
        Edge(WORKER, IMAGE, Via.base),
        Edge(WORKER, BACKEND, Via.need),
        Edge(FRONTEND, BACKEND, Via.need),
    ),
)


def node(index: int) -> Node:
    return Node(Kind.service, f"s{index:02}")


@st.composite
def graphs(draw: st.DrawFn, *, acyclic: bool = False) -> Graph:
    size = draw(st.integers(1, 8))
    pairs = draw(st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=14))
    if acyclic:
        pairs = [(max(pair), min(pair)) for pair in pairs if pair[0] != pair[1]]
    edges = [Edge(node(source), node(target), draw(st.sampled_from(Via))) for source, target in pairs]
    nodes = draw(st.permutations([node(index) for index in range(size)]))
    return Graph(tuple(nodes), tuple(edges))


def reaches(graph: Graph) -> set[tuple[Node, Node]]:
    """Return every pair of which the first depends on the second, by repeated joining."""
    pairs = {(edge.source, edge.target) for edge in graph.edges}
    while True:
        longer = {(a, d) for a, b in pairs for c, d in pairs if b == c} - pairs
        if not longer:
            return pairs
        pairs |= longer


@given(graphs(acyclic=True))
def test_everything_comes_after_what_it_depends_on(graph: Graph) -> None:
    place = {node: index for index, node in enumerate(graph.order())}
    assert len(place) == len(graph.nodes)
    assert all(place[edge.target] < place[edge.source] for edge in graph.edges)


@given(graphs(acyclic=True))
def test_the_order_does_not_depend_on_the_order_of_edges(graph: Graph) -> None:
    assert Graph(graph.nodes, tuple(reversed(graph.edges))).order() == graph.order()


@given(graphs(acyclic=True))
def test_of_all_that_could_come_next_the_first_given_does(graph: Graph) -> None:
    waiting, order = list(graph.nodes), []
    while waiting:
        ready = (node for node in waiting if not set(graph.dependencies(node)) & set(waiting))
        order.append(next(ready))
        waiting.remove(order[-1])
    assert graph.order() == tuple(order)


@given(graphs())
def test_what_is_in_order_already_stays_as_it_was_given(graph: Graph) -> None:
    assert Graph(graph.nodes, ()).order() == graph.nodes
    if not graph.cycles():
        ordered = graph.order()
        assert Graph(ordered, graph.edges).order() == ordered


@given(graphs())
def test_there_is_an_order_exactly_when_there_is_no_cycle(graph: Graph) -> None:
    in_cycles = {first for first, second in reaches(graph) if first == second}
    cycles = graph.cycles()
    assert bool(cycles) == bool(in_cycles)
    if in_cycles:
        with pytest.raises(ValueError, match="cycle"):
            graph.order()
    else:
        assert set(graph.order()) == set(graph.nodes)


@given(graphs())
def test_a_cycle_is_a_way_along_edges_that_comes_back_to_its_start(graph: Graph) -> None:
    steps = {(edge.source, edge.target) for edge in graph.edges}
    for cycle in graph.cycles():
        assert cycle[0] == cycle[-1]
        assert len(set(cycle[1:])) == len(cycle) - 1
        assert all(step in steps for step in pairwise(cycle))


@given(graphs())
def test_each_set_of_nodes_in_a_circle_is_reported_once(graph: Graph) -> None:
    pairs = reaches(graph)
    circles = {
        frozenset(other for other in graph.nodes if (one, other) in pairs and (other, one) in pairs)
        for one in graph.nodes
        if (one, one) in pairs
    }
    assert {frozenset(cycle) <= circle for cycle in graph.cycles() for circle in circles if cycle[0] in circle} <= {
        True
    }
    assert len(graph.cycles()) == len(circles)


@given(graphs(), st.data())
def test_a_change_affects_exactly_what_depends_on_it(graph: Graph, data: st.DataObject) -> None:
    changed = data.draw(st.sampled_from(graph.nodes))
    pairs = reaches(graph)
    above = {one for one, other in pairs if other == changed}
    below = {other for one, other in pairs if one == changed}
    assert graph.affected([changed], frozenset(Via)) == above | {changed}
    assert graph.below([changed]) == below | {changed}


@given(graphs(), st.data())
def test_a_chain_leads_from_the_change_to_what_it_affects(graph: Graph, data: st.DataObject) -> None:
    start, end = data.draw(st.sampled_from(graph.nodes)), data.draw(st.sampled_from(graph.nodes))
    chain = graph.chain(start, end)
    assert (chain is not None) == (end in graph.affected([start]))
    if chain is not None:
        assert [start, *(edge.source for edge in chain)] == [*(edge.target for edge in chain), end]
        assert all(edge in graph.edges and edge.via in BUILD for edge in chain)


def test_a_library_reaches_the_images_that_contain_it_and_not_what_waits_for_them() -> None:
    assert SMALL.affected([LIB]) == {LIB, BACKEND}
    assert SMALL.affected([LIB], frozenset(Via)) == {LIB, BACKEND, WORKER, FRONTEND}


def test_services_start_after_what_they_need_and_otherwise_as_given() -> None:
    assert SMALL.order(START) == SMALL.nodes
    assert Graph((WORKER, FRONTEND, BACKEND), SMALL.edges[3:]).order(START) == (BACKEND, WORKER, FRONTEND)


def test_the_shortest_chain_is_the_one_that_is_told() -> None:
    middle = Node(Kind.image, "python-build")
    edges = (Edge(middle, IMAGE, Via.base), Edge(BACKEND, middle, Via.base), Edge(BACKEND, IMAGE, Via.base))
    assert Graph((IMAGE, middle, BACKEND), edges).chain(IMAGE, BACKEND) == (edges[2],)


def test_direct_neighbours_are_those_of_the_edges_asked_for() -> None:
    assert SMALL.dependencies(BACKEND) == (IMAGE, LIB)
    assert SMALL.dependencies(BACKEND, START) == ()
    assert SMALL.dependents(BACKEND) == (FRONTEND, WORKER)
    assert SMALL.of_kind(Kind.lib) == (LIB,)
    assert str(BACKEND) == "apps/backend"


def test_an_edge_to_nowhere_is_refused() -> None:
    with pytest.raises(ValueError, match="apps/backend -> images/python leads outside the graph"):
        Graph((BACKEND,), (Edge(BACKEND, IMAGE, Via.base),))


def test_the_effort_of_a_decision_grows_as_the_graph_does() -> None:
    def decide(count: int) -> None:
        nodes = tuple(node(index) for index in range(count))
        edges = tuple(Edge(nodes[i], nodes[j], Via.lib) for i in range(1, count) for j in {i // 2, i - 1})
        graph = Graph(nodes, edges)
        assert graph.order() == nodes
        assert graph.cycles() == ()
        assert graph.affected([nodes[0]]) == set(nodes)

    assert calls(lambda: decide(2000)) < 4.5 * calls(lambda: decide(500))
