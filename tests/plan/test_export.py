"""A plan for Graphviz and Mermaid, and its critical path."""

from __future__ import annotations

from weaselish.model.project import Command, ProjectModel
from weaselish.plan.export import as_dot, as_mermaid, critical_path
from weaselish.plan.graph import Plan, make_plan


def plan(*listed: str) -> Plan:
    commands = (
        Command("get", outputs=("raw",)),
        Command('say "hi"', deps=("raw",), outputs=("hi",)),
        Command("train", deps=("raw",), outputs=("model",)),
        Command("report", deps=("model", "hi"), outputs=("page",)),
    )
    project = ProjectModel(commands={one.name: one for one in commands}, workflows={"all": listed})
    return make_plan(project, ["all"])


ALL = plan("get", 'say "hi"', "train", "report")


def test_graphviz_names_are_quoted_and_stale_steps_dashed() -> None:
    lines = list(as_dot(ALL, stale={"train"}))
    assert '  "train" [style="rounded,dashed"];' in lines
    assert '  "say \\"hi\\"" [style="rounded,solid"];' in lines
    assert '  "get" -> "train";' in lines
    assert (lines[0], lines[-1]) == ("digraph project {", "}")


def test_mermaid_nodes_are_numbered_and_their_text_escaped() -> None:
    lines = list(as_mermaid(ALL, stale={"train"}))
    assert lines[1:5] == ['  s0["get"]', '  s1["say &quot;hi&quot;"]', '  s2["train"]:::stale', '  s3["report"]']
    assert "  s0 --> s2" in lines


def test_each_position_of_a_repeated_step_is_a_node() -> None:
    lines = list(as_mermaid(plan("train", "report", "train", "report")))
    assert '  s5["report (2)"]' in lines


def test_the_critical_path_is_the_chain_that_takes_longest() -> None:
    seconds = {"get": 1.0, 'say "hi"': 5.0, "train": 3.0, "report": 1.0}
    assert critical_path(ALL, seconds) == ("get", 'say "hi"', "report")
    assert critical_path(ALL, {**seconds, "train": 9.0}) == ("get", "train", "report")


def test_steps_without_a_known_time_take_none() -> None:
    assert critical_path(plan("get"), {}) == ("get",)
    assert critical_path(make_plan(ProjectModel(), []), {}) == ()
