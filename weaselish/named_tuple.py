"""Named tuples whose classes are made quickly: half of a short call of `proj` is the import of modules.

`typing.NamedTuple` compiles the annotation of each field, which takes most of the time in which it makes a class. This
one keeps annotations as they are written. Type checkers see that of `typing`.
"""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:

    class _Maker(type):
        """Replaces a class statement by a tuple with named fields, as the metaclass of `typing.NamedTuple` does."""

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
            if not bases:
                return super().__new__(cls, name, bases, body)
            types = body.get("__annotations__", {})
            with_default = [field for field in types if field in body]
            if with_default != list(types)[len(types) - len(with_default) :]:
                raise TypeError(f"{name}: a field without a default follows one with a default")
            defaults = [body[field] for field in with_default]
            made = namedtuple(name, types, defaults=defaults, module=body["__module__"])
            made.__annotations__ = made.__new__.__annotations__ = types
            for key, value in body.items():
                if key not in types and key not in ("__module__", "__annotations__"):
                    setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_Maker):
        """The base of a class statement that defines a named tuple. Fields with defaults come last."""
