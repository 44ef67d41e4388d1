"""The page in a real browser: the replay moves, nothing complains, nothing is asked for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.report.figures import FIGURES
from tests.report.browser import CHROMIUM, Browser, browser
from tests.report.made import hostile
from tests.view.flown import flown

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt-get install chromium"),
    pytest.mark.xdist_group("browser"),
]

TIME = "Number(document.getElementById('scrubber').value)"
STATE = "document.getElementById('state').textContent"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pages")
    flown().report(made / "flown.html")
    hostile().report(made / "hostile.html")
    return made


@pytest.fixture(scope="module")
def opened(folder: Path) -> Iterator[Browser]:
    with browser(folder) as found:
        yield found


@pytest.fixture
def chromium(opened: Browser) -> Iterator[Browser]:
    """The browser on an empty page, which must not complain in a test or ask for more than the page."""
    opened.requests.clear()
    opened.open("about:blank")
    yield opened
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith("file:") or ".html" not in url] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_a_deep_link_opens_its_moment_at_any_width(chromium: Browser, folder: Path, width: int, scheme: str) -> None:
    chromium.open(f"{(folder / 'flown.html').as_uri()}#t=14.5s", width, 900, scheme)
    assert chromium.run(TIME) == 14.5
    assert "Fault: broker 2 down." in chromium.run(STATE)
    assert chromium.run("document.querySelector('#brokers .down b').textContent") == "broker 2"
    assert chromium.run("document.documentElement.scrollWidth") <= width
    shade = chromium.run("getComputedStyle(document.body).backgroundColor")
    assert (shade == "rgb(255, 255, 255)") == (scheme == "light")
    picture = folder / f"{width}-{scheme}.png"
    chromium.screenshot(picture)
    assert picture.stat().st_size > 10_000


def test_the_scrubber_moves_by_keyboard_and_the_address_follows(chromium: Browser, folder: Path) -> None:
    chromium.open(f"{(folder / 'flown.html').as_uri()}#t=14s")
    chromium.run("document.getElementById('scrubber').focus()")
    for _ in range(3):
        chromium.press("ArrowRight")
    assert chromium.run(TIME) == pytest.approx(14.3)
    assert chromium.run("location.hash") == "#t=14.3s"
    chromium.press("Home")
    assert "0.0 s of" in chromium.run(STATE)
    chromium.press("End")
    assert chromium.run(TIME) == flown().simulated_s
    assert "No fault. All replicas in sync." in chromium.run(STATE)


def test_buttons_play_pause_and_step_by_keyboard(chromium: Browser, folder: Path) -> None:
    chromium.open(f"{(folder / 'flown.html').as_uri()}#t=11s")
    chromium.run("document.getElementById('forth').focus()")
    chromium.press("Enter")
    assert chromium.run(TIME) == 12.0
    chromium.run("document.getElementById('play').focus()")
    chromium.press(" ")
    assert chromium.run("document.getElementById('play').textContent") == "Pause"
    chromium.run(f"new Promise(done => setInterval(() => {TIME} > 13 && done(), 20))")
    chromium.press(" ")
    assert chromium.run("document.getElementById('play').textContent") == "Play"
    paused = chromium.run(TIME)
    assert 13 < paused < flown().simulated_s
    assert chromium.run(f"new Promise(done => setTimeout(() => done({TIME}), 200))") == paused


def test_the_timeline_is_filtered_and_leads_into_the_replay(chromium: Browser, folder: Path) -> None:
    chromium.open((folder / "flown.html").as_uri())
    chromium.run("document.getElementById('fact-text').value = 'fences broker 2'")
    chromium.run("document.getElementById('fact-text').dispatchEvent(new Event('input'))")
    assert chromium.run("document.getElementById('fact-count').textContent") == "2 facts"
    chromium.run("document.querySelector('#facts tr:not([hidden]) a').click()")
    chromium.run("new Promise(done => setTimeout(done, 100))")
    assert chromium.run("document.querySelector('#recent li').textContent").endswith("the controller fences broker 2")


def test_every_control_has_a_name_and_focus_is_seen(chromium: Browser, folder: Path) -> None:
    chromium.open((folder / "flown.html").as_uri(), motion="reduce")
    nodes = chromium.call("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "slider", "combobox", "searchbox", "link"}
    controls = [node for node in nodes if node.get("role", {}).get("value") in roles]
    assert len(controls) > 20
    assert [node["role"]["value"] for node in controls if not node.get("name", {}).get("value")] == []
    chromium.press("Tab")
    assert chromium.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_hostile_names_do_nothing(chromium: Browser, folder: Path) -> None:
    chromium.open(f"{(folder / 'hostile.html').as_uri()}#t=4s")
    assert "owned" in chromium.run("document.title")
    assert chromium.run("document.title").startswith("</script>")
    assert chromium.run("document.querySelectorAll('img').length") == len(FIGURES)
    assert chromium.run("document.querySelectorAll('script').length") == 2
