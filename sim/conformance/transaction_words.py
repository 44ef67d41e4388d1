"""The words in which a recording tells what producers do in their transactions, and the doing of it."""

import re

from sim.conformance.transaction_producer import Outcome, PlainProducer, TransactionalProducer
from sim.conformance.transaction_stage import PARTITION, Broker
from sim.rules.errors import ErrorCode

__all__ = ["Player"]

VERB = r"(?P<verb>begin|send ?offsets|send|committed|commit|abort|init|close|flush)"
WORD = rf"(?!{VERB.replace('?P<verb>', '?:')})[a-z][\w-]*"
WHO = re.compile(rf"(?:the )?(?!(?:empty|one) )(?P<who>{WORD}(?: {WORD})?):? (?={VERB})", re.IGNORECASE)
NUMBERS = ("empty", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NUMBER = rf"{'|'.join(NUMBERS)}|\d+"
ACTION = re.compile(
    rf"{VERB}[\w()]*(?: (?P<count>{NUMBER})(?: more)? records?)?(?: (?P<value>(?!without|outside)\S+))?(?P<rest> .*)?$",
    re.IGNORECASE,
)
SIZE = rf"\b(?P<size>{NUMBER})"
TRANSACTION = re.compile(rf"{SIZE}(?:[- ]records?)?(?: transactions?)? (?P<end>commit|abort)(?:ted|ed)?", re.IGNORECASE)
ENDING = re.compile(rf"(?P<end>commit|abort)(?:ted|ed)?(?: transaction)? (?:of|with) {SIZE} records?", re.IGNORECASE)
MANY = re.compile(
    rf"(?P<times>\d+) (?:(?P<aborted>aborted )|committed )?(?:{SIZE}(?:-record)? )?(?:(?P<late>aborted )|committed )?"
    r"transactions(?: of (?P<of>\d+) records?)?",
    re.IGNORECASE,
)
MOMENT = re.compile(r"(after|before|while|view|end|finally|at)\b")
TURNS = re.compile(r"altern|every (second|other)|each second", re.IGNORECASE)
FIRST = "p1"
PLAIN = re.compile(r"non-?transactional|plain", re.IGNORECASE)
SECOND = "p2"
ALSO_CALLED = dict.fromkeys(("zombie", "old", "first", "producer", "transaction"), FIRST) | {
    "new": SECOND,
    "second": SECOND,
}


def size_of(text: str) -> int:
    """A number in digits or in a word."""
    return NUMBERS.index(text.lower()) if text.lower() in NUMBERS else int(text)


def is_moment(text: str) -> bool:
    """Whether a text does nothing itself and only tells when something was seen."""
    return MOMENT.match(text.strip()) is not None


def transactions_in(setup: str) -> list[tuple[int, str]]:
    """The size and the end of each transaction that a text counts, in its order."""
    found: dict[int, list[tuple[int, str]]] = {}
    for many in MANY.finditer(setup):
        only = "abort" if many["aborted"] or many["late"] else "commit"
        ends = ("commit", "abort") if TURNS.search(setup) else (only,)
        size = size_of(many["of"] or many["size"] or "one")
        found[many.start()] = [(size, ends[number % len(ends)]) for number in range(int(many["times"]))]
    rest = MANY.sub(lambda many: "." * len(many[0]), setup)
    for pattern in (TRANSACTION, ENDING):
        found |= {one.start(): [(size_of(one["size"]), one["end"].lower())] for one in pattern.finditer(rest)}
    return [each for start in sorted(found) for each in found[start]]


class Player:
    """Producers by their names, made and initialised when a text first names them; `p1` acts where none is named."""

    def __init__(self, broker: Broker, one_id: bool, values: dict[int, str], sent_offset: int) -> None:
        self.broker = broker
        self.one_id = one_id
        self.values = values
        self.sent_offset = sent_offset
        self.producers: dict[str, TransactionalProducer] = {}
        self.plain: PlainProducer | None = None

    def play_setup(self, setup: str, whole: bool) -> int:
        """Do what happens before the first step, or all of it; the number of transactions that went well."""
        if re.search("left open", setup):
            self._begin_and_send(self._producer(FIRST))
        if not whole:
            return 0
        producer = self._producer(FIRST)
        return [self._transaction(producer, size, end) for size, end in transactions_in(setup)].count([])

    def play(self, text: str) -> Outcome | None:
        """Do what a text says; its offset, or the exceptions, or the committed offset that was asked for."""
        main, _, event = re.sub(r"\([^)]+\)", "", f" {text.strip()} ").partition(" after ")
        named = WHO.match(main.strip())
        if named and not PLAIN.search(named["who"]):
            self._producer(_called(named["who"]))
        self._let_happen(event.strip(), main.strip())
        words, _, circumstance = main.strip().partition(" while ")
        if is_moment(words):
            return None
        who, former, outcome = FIRST, "", None
        for word in re.split(r"\+|[,;]| then | and ", words):
            named = WHO.match(word.strip())
            who = _called(named["who"]) if named else who
            told = word.strip()[named.end() if named else 0 :].strip()
            repeated = former == "send" and re.fullmatch(r"\S+", told) and not re.match(VERB, told)
            former, outcome = self._do(who, f"send {told}" if repeated else told, bool(circumstance))
            if isinstance(outcome, list) and outcome:
                break
        return outcome

    def _do(self, who: str, words: str, circumstance: bool) -> tuple[str, Outcome | None]:
        """Do one thing; its verb and what came of it."""
        whole, action = TRANSACTION.fullmatch(words), ACTION.match(words)
        if whole is not None:
            return "", self._transaction(self._producer(who), size_of(whole["size"]), whole["end"].lower())
        if action is None:
            return "", [f"not understood: {words}"] if words else []
        verb, outcome = action["verb"].lower().replace(" ", ""), None
        for _ in range(size_of(action["count"]) if action["count"] else 1 + bool(re.search(r"\btwice\b", words))):
            outcome = self._act(who, verb, action["value"], words, circumstance)
        return verb, outcome

    def _let_happen(self, event: str, main: str) -> None:
        """An event that a text takes for granted; one that has happened changes nothing."""
        ending = re.search(r"\b(commit|abort)", event)
        if "timeout" in event or (main.startswith("lso moved") and ending is None):
            self.broker.sweep()
            return
        named = WHO.match(event)
        who = {FIRST} | set(self.producers) if re.search(r"\b(both|all)\b", event) else set()
        who |= {_called(named["who"])} if named else set(re.findall(r"\b[a-z]\d+\b", event))
        if ending and main.startswith("committed"):
            self._open_with_offsets(self._producer(FIRST))
        for producer in [self._producer(name) for name in sorted(who)] or list(self.producers.values())[:1]:
            if ending and producer.is_open:
                producer.end(ending[1] == "commit")

    def _producer(self, who: str) -> TransactionalProducer:
        if who not in self.producers:
            made = TransactionalProducer(self.broker, "id" if self.one_id else who)
            made.init()
            self.producers[who] = made
        return self.producers[who]

    def _act(self, who: str, verb: str, value: str | None, words: str, circumstance: bool) -> Outcome | None:
        if PLAIN.search(who):
            return self._plain(verb, value)
        producer = self._producer(who)
        if verb == "committed":
            if circumstance:
                self._open_with_offsets(producer)
            return self._committed()
        try:
            if verb == "send":
                within = re.search("without|outside", words) is None
                return self._begin_and_send(producer, value) if within else producer.send(self._value(value))
            if verb in ("commit", "abort"):
                return producer.end(verb == "commit")
            if verb == "close":
                return producer.close(abort=not re.search("zero|at once", words, re.IGNORECASE))
            if verb == "sendoffsets":
                return producer.send_offsets(self.sent_offset)
            return {"begin": producer.begin, "init": producer.init_again}.get(verb, list)()
        except ValueError:
            return ["IllegalStateException"]

    def _begin_and_send(self, producer: TransactionalProducer, value: str | None = None) -> Outcome:
        """Send a record; a producer without a transaction begins one."""
        if producer.is_ready:
            producer.begin()
        return producer.send(self._value(value))

    def _plain(self, verb: str, value: str | None) -> Outcome:
        if self.plain is None:
            self.plain = PlainProducer(self.broker)
        return self.plain.send(self._value(value)) if verb == "send" else []

    def _value(self, value: str | None) -> str:
        return self.values.get(self.broker.log.log_end_offset, "") if value is None else value

    def _transaction(self, producer: TransactionalProducer, size: int, end: str) -> Outcome:
        """A whole transaction of so many records."""
        outcome = producer.begin()
        for _ in range(size):
            outcome = producer.send(self._value(None))
        return producer.end(end == "commit") if isinstance(outcome, int) or not outcome else outcome

    def _open_with_offsets(self, producer: TransactionalProducer) -> None:
        """A transaction of one record and the group's offsets is open."""
        if not producer.is_open:
            self._begin_and_send(producer)
        if not producer.has_offsets:
            producer.send_offsets(self.sent_offset)

    def _committed(self) -> Outcome | None:
        """`committed()` gives up when a transaction keeps the offset undecided for too long."""
        answer = self.broker.offsets.fetch(PARTITION, require_stable=True)
        return ["TimeoutException"] if isinstance(answer, ErrorCode) else answer


def _called(who: str) -> str:
    """The name of a producer, the numbered word of a phrase such as `zombie p1`."""
    if PLAIN.search(who):
        return "plain"
    numbered = re.search(r"\b[a-z]+\d+\b", who)
    if numbered is not None:
        return numbered[0]
    return ALSO_CALLED.get(who.lower().split()[0], who)
