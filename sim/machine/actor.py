"""An actor: an operating-system process that owns everything it has started.

SimPy's traps are absorbed here once: what an actor scheduled or spawned dies with it, so a dead
broker never answers; a paused one (sockets open, no processor time) finds it all waiting when it resumes.
"""

from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

from simpy import Event, Process

from sim.machine.clock import MILLISECOND, Clock
from sim.machine.devices import Heap
from sim.machine.life import Life
from sim.machine.machine import Machine
from sim.machine.network import Host

__all__ = ["Actor", "Behaviour", "OwnedProcess"]

Behaviour = Generator[Event, Any, Any]
COLLECTS = "collects garbage"


class OwnedProcess(Process):
    """A SimPy process that takes its next step only while its owner lives."""

    def __init__(self, clock: Clock, behaviour: Behaviour, life: Life) -> None:
        self.life = life
        super().__init__(clock, behaviour)
        life.processes[self] = None
        self.callbacks.append(self._ended)

    def end(self) -> None:
        """Close the generator now, not when memory is collected; only its `finally` clauses still run.

        A generator that is just running is closed at its next wait.
        """
        if not self._generator.gi_running:  # type: ignore[attr-defined]
            with suppress(RuntimeError):
                self._generator.close()

    def _resume(self, event: Event) -> None:
        if not event._ok:
            event.defused = True
        self.life.run(self._step, event)

    def _step(self, event: Event) -> None:
        try:
            super()._resume(event)
        except RuntimeError as error:
            if "Invalid yield value" not in str(error):
                raise
            raise self._no_event() from None
        if not self.life.alive:
            self.end()

    def _no_event(self) -> TypeError:
        """Says where something else than an event was yielded, most likely a generator."""
        inner: Any = self._generator
        while isinstance(inner.gi_yieldfrom, Generator):
            inner = inner.gi_yieldfrom
        where = f"{inner.gi_code.co_filename}:{inner.gi_frame.f_lineno}"
        return TypeError(f"{where}: what is yielded is no event; write `yield from` for a call that waits")

    def _ended(self, _: Event) -> None:
        self.life.processes.pop(self, None)


class Actor:
    """A process on a host: it can be started, stopped (killed), paused and resumed.

    `clearing` is how many nanoseconds its operating system takes, once it is dead, until it closes its connections,
    `backlog_cost` how many the process needs for each piece of what has piled up while it was paused. A process with a
    `heap` stops now and then.
    """

    backlog_cost = 0
    clearing = 0
    heap: Heap | None = None

    def __init__(self, machine: Machine, name: str, host: Host) -> None:
        self.machine = machine
        self.clock = machine.clock
        self.name = name
        self.host = host
        self.life = Life()
        self.life.alive = False
        self.random = machine.streams[name]

    @property
    def now(self) -> int:
        """Simulated time in nanoseconds."""
        return self.clock._now

    @property
    def now_ms(self) -> int:
        """Simulated time in milliseconds, Kafka's own unit."""
        return self.clock._now // MILLISECOND

    @property
    def wall_clock_ms(self) -> int:
        """What the host's own clock shows, in milliseconds; it may go wrong, the simulated time does not."""
        return self.clock.now_ms

    def start(self) -> None:
        """Begin a new life; does nothing while one lasts."""
        if not self.life.alive:
            self.life = Life()
            self.on_start()

    def stop(self) -> None:
        """Die at once, as by `kill -9`: nothing booked or spawned takes another step, connections are reset."""
        life = self.life
        life.alive = life.paused = life.resuming = False
        life.holds.clear()
        life.backlog.clear()
        for ending in list(life.endings.values()):
            ending()
        life.endings.clear()
        for process in list(life.processes):
            process.end()
        life.processes.clear()

    def pause(self, reason: str = "") -> None:
        """Hang: sockets stay open and messages pile up, but nothing is done until each reason is gone."""
        life = self.life
        if life.alive:
            life.holds[reason] = None
            life.paused = True
        life.resuming = False

    def resume(self, reason: str = "") -> None:
        """Go on after a pause with everything that has piled up, in order, unless there is another reason to hang.

        Each piece takes `backlog_cost`, but nothing after a pause of its own, for which a reason was given. What comes
        meanwhile waits behind it.
        """
        life = self.life
        life.holds.pop(reason, None)
        if life.paused and not life.resuming and not life.holds:
            life.resuming = True
            self._work_off(life, 0 if reason else self.backlog_cost)

    def _work_off(self, life: Life, cost: int) -> None:
        while life.resuming and life.alive:
            if not life.backlog:
                life.paused = life.resuming = False
                return
            function, arguments = life.backlog.popleft()
            function(*arguments)
            if cost:
                self.clock.call_at(self.now + cost, self._work_off, life, cost)
                return

    def allocate(self, size_bytes: float) -> None:
        """Take memory from the heap, if there is one; when it is full the process stops until garbage is collected.

        Fidelity: approximate — what a device had begun before is ready when it would have been, or when the pause ends
        """
        pause = 0 if self.heap is None else self.heap.allocate(size_bytes)
        if pause:
            self.pause(COLLECTS)
            self.clock.call_at(self.now + pause, self._collected, self.life)

    def _collected(self, life: Life) -> None:
        if self.life is life:
            self.resume(COLLECTS)

    def on_start(self) -> None:
        """What a new life begins with; subclasses fill it."""

    def at(self, time: int, function: Callable[..., object], *arguments: Any) -> None:
        """Call a function of this life at a simulated time."""
        self.clock.call_at(time, self.life.run, function, *arguments)

    def after(self, delay: int, function: Callable[..., object], *arguments: Any) -> None:
        """Call a function of this life after a delay in nanoseconds."""
        self.clock.call_at(self.now + delay, self.life.run, function, *arguments)

    def every(self, interval: int, function: Callable[[], None]) -> None:
        """Call a function of this life again and again, first after one interval, as Kafka's scheduler does."""
        life = self.life

        def again() -> None:
            function()
            self.clock.call_at(self.now + interval, life.run, again)

        self.after(interval, again)

    def spawn(self, behaviour: Behaviour) -> OwnedProcess:
        """Run a generator as a process of this life."""
        return OwnedProcess(self.clock, behaviour, self.life)

    def sleep(self, delay: int) -> Event:
        """An event that a process of this actor may wait for, a delay in nanoseconds from now."""
        return self.clock.timeout(delay)

    def work(self, cost: int) -> Event:
        """An event for when this process has worked so many nanoseconds, on shared processors if its host has them."""
        cores = self.host.cores
        return self.clock.timeout(cost if cores is None else cores.work(self.now, cost) - self.now)

    def announce(self, fact: object) -> None:
        """Tell observers, and nobody else, of a change that no message shows."""
        self.machine.facts.announce(self.now, fact)
