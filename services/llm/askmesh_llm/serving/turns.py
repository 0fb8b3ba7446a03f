"""The order of those who wait: turns between keys, then between the users of one key, then oldest first."""

import asyncio
from collections import deque
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Turn:
    """A request in the queue, and what it needs."""

    tokens: int
    granted: asyncio.Future[None]


class TurnQueue:
    """Requests by caller, `key/user`. A key gains no more turns by naming more users, nor a user by asking more often."""

    def __init__(self) -> None:
        # Keys, and the users of each, in the order of their turn; each user with its own requests, oldest first.
        self._keys: dict[str, dict[str, deque[Turn]]] = {}

    def __len__(self) -> int:
        return sum(_size(users) for users in self._keys.values())

    def push(self, caller: str, turn: Turn) -> None:
        """Join the end of the caller's own line."""
        key, _, user = caller.partition("/")
        self._keys.setdefault(key, {}).setdefault(user, deque()).append(turn)

    def first(self) -> Turn:
        """Whose turn it is. There must be one."""
        users = next(iter(self._keys.values()))
        return next(iter(users.values()))[0]

    def pop(self) -> Turn:
        """Take out whose turn it is; its key and its user go to the end of their rounds."""
        key = next(iter(self._keys))
        users = self._keys.pop(key)
        user = next(iter(users))
        turns = users.pop(user)
        turn = turns.popleft()
        if turns:
            users[user] = turns
        if users:
            self._keys[key] = users
        return turn

    def remove(self, caller: str, turn: Turn) -> None:
        """Take out one that gave up, if it is still there."""
        key, _, user = caller.partition("/")
        users = self._keys.get(key, {})
        turns = users.get(user, deque())
        if turn in turns:
            turns.remove(turn)
        if user in users and not turns:
            del users[user]
        if key in self._keys and not users:
            del self._keys[key]

    def evict_for(self, caller: str) -> Turn | None:
        """Take out the newest request of whoever has clearly more waiting than this caller; None: nobody has."""
        key, _, user = caller.partition("/")
        sizes = {name: _size(users) for name, users in self._keys.items()}
        crowd = max(sizes, key=lambda name: sizes[name], default=key)
        if sizes.get(crowd, 0) <= sizes.get(key, 0) + 1:
            crowd = key
        users = self._keys.get(crowd, {})
        busiest = max(users, key=lambda name: len(users[name]), default=user)
        if not users or (crowd == key and len(users[busiest]) <= len(users.get(user, ())) + 1):
            return None
        turn = users[busiest][-1]
        self.remove(f"{crowd}/{busiest}", turn)
        return turn


def _size(users: dict[str, deque[Turn]]) -> int:
    return sum(map(len, users.values()))
