"""What is far off has a name and a reason, in the page about the machine, too."""

import re
from pathlib import Path

import sim
from sim.capacity.readme import render
from sim.capacity.reasons import FAR_PCT, far_off, reason_for
from sim.capacity.validation import Comparison, Validation

PAGE = Path(sim.__file__).parent / "machine" / "README.md"
ROW = re.compile(r"^\| (\S+) \| (\S+) \| [^|]+ \| [^|]+ \| ([+-][\d.]+) \|", re.MULTILINE)


def test_what_is_far_off_is_grouped_by_reason() -> None:
    near, far = Comparison("CF-THR", "publish_ms.p50", 100, 120, False), Comparison("A", "b", 100, 60, False)
    found = far_off([near, far, Comparison("CF-THR", "publish_ms.p95", 100, 60, True)])
    assert list(found) == ["no reason is known", reason_for(near)]
    assert found["no reason is known"] == [far]
    page = render(Validation([near, far], []), "latency", "speed")
    assert "- **No reason is known**: A b -40 %" in page
    assert "CF-THR publish_ms.p50 +20 %" not in page


def test_the_page_names_each_figure_that_is_far_off_and_why() -> None:
    page = PAGE.read_text(encoding="utf-8")
    _, _, rest = page.partition("## Further off than a quarter")
    section, _, _ = rest.partition("\n## ")
    far = [(case, quantity) for case, quantity, error in ROW.findall(page) if abs(float(error)) > FAR_PCT]
    assert len(far) > 5
    assert [name for name in far if f"{name[0]} {name[1]} " not in section] == []
    assert "No reason is known" not in section
