"""The store in memory, which is the reference implementation of the protocol."""

from __future__ import annotations

import copy

import pytest

from weaselish.cancel import Cancel
from weaselish.stores.base import Store
from weaselish.stores.memory import MemoryStore

from .contract import OpenWith, StoreContract


class TestMemory(StoreContract):
    @pytest.fixture
    def open_with(self) -> OpenWith:
        objects = MemoryStore(remote="remote `test`")

        def open_with(cancel: Cancel) -> Store:
            store = copy.copy(objects)
            store._cancel = cancel
            return store

        return open_with
