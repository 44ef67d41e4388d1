"""Made-up files of payments, in the shapes in which real ones come."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

__all__ = ["ANONYMISED", "SIMULATED", "anonymised", "kcat", "simulated", "written"]

SIMULATED = (
    ",trans_date_trans_time,cc_num,merchant,category,amt,first,last,gender,street,city,state,zip,lat,long,city_pop,"
    "job,dob,trans_num,unix_time,merch_lat,merch_long,is_fraud"
)
ANONYMISED = ",".join(['"Time"', *(f'"V{number}"' for number in range(1, 29)), '"Amount"', '"Class"'])


def written(path: Path, lines: Iterator[str] | Sequence[str]) -> Path:
    """The lines in a file."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)
    return path


def simulated(rows: int, seconds_apart: float = 36.0, seed: int = 1) -> Iterator[str]:
    """Header and rows of simulated card payments: some cards, merchants with commas, ids, places, labels."""
    random = Random(seed)
    yield SIMULATED
    moment = datetime(2019, 1, 1)
    for row in range(rows):
        moment += timedelta(seconds=random.expovariate(1 / seconds_apart))
        card = random.randrange(999)
        latitude, longitude = 30 + card % 15 + random.uniform(-1, 1), card % 37 - 110 + random.uniform(-1, 1)
        yield (
            f'{row},{moment:%Y-%m-%d %H:%M:%S},{4_000_000_000_000_000 + card},"fraud_Shop {random.randrange(99)}, Inc",'
            f'misc_{card % 9},{random.lognormvariate(3.5, 1.2):.2f},Ann,Lee,F,"{card} Oak Lane",Town,NC,28654,'
            f'36.1,-81.2,3495,"Teacher, primary",1988-03-09,{random.getrandbits(128):032x},{1_325_376_018 + row},'
            f"{latitude:.6f},{longitude:.6f},{int(random.random() < 0.005)}"
        )


def anonymised(rows: int, seconds_apart: float = 0.17, seed: int = 1) -> Iterator[str]:
    """Header and rows without cards: seconds since the first, 28 unnamed figures, amount and class."""
    random = Random(seed)
    yield ANONYMISED
    time_s = 0.0
    for _ in range(rows):
        time_s += random.expovariate(1 / seconds_apart)
        figures = ",".join(f"{random.uniform(-3, 3):.13f}" for _ in range(28))
        yield f'{int(time_s)},{figures},{random.lognormvariate(3, 1.2):.2f},"{int(random.random() < 0.0017)}"'


def kcat(rows: int, seed: int = 1) -> Iterator[str]:
    """What `kcat -J` prints: payments of some cards, a tombstone and a text now and then."""
    random = Random(seed)
    for offset in range(rows):
        key = f"card-{random.randrange(50)}"
        value = {"card": key, "amount": round(random.uniform(1, 90), 2), "is_fraud": 0, "merchant": "café"}
        payload = None if offset % 40 == 39 else "a text" if offset % 50 == 49 else json.dumps(value)
        envelope = {"topic": "payments", "partition": offset % 3, "offset": offset // 3, "tstype": "create"}
        yield json.dumps({**envelope, "ts": 1_700_000_000_000 + 20 * offset, "key": key, "payload": payload})
