"""Layouts: whatever the graph, boxes never overlap and every edge leads down."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaselish.plan.layout import Layout, Size, Spacing, lay_out
from weaselish.plan.rows import crossings, make_rows

Edges = list[tuple[str, str]]
Graph = tuple[dict[str, Size], Edges]
SPACING = Spacing(across=3, down=4, lane=3, widest=80)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Any acyclic graph: each edge leads from an earlier node to a later one."""
    count = draw(st.integers(0, 14))
    sizes = {f"n{number}": Size(draw(st.integers(1, 40)), draw(st.integers(1, 9))) for number in range(count)}
    pairs = list(combinations(sizes, 2))
    edges = draw(st.lists(st.sampled_from(pairs), max_size=40)) if pairs else []
    return sizes, edges


@given(graphs())
def test_all_nodes_are_placed_and_no_two_boxes_overlap(graph: Graph) -> None:
    sizes, edges = graph
    layout = lay_out(sizes, edges, SPACING)
    assert list(layout.boxes) == list(sizes)
    for row in layout.rows:
        for left, right in pairwise(layout.boxes[name] for name in row.nodes):
            assert left.right + SPACING.across <= right.x
        for box in (layout.boxes[name] for name in row.nodes):
            assert row.top <= box.y and box.bottom <= row.bottom
            assert box.x >= 0 and box.right <= layout.width
    for above, below in pairwise(layout.rows):
        assert above.bottom + SPACING.down <= below.top
    assert sorted(name for row in layout.rows for name in row.nodes) == sorted(sizes)


@given(graphs())
def test_each_edge_leads_down_beside_the_boxes(graph: Graph) -> None:
    sizes, edges = graph
    layout = lay_out(sizes, edges, SPACING)
    assert {(route.source, route.target) for route in layout.routes} == set(edges)
    level = {name: number for number, row in enumerate(layout.rows) for name in row.nodes}
    for route in layout.routes:
        between = layout.rows[level[route.source] + 1 : level[route.target]]
        assert level[route.source] < level[route.target]
        assert [(lane.top, lane.bottom) for lane in route.lanes] == [(row.top, row.bottom) for row in between]
        for lane, row in zip(route.lanes, between, strict=True):
            assert not any(layout.boxes[name].x <= lane.x < layout.boxes[name].right for name in row.nodes)


@given(graphs())
def test_a_row_is_at_most_as_wide_as_asked_for_unless_one_box_is_wider(graph: Graph) -> None:
    sizes, _ = graph
    layout = lay_out(sizes, [], SPACING)
    for row in layout.rows:
        assert len(row.nodes) == 1 or sum(sizes[name].width + SPACING.across for name in row.nodes) <= 83


@given(graphs())
def test_the_same_graph_has_the_same_layout(graph: Graph) -> None:
    sizes, edges = graph
    assert lay_out(sizes, edges, SPACING) == lay_out(sizes, edges[::-1] * 2, SPACING)


def names(layout: Layout) -> list[set[str]]:
    return [set(row.nodes) for row in layout.rows]


@pytest.mark.parametrize(
    ("edges", "rows"),
    [
        ([], [{"a", "b", "c", "d"}]),
        ([("a", "b"), ("b", "c"), ("c", "d")], [{"a"}, {"b"}, {"c"}, {"d"}]),
        ([("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")], [{"a"}, {"b", "c"}, {"d"}]),
        ([("a", "b"), ("b", "c"), ("d", "c")], [{"a"}, {"b", "d"}, {"c"}]),  # close to its consumer
    ],
)
def test_a_node_is_below_its_producers(edges: Edges, rows: list[set[str]]) -> None:
    assert names(lay_out(dict.fromkeys("abcd", Size(5, 3)), edges, SPACING)) == rows


def test_a_chain_is_a_straight_line() -> None:
    layout = lay_out({"a": Size(9, 3), "b": Size(5, 3), "c": Size(21, 3)}, [("a", "b"), ("b", "c")], SPACING)
    assert len({box.middle for box in layout.boxes.values()}) == 1


def test_edges_of_two_separate_ladders_do_not_cross() -> None:
    edges = [(0, 4), (1, 5), (2, 6), (3, 7), (4, 8), (5, 9), (6, 10), (7, 11), (0, 9)]
    assert crossings(make_rows([4] * 12, edges, gap=2, widest=100)) <= 1
    shuffled = [(0, 7), (1, 6), (2, 5), (3, 4)]
    assert crossings(make_rows([4] * 8, shuffled, gap=2, widest=100)) == 0


def test_two_thousand_steps_that_all_need_the_first_one_have_a_layout() -> None:
    sizes = {f"n{number}": Size(10, 3) for number in range(2000)}
    edges = [(source, f"n{number}") for number in range(1, 2000) for source in {"n0", f"n{number - 1}"}]
    assert len(lay_out(sizes, edges, SPACING).rows) == 2000
