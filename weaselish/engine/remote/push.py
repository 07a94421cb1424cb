"""push: publishes what recorded, successful runs produced, under the key of what went into them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from weaselish.engine import events
from weaselish.engine.remote.push_plan import NotPushed, Order, PushOptions, PushPlanner, Upload
from weaselish.engine.remote.resolve import OpenStore, selected_commands
from weaselish.engine.remote.transfer import transfer
from weaselish.engine.remote.tree import RemoteTree
from weaselish.engine.remote.upload import Uploader
from weaselish.engine.serial_reporter import SerialReporter
from weaselish.engine.workers import Workers
from weaselish.errors import InvalidProject, StoreError
from weaselish.files.walk import Unreadable
from weaselish.model.paths import is_outside
from weaselish.model.project import Command, Remote
from weaselish.workspace import Workspace

__all__ = ["PushOptions", "Pushed", "push"]

_UPLOAD_GRACE = (
    0.75  # seconds after Ctrl-C in which uploads drop what they stored: `ABORTING` of stores/cloud.py, and more
)
_GRACE = 0.8  # seconds to unwind after Ctrl-C; more than an upload gets


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did for one command. `stored`: keys of the objects it wrote or, in a dry run, would write."""

    command: str
    refused: str | None = None  # why nothing was published
    hint: str | None = None
    is_error: bool = False  # whether that is more than being out of date
    stored: tuple[str, ...] = ()
    already_there: bool = False
    size: int = 0  # bytes of content behind `stored`
    outside: tuple[str, ...] = ()  # outputs outside the project, which are never pushed


def push(
    workspace: Workspace, remote: Remote, options: PushOptions, *, open_store: OpenStore, report: events.Reporter
) -> tuple[Pushed, ...]:
    """Publish every selected command that is up to date. Raises StoreError if the remote cannot be used at all."""
    options = replace(options, commands=selected_commands(workspace, options.commands))
    if remote.is_user_cache:  # a crash of the system may leave broken objects there
        options = replace(options, replace_unverified=True)
    if remote.read_only:
        raise StoreError(f"remote `{remote.name}` is read-only", hint="remove `read_only: true` to push to it")

    def work(tree: RemoteTree, serial: SerialReporter) -> tuple[Pushed, ...]:
        return _Push(workspace, tree, options, serial).run()

    return transfer(workspace, remote, work, dry=options.dry, open_store=open_store, report=report, grace=_GRACE)


class _Push:
    def __init__(self, workspace: Workspace, tree: RemoteTree, options: PushOptions, report: SerialReporter) -> None:
        self._workspace = workspace
        self._tree = tree
        self._options = options
        self._report = report
        self._planner = PushPlanner(workspace, tree, options, report)

    def run(self) -> tuple[Pushed, ...]:
        commands = self._selected()
        if not self._options.commands:
            self._tree.list_at_once()
        results = {result.command: result for result in self._results(commands)}
        return tuple(self._with_outside(command, results[command.name]) for command in commands)

    def _selected(self) -> list[Command]:
        commands = self._workspace.project.commands
        names = self._options.commands or tuple(commands)
        return [commands[name] for name in names if commands[name].outputs or name in self._options.commands]

    def _results(self, commands: list[Command]) -> Iterator[Pushed]:
        orders: list[Order] = []
        for command in commands:
            self._workspace.cancel.check()
            self._report(events.Preparing(f"checking `{command.name}`"))
            try:
                order = self._planner.order(command)
            except NotPushed as refusal:
                yield _refused(command, refusal)
                continue
            except InvalidProject as error:
                yield Pushed(command.name, error.message, is_error=bool(self._options.commands))
                continue
            except Unreadable as error:
                yield Pushed(command.name, error.message, error.hint, is_error=True)
                continue
            if order is None:
                yield Pushed(command.name, already_there=True)
            elif self._options.dry:
                yield _pushed(order)
            else:
                orders.append(order)
        yield from self._carry_out(orders)

    def _carry_out(self, orders: list[Order]) -> Iterator[Pushed]:
        """Store the objects, several at a time and the largest first. Publish each record after its objects."""
        uploads = sorted(
            ((upload, order) for order in orders for upload in order.uploads),
            key=lambda pair: -(pair[0].output.size or 0),
        )
        if uploads:
            total = sum(upload.output.size or 0 for upload, _ in uploads)
            self._report(events.TransferStarted("push", len(uploads), total))
        with Workers[Pushed | None](self._options.jobs, self._workspace.cancel, grace=_UPLOAD_GRACE) as workers:
            uploader = Uploader(self._workspace, self._tree, self._report, workers.cancel)
            for order in orders:
                if not order.uploads:
                    workers.start(partial(_publish, uploader, order))
            for upload, order in uploads:
                workers.start(partial(_store, uploader, upload, order))
            while workers.running:
                result = workers.wait()
                if result is not None:
                    yield result

    def _with_outside(self, command: Command, result: Pushed) -> Pushed:
        return replace(result, outside=tuple(output for output in command.outputs if is_outside(output)))


def _store(uploader: Uploader, upload: Upload, order: Order) -> Pushed | None:
    """Store one object. Return the command's result if it was its last."""
    try:
        return _pushed(order) if uploader.store(upload, order) else None
    except NotPushed as refusal:
        return _refused(order.command, refusal)


def _publish(uploader: Uploader, order: Order) -> Pushed:
    try:
        uploader.publish(order)
    except NotPushed as refusal:
        return _refused(order.command, refusal)
    return _pushed(order)


def _refused(command: Command, refusal: NotPushed) -> Pushed:
    return Pushed(command.name, refusal.why, refusal.hint, refusal.is_error)


def _pushed(order: Order) -> Pushed:
    return Pushed(order.command.name, stored=tuple(upload.key for upload in order.uploads), size=order.size)
