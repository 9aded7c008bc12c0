"""Pictures of the graph: what they show, where it stands, and that it is well-formed."""

from __future__ import annotations

import json
from itertools import pairwise
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from moorage.config.graph import Edge, Graph, Kind, Node, Via
from moorage.report.layout import laid_out
from moorage.report.picture import CHANGED, Line, Picture, as_json, mermaid, picture_of, tree
from moorage.report.svg import svg

SVG = "{http://www.w3.org/2000/svg}"
OS, PYTHON = Node(Kind.image, "os"), Node(Kind.image, "python")
LIB = Node(Kind.lib, "harbour")
ORDERS, MAIL = Node(Kind.service, "orders"), Node(Kind.service, "mail")
GRAPH = Graph(
    (OS, PYTHON, LIB, ORDERS, MAIL),
    (
        Edge(PYTHON, OS, Via.base),
        Edge(ORDERS, PYTHON, Via.base),
        Edge(ORDERS, LIB, Via.lib),
        Edge(MAIL, PYTHON, Via.base),
        Edge(MAIL, ORDERS, Via.need),
    ),
)
CHANGE = GRAPH.affected([LIB])
OBJECTS = {"orders": ["Deployment", "Service"], "mail": ["Deployment"], "ingress": ["Ingress"]}
LINKS = (
    Line("stack/mail", "stack/orders", "need"),
    Line("stack/ingress", "stack/mail", "route"),
    Line("stack/x", "y", "need"),
)


def changed(picture: Picture) -> set[str]:
    return {box.id for box in picture.boxes if box.changed}


def text_of(picture: Picture) -> str:
    console = Console(width=120, color_system=None)
    with console.capture() as capture:
        console.print(tree(picture))
    return capture.get()


def test_what_would_be_rebuilt_is_marked_and_what_only_waits_is_not() -> None:
    assert changed(picture_of(GRAPH, "x")) == set()
    assert changed(picture_of(GRAPH, "x", CHANGE)) == {"libs/harbour", "apps/orders"}


def test_objects_of_the_stack_are_boxes_that_run_images_and_wait_for_each_other() -> None:
    picture = picture_of(GRAPH, "x", CHANGE, OBJECTS, LINKS)
    assert changed(picture) == {"libs/harbour", "apps/orders", "stack/orders"}
    assert Line("stack/orders", "apps/orders", "image") in picture.lines
    assert set(picture.lines) >= set(LINKS[:2])
    assert LINKS[2] not in picture.lines
    assert not [line for line in picture.lines if line.source == "apps/mail" and line.label == "need"]
    assert picture.box("stack/orders").objects == ("Deployment", "Service")


def test_the_tree_has_every_node_below_what_depends_on_it() -> None:
    lines = text_of(picture_of(GRAPH, "harbour", CHANGE)).splitlines()
    assert lines[0] == "harbour"
    assert lines[1].endswith("apps/mail")
    assert f"libs/harbour ● {CHANGED}" in "\n".join(lines)
    assert "needs apps/orders" in "\n".join(lines)


def test_mermaid_has_every_box_and_line_and_no_two_names_become_one() -> None:
    twins = Graph((Node(Kind.lib, "a-b"), Node(Kind.lib, "a_b")), ())
    text = mermaid(picture_of(GRAPH, "x", CHANGE, OBJECTS, LINKS))
    assert text.startswith("flowchart LR\n")
    assert text.count("-->") + text.count(".->") == len(picture_of(GRAPH, "x", frozenset(), OBJECTS, LINKS).lines)
    assert text.count(":::changed") == 3
    assert len({line.split("[")[0] for line in mermaid(picture_of(twins, "x")).splitlines()[1:3]}) == 2


def test_json_has_the_graph_for_programs() -> None:
    found = json.loads(as_json(picture_of(GRAPH, "x", CHANGE, OBJECTS, LINKS)))
    assert {"id": "libs/harbour", "kind": "libs", "name": "harbour", "changed": True} in found["nodes"]
    assert {"source": "apps/orders", "target": "libs/harbour", "via": "lib"} in found["edges"]
    assert [node["objects"] for node in found["nodes"] if node["id"] == "stack/ingress"] == [["Ingress"]]


def test_the_svg_is_well_formed_self_contained_and_for_light_and_dark_pages() -> None:
    picture = picture_of(GRAPH, 'a < b & "c"', CHANGE, OBJECTS, LINKS)
    text = svg(picture)
    page = ET.fromstring(text)
    assert {group.get("id") for group in page.iter(f"{SVG}g")} - {None} == {box.id for box in picture.boxes}
    paths = [path for path in page.iter(f"{SVG}path") if path.get("marker-end")]
    assert len(paths) == len(picture.lines)
    assert [word for word in text.split() if "href=" in word or "src=" in word] == []
    assert "prefers-color-scheme: dark" in text
    # The mark is a word as well as a colour.
    assert sum(CHANGED in (mark.text or "") for mark in page.iter(f"{SVG}text")) == 3 + 1


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, tuple[float, float]], list[tuple[str, str]]]:
    count = draw(st.integers(0, 14))
    sizes = {str(number): (draw(st.floats(20, 200)), draw(st.floats(20, 90))) for number in range(count)}
    ends = st.tuples(st.integers(0, max(count - 1, 0)), st.integers(0, max(count - 1, 0)))
    found = draw(st.lists(ends, max_size=30)) if count else []
    return sizes, [(str(max(pair)), str(min(pair))) for pair in found if pair[0] != pair[1]]


@given(graphs())
def test_boxes_never_overlap_and_stand_to_the_right_of_what_they_depend_on(
    graph: tuple[dict[str, tuple[float, float]], list[tuple[str, str]]],
) -> None:
    sizes, lines = graph
    layout = laid_out(sizes, lines, gap=(40, 10))
    boxes = [place for place in layout.places.values() if not place.bend]
    assert {box.id for box in boxes} == sizes.keys()
    for index, one in enumerate(boxes):
        assert 0 <= one.x <= layout.width - one.width + 1e-6
        assert -1e-6 <= one.y <= layout.height - one.height + 1e-6
        for other in boxes[index + 1 :]:
            apart = (
                one.x + one.width <= other.x
                or other.x + other.width <= one.x
                or one.y + one.height <= other.y
                or other.y + other.height <= one.y
            )
            assert apart
    for source, target in lines:
        route = [layout.places[name] for name in layout.routes[source, target]]
        assert (route[0].id, route[-1].id) == (target, source)
        assert all(left.x + left.width < right.x for left, right in pairwise(route))
