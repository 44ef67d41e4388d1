"""Calls that take simulated time, and the likeliest mistake with them: to forget `yield from`."""

from collections.abc import Callable, Generator, Iterable
from functools import wraps
from inspect import GEN_CREATED, getgeneratorstate
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from simpy import Event

from sim.machine.actor import Actor

__all__ = ["Calls", "Client", "as_steps", "bytes_needed", "explained", "topic_names", "waits"]

HINT = "what may wait needs `yield from`, as in `records = yield from consumer.poll()`"
SIGNS = ("Value of <", "'Event' object", "'Timeout' object", "'generator' object", "object of type 'generator'")


class Calls:
    """Remembers the last call of a client, of a `kind`, to notice later that nobody has waited for it."""

    __slots__ = ("_clock", "_kind", "_last", "_name", "_time")

    def __init__(self, owner: Actor, kind: str) -> None:
        self._clock = owner.clock
        self._kind = kind
        self._last: Any = None
        self._name = ""
        self._time = 0

    def check(self, ended: bool = False) -> None:
        """Raises TypeError if time has passed, or the process has ended, and a call has not begun."""
        last = self._last
        if last is not None and getgeneratorstate(last) == GEN_CREATED and (ended or self._clock._now > self._time):
            self._last = None
            name = f"{self._kind}.{self._name}"
            raise TypeError(f"{name}() was called, but nothing has happened: write `yield from {name}(...)`")

    def begin(self, name: str, call: Generator[Event, Any, Any]) -> None:
        """A call is made; it begins with `yield from`, or when it is spawned."""
        last = self._last
        if last is not None and last.gi_frame is not None:
            self.check()
        self._last = call
        self._name = name
        self._time = self._clock._now


class Client(Protocol):
    """What has calls to remember."""

    calls: Calls


Self = TypeVar("Self", bound=Client)
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Method = Callable[Concatenate[Self, Arguments], Generator[Event, Any, Result]]


def waits(method: "Method[Self, Arguments, Result]") -> "Method[Self, Arguments, Result]":
    """Decorates a method whose result is often not needed, so that a forgotten `yield from` would go unnoticed."""
    name = method.__name__

    @wraps(method)
    def called(self: Self, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Generator[Event, Any, Result]:
        call = method(self, *args, **kwargs)
        self.calls.begin(name, call)
        return call

    return called


def as_steps(behaviour: object, name: str) -> Generator[Event, Any, Any]:
    """An application's generator. Raises TypeError for anything else."""
    if not isinstance(behaviour, Generator):
        raise TypeError(
            f"application {name} is no generator function: nothing in it waits with `yield from` or `yield`"
        )
    return behaviour


def explained(error: Exception) -> TypeError | None:
    """A clearer error where an event or a generator was taken for a result, None for any other."""
    return TypeError(f"{error}: {HINT}") if str(error).startswith(SIGNS) else None


def bytes_needed(key: object, value: object) -> TypeError:
    """The error for a key or value of another type than bytes."""
    what, given = ("value", value) if isinstance(key, bytes | None) else ("key", key)
    encoded = "; encode it, as in `text.encode()`" if isinstance(given, str) else ""
    return TypeError(f"a record's {what} is bytes or None, not {type(given).__name__}{encoded}")


def topic_names(topics: Iterable[str]) -> tuple[str, ...]:
    """The topics to subscribe to. Raises TypeError for a single word, which would be a topic per letter."""
    if isinstance(topics, str):
        raise TypeError(f"topics are a list, not one word: write [{topics!r}]")
    return tuple(topics)
