"""Where flights are flown: in this process, in several of this machine, or by the workers of a Dask cluster."""

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pickle import PicklingError
from socket import create_connection
from typing import Any

from sim.plan.flights import Outcome, Task, fly
from sim.rules.errors import ConfigError

__all__ = ["Pool"]

PATIENCE = 3
CONNECT_S = 10
ADDRESS = re.compile(r"(?:tcp|tls)://\[?([^/\]]+?)\]?:(\d+)")


@dataclass(frozen=True, slots=True)
class Pool:
    """So many processes, or the cluster whose scheduler has an address such as `tcp://10.0.0.5:8786`.

    `told` hears, in a sentence, of workers that died.
    """

    jobs: int = 1
    dask: str | None = None
    told: Callable[[str], object] = lambda _: None

    def fly(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Fly all, and give each outcome as it is there, in no certain order.

        The runs of a worker that dies are flown by others; ConfigError when three die one after the other.
        """
        if self.dask is None and (self.jobs == 1 or len(tasks) == 1):
            yield from map(fly, tasks)
            return
        missing = {(task.configuration, task.replicate): task for task in tasks}
        deaths = 0
        while missing:
            try:
                for outcome in self._fly(list(missing.values())):
                    del missing[outcome.configuration, outcome.replicate]
                    deaths = 0
                    yield outcome
            except BrokenProcessPool as error:
                deaths += 1
                if deaths == PATIENCE:
                    raise ConfigError(
                        f"{PATIENCE} times a worker died before any run was finished, perhaps for want of memory; "
                        f"try fewer --jobs or a shorter --until"
                    ) from error
                self.told(f"a worker died; its runs are flown again, {len(missing):,} are left")
            except PicklingError as error:
                raise ConfigError(f"the scenario cannot be sent to other processes: {error}") from error

    def _fly(self, tasks: list[Task]) -> Iterator[Outcome]:
        from joblib import Parallel, delayed, parallel_config

        with _cluster(self.dask, self.told) as backend, parallel_config(**backend):
            jobs = self.jobs if self.dask is None else -1
            parallel = Parallel(jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="all")
            yield from parallel(delayed(fly)(task) for task in tasks)


@contextmanager
def _cluster(address: str | None, told: Callable[[str], object]) -> Iterator[dict[str, Any]]:
    """The backend for joblib. Raises ConfigError, one line, for a cluster that does not answer."""
    if address is None:
        yield {"backend": "loky"}
        return
    _check_answers(address)
    distributed: Any = import_module("distributed")
    client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)

    def heard(event: tuple[float, Any]) -> None:
        _, message = event
        if message.get("action") == "remove-worker" and not message.get("expected"):
            runs = len(message["processing-tasks"]) + len(message["lost-computed-tasks"])
            told(f"the worker {message['worker']} is gone; {_its_runs(runs)}")

    with client:
        client.subscribe_topic("all", heard)
        try:
            yield {"backend": "dask", "client": client}
        except distributed.KilledWorker as error:
            raise BrokenProcessPool(str(error)) from error
        finally:
            client.unsubscribe_topic("all")


def _check_answers(address: str) -> None:
    """Whether somebody listens there: a client that does not connect is not easily got rid of."""
    found = ADDRESS.fullmatch(address)
    try:
        if found is None:
            raise ValueError(address)
        create_connection((found[1], int(found[2])), CONNECT_S).close()
    except (OSError, ValueError, OverflowError) as error:
        raise ConfigError(f"--dask {address}: no scheduler answers there; write it like tcp://10.0.0.5:8786") from error


def _its_runs(count: int) -> str:
    return f"the {count:,} runs it had are flown elsewhere" if count else "it had no run"
