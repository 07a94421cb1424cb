"""Reads from a pod how far its container is, and how it ended."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from weaselish.executors.base import Ending, Outcome

Pod = Mapping[str, Any]

_NO_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ErrImageNotFound")
_NO_START = ("CreateContainerError", "RunContainerError")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LAST_SIGNAL = 64


def has_started(pod: Pod) -> bool:
    """Return whether the container runs or has ended."""
    return bool(_state(pod).keys() & {"running", "terminated"})


def has_failed(pod: Pod) -> bool:
    """Return whether the pod has ended for good, and not well. A lost node ends it without a state of its container."""
    return bool(pod.get("status", {}).get("phase") == "Failed")


def waits_for(pod: Pod) -> str | None:
    """Return why the pod has not started, as the cluster says it; None if it does not."""
    for condition in pod.get("status", {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"{condition.get('reason', '')}: {condition.get('message', '')}".strip(": ")
    waiting = _state(pod).get("waiting") or {}
    reason = waiting.get("reason")
    return reason if reason not in (None, "ContainerCreating", "PodInitializing") else None


def outcome_of(pod: Pod) -> Outcome | None:
    """Return how the container ended, None if it has not."""
    status = pod.get("status", {})
    terminated = _state(pod).get("terminated")
    if terminated is not None:
        return _ended(pod, terminated)
    if status.get("phase") in ("Failed", "Succeeded"):
        return _not_run(pod, f"its pod was lost: {status.get('message') or status.get('reason') or 'without a reason'}")
    waiting = _state(pod).get("waiting") or {}
    reason, message = waiting.get("reason"), waiting.get("message") or "the cluster gives no reason"
    if reason in _NO_IMAGE:
        image = pod["spec"]["containers"][0]["image"]
        return _not_run(pod, f"the image `{image}` cannot be pulled: {message}")
    return _not_run(pod, f"its container cannot start: {message}") if reason in _NO_START else None


def _ended(pod: Pod, terminated: Mapping[str, Any]) -> Outcome:
    code = int(terminated.get("exitCode", 1))
    found = _DIGEST.search(_container_status(pod).get("imageID") or "")
    reason = terminated.get("reason")
    if reason in ("StartError", "ContainerCannotRun"):
        return _not_run(pod, f"its container cannot start: {terminated.get('message') or reason}")
    return Outcome(
        Ending.SIGNALLED if 128 < code <= 128 + _LAST_SIGNAL else Ending.EXITED,
        code,
        line=0 if code else None,
        host=_node(pod),
        image=found[0] if found else None,
        ran_out_of_memory=reason == "OOMKilled",
    )


def _not_run(pod: Pod, message: str) -> Outcome:
    return Outcome(Ending.NOT_STARTED, 1, message=message, host=_node(pod))


def _node(pod: Pod) -> str:
    return pod.get("spec", {}).get("nodeName") or ""


def _state(pod: Pod) -> Mapping[str, Any]:
    return _container_status(pod).get("state") or {}


def _container_status(pod: Pod) -> Mapping[str, Any]:
    statuses = pod.get("status", {}).get("containerStatuses") or [{}]
    first: Mapping[str, Any] = statuses[0]
    return first
