"""Objects that a pull verified although no record vouches for them: those that Weasel pushed.

The pull names them in its own record, in the journal only, so that the next push to the same remote trusts them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from weaselish.engine.remote.candidates import OutputObject
from weaselish.engine.remote.tree import RemoteTree
from weaselish.plan.record import Record
from weaselish.stores.base import Stored

_FACT = "verified"


def verified_fact(tree: RemoteTree, objects: Iterable[OutputObject]) -> dict[str, object]:
    """Return the further key of a pull's record that names the objects of Weasel's which it has read."""
    read = [tree.get(one.key) for one in objects if one.by_weasel]
    found = [{"key": stored.key, "size": stored.size} for stored in read if stored is not None]
    return {_FACT: {"remote": tree.identity, "objects": found}} if found else {}


def is_verified(record: Record, tree: RemoteTree, stored: Stored) -> bool:
    """Return whether a pull of this record has read the object, as far as its size tells."""
    fact = record.extra.get(_FACT)
    if not isinstance(fact, Mapping) or fact.get("remote") != tree.identity:
        return False
    objects = fact.get("objects")
    return isinstance(objects, list) and {"key": stored.key, "size": stored.size} in objects
