"""Pictures of graphs for tests, made without a project."""

from __future__ import annotations

from collections.abc import Mapping

from weaselish.engine.picture import DrawnStep, Picture
from weaselish.engine.status import Status
from weaselish.model.project import Command, ProjectModel
from weaselish.plan.export import critical_path
from weaselish.plan.graph import make_plan
from weaselish.plan.reasons import Reason, ReasonKind
from weaselish.records.history import PastResult, PastRun


def picture_of(
    needs: Mapping[str, tuple[str, ...]],
    *,
    statuses: Mapping[str, Status] | None = None,
    seconds: Mapping[str, float] | None = None,
    groups: bool = False,
    title: str = "A project",
) -> Picture:
    """Return a picture in which each name needs others. With `groups`, `train@de` belongs to the matrix `train`."""
    commands = {
        name: Command(
            name,
            help=f"Make {name}",
            script=(f"make {name}",),
            deps=tuple(f"out/{dep}" for dep in deps),
            outputs=(f"out/{name}",),
        )
        for name, deps in needs.items()
    }
    plan = make_plan(ProjectModel(title=title, commands=commands), list(commands))
    known = dict(seconds or {})
    critical = critical_path(plan, known) if known else ()
    steps = []
    for step in plan.steps:
        status = (statuses or {}).get(step, Status.UP_TO_DATE)
        has_failed = status is Status.FAILED
        last = PastRun(1, step.command, 1.7e9, PastResult.FAILED if has_failed else PastResult.DONE, seconds=1.0)
        steps.append(
            DrawnStep(
                step,
                status,
                plan.command(step),
                () if status is Status.UP_TO_DATE else (Reason(ReasonKind.DEP_CHANGED, "out/x"),),
                step.partition("@")[0] if groups and "@" in step else None,
                known.get(step),
                last._replace(exit_code=3) if has_failed else last,
                step in critical,
            )
        )
    return Picture(title, plan, tuple(steps), critical, sum(known.get(step, 0.0) for step in critical), 1.7e9)


DIAMOND = picture_of(
    {"get": (), "clean": ("get",), "train": ("clean",), "plot": ("clean",), "report": ("train", "plot", "get")},
    statuses={"train": Status.FAILED, "report": Status.NEVER_RAN, "plot": Status.OUT_OF_DATE},
    seconds={"get": 2.0, "clean": 61.0, "train": 3600.0, "plot": 0.4},
)
SWEEP = picture_of(
    {
        "get": (),
        **{f"train@{lang}-{size}": ("get",) for lang in ("de", "en") for size in ("sm", "lg")},
        **{
            f"evaluate@{lang}-{size}": (f"train@{lang}-{size}", "get") for lang in ("de", "en") for size in ("sm", "lg")
        },
        "report": ("evaluate@de-sm", "evaluate@en-lg"),
    },
    statuses={"train@de-lg": Status.FAILED, "evaluate@de-lg": Status.NEVER_RAN},
    groups=True,
)
HOSTILE = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'`${x}<!--",
    "]]>&amp;&#60;",
    "e\x1b[2J\x07\u202ev\u2028\u2066",
    "\ufffe\uffff\ud800",
    "{{TITLE}}{{SCRIPT}}",
)
