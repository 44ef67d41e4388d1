"""Reads `kafka-topics.sh --describe`, `kafka-consumer-groups.sh --describe` and `kcat -L -J`, as they are printed.

Source: tools/src/main/java/org/apache/kafka/tools/TopicCommand.java printPartitionDescription,
    tools/src/main/java/org/apache/kafka/tools/consumer/group/ConsumerGroupCommand.java printOffsets;
    edenhill/kcat, json.c metadata_print_json
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sim.importing.layout import Group, Layout, Partition
from sim.rules.errors import ConfigError

__all__ = ["read_groups", "read_layout"]

FIELD = re.compile(r"(\w+): *([^\t]*)")
GROUP_COLUMNS = ("GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", "CONSUMER-ID")
NONE = "-"


def read_layout(path: Path) -> Layout:
    """The topics of a cluster from a file of either tool. Raises ConfigError, one line, for what neither prints."""
    text = _text(path)
    if text.lstrip().startswith("{"):
        return _from_kcat(path, text)
    topics: dict[str, dict[int, Partition]] = {}
    configs: dict[str, dict[str, str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        found = {name: value.strip() for name, value in FIELD.findall(line)}
        if "Topic" not in found:
            continue
        if "Partition" in found:
            where = f"{path}, line {number}"
            topics.setdefault(found["Topic"], {})[_whole(found, "Partition", where)] = _partition(found, where)
        elif "Configs" in found:
            configs[found["Topic"]] = dict(_settings(found["Configs"]))
    if not topics:
        raise ConfigError(f"{path}: holds no partition; save what kafka-topics.sh --describe or kcat -L -J prints")
    return Layout({name: _in_order(path, name, parts) for name, parts in topics.items()}, configs)


def _partition(found: Mapping[str, str], where: str) -> Partition:
    leader = -1 if found.get("Leader", "none") == "none" else _whole(found, "Leader", where)
    replicas, isr = (_ids(found, name, where) for name in ("Replicas", "Isr"))
    if not replicas:
        raise ConfigError(f"{where}: a partition without Replicas: 1,2,3")
    return Partition(leader, replicas, isr)


def _settings(text: str) -> Iterator[tuple[str, str]]:
    """`a=1,b=x,y,c=2`: a comma may belong to a value."""
    for pair in re.split(r",(?=[a-z][a-z.]*=)", text):
        key, equals, value = pair.partition("=")
        if equals:
            yield key.strip(), value.strip()


def _in_order(path: Path, topic: str, partitions: Mapping[int, Partition]) -> tuple[Partition, ...]:
    missing = [number for number in range(max(partitions) + 1) if number not in partitions]
    if missing:
        raise ConfigError(f"{path}: topic {topic} has no partition {missing[0]}, but one with a higher number")
    return tuple(partitions[number] for number in range(len(partitions)))


def _from_kcat(path: Path, text: str) -> Layout:
    try:
        found = json.loads(text)
        topics = {
            topic["topic"]: {
                int(each["partition"]): Partition(
                    int(each["leader"]),
                    tuple(int(replica["id"]) for replica in each["replicas"]),
                    tuple(int(replica["id"]) for replica in each["isrs"]),
                )
                for each in topic["partitions"]
            }
            for topic in found["topics"]
        }
        brokers = tuple(int(broker["id"]) for broker in found["brokers"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: is not what kcat -L -J prints: {_what(error)}") from error
    kept = {name: _in_order(path, name, parts) for name, parts in topics.items() if parts}
    if not kept:
        raise ConfigError(f"{path}: lists no topic with partitions")
    return Layout(kept, {}, brokers)


def read_groups(path: Path) -> list[Group]:
    """Consumer groups from a file, in the order of their names. Raises ConfigError, one line, for another content."""
    rows: dict[str, list[dict[str, str]]] = {}
    columns: list[str] = []
    for number, line in enumerate(_text(path).splitlines(), 1):
        words = line.split()
        if words[:2] == ["GROUP", "TOPIC"]:
            columns = words
            missing = [name for name in GROUP_COLUMNS if name not in columns]
            if missing:
                raise ConfigError(f"{path}, line {number}: has no column {missing[0]}; describe offsets, not --state")
        elif columns and len(words) >= len(GROUP_COLUMNS) and words[0] != "Consumer":
            row = dict(zip(columns, words, strict=False))
            row["where"] = f"{path}, line {number}"
            rows.setdefault(row["GROUP"], []).append(row)
    if not rows:
        raise ConfigError(f"{path}: holds no group; save what kafka-consumer-groups.sh --describe prints")
    return [_group(name, rows[name]) for name in sorted(rows)]


def _group(group_id: str, rows: list[dict[str, str]]) -> Group:
    owned = [row for row in rows if row["TOPIC"] != NONE]
    ends: dict[str, int] = {}
    for row in owned:
        ends[row["TOPIC"]] = ends.get(row["TOPIC"], 0) + _whole(row, "LOG-END-OFFSET", row["where"], 0)
    members = dict.fromkeys(row["CONSUMER-ID"] for row in rows if row["CONSUMER-ID"] != NONE)
    lag = sum(_whole(row, "LAG", row["where"], 0) for row in owned)
    return Group(group_id, tuple(ends), len(members), lag, ends)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: this is no text in UTF-8") from error


def _whole(found: Mapping[str, str], name: str, where: str, default: int | None = None) -> int:
    value = found.get(name, "")
    if value == NONE and default is not None:
        return default
    if not re.fullmatch(r"\d+", value):
        raise ConfigError(f"{where}: {name} is {value!r}; it must be a whole number")
    return int(value)


def _ids(found: Mapping[str, str], name: str, where: str) -> tuple[int, ...]:
    words = [word for word in re.split(r",\s*", found.get(name, "")) if word]
    return tuple(_whole({name: word}, name, where) for word in words)


def _what(error: Any) -> str:
    return f"there is no {error}" if isinstance(error, KeyError) else str(error)
