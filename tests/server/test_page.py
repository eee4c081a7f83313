"""The page in a real browser: headless Chromium, driven by Selenium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from server.security import hash_key
from tests.server.running import Server, wait_until

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,850",
]
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}


class Page:
    """The open page."""

    def __init__(self, browser: Chrome, url: str) -> None:
        self.browser = browser
        browser.get(url)

    def all(self, selector: str) -> list[WebElement]:
        """Returns what a CSS selector finds."""
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """Returns the text of the only element that a CSS selector finds."""
        (found,) = self.all(selector)
        return found.text

    def say(self, role: str, text: str) -> None:
        """Types a message and waits until it is answered and compared."""
        before = len(self.all(".turn"))
        self.all(f"input[value={role}]")[0].click()
        self.all("#text")[0].send_keys(text, Keys.ENTER)
        wait_until(lambda: len(self.all(".turn")) == before + 1, "the turn is shown")
        self.wait_compared(text)

    def wait_compared(self, text: str) -> None:
        """Waits until a message stands in the comparison."""
        wait_until(lambda: text in self.text("#compare-text"), "the message is compared")

    def problems(self) -> list[str]:
        """Returns what the browser complains of: errors, refused or missing files."""
        return [entry["message"] for entry in self.browser.get_log("browser")]  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert program, "missing: apt-get install chromium"
    assert driver, "missing: apt-get install chromium-driver"
    options = ChromeOptions()
    options.binary_location = program
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = Chrome(options=options, service=ChromeService(driver))
    yield chrome
    chrome.quit()


@pytest.fixture
def page(browser: Chrome, plain_server: Server) -> Page:
    opened = Page(browser, plain_server.url)
    wait_until(lambda: "28 emotions" in opened.text("#model"), "the page has met the model")
    return opened


def save_screenshot(browser: Chrome, name: str) -> None:
    """Keeps a picture for the docs, where EMOTION_SCREENSHOTS names a folder."""
    folder = os.environ.get("EMOTION_SCREENSHOTS")
    if folder:
        browser.save_screenshot(str(Path(folder) / name))


def talk(page: Page) -> None:
    page.say("user", "I have been waiting for my parcel for three weeks.")
    page.say("bot", "I am so sorry! I have sent you a new one today, for free.")
    page.say("user", "Oh wow, really?")
    page.say("user", "Thank you so much, you made my day!")


def test_a_conversation(page: Page) -> None:
    talk(page)
    assert "gratitude" in page.all(".turn")[-1].text
    assert "gratitude" in page.text("#compare")
    columns = page.all("#compare > div")
    assert [c.find_element(By.TAG_NAME, "h3").text for c in columns] == [
        "With the turns before",
        "Alone",
    ]
    assert all(len(c.find_elements(By.CSS_SELECTOR, ".scores li")) == 5 for c in columns)
    assert "positive" in page.text("#state")
    assert len(page.all("#chart .valence circle")) == 4
    assert len(page.all("#chart .arousal circle.bot")) == 1
    assert "turn 4, user: valence" in str(page.all("#chart svg")[0].get_attribute("aria-label"))
    assert page.problems() == []
    save_screenshot(page.browser, "page.png")


def test_context_changes_the_reading(page: Page) -> None:
    talk(page)
    page.all(".turn button")[2].click()
    page.wait_compared("Oh wow, really?")
    with_context, alone = (column.text for column in page.all("#compare > div"))
    assert with_context != alone
    assert [b.get_attribute("aria-pressed") for b in page.all(".turn button")].count("true") == 1


def test_any_labels(page: Page) -> None:
    page.all("#labels")[0].send_keys("is thankful, wants a refund, ", Keys.ENTER)
    page.say("user", "Thank you so much!")
    ranked = page.all("#compare > div")[0].find_elements(By.CSS_SELECTOR, ".scores")[1].text
    assert ranked.startswith("is thankful")
    assert "wants a refund" in ranked
    assert page.problems() == []


def test_a_new_conversation(page: Page) -> None:
    page.say("user", "I hate this!")
    page.all("#restart")[0].click()
    wait_until(lambda: not page.all(".turn"), "the turns are gone")
    page.say("user", "I love this!")
    assert "1 × positive" in page.text("#state")


def test_text_is_never_markup(page: Page) -> None:
    page.say("user", "<img src=x onerror=document.title='broken'><b>hi</b>")
    assert "<b>hi</b>" in page.all(".turn")[0].text
    assert page.browser.title == "Emotion Component"
    assert not page.all("#turns img")


def test_nothing_is_loaded_from_elsewhere(page: Page, plain_server: Server) -> None:
    script = "return performance.getEntriesByType('resource').map(entry => entry.name)"
    loaded = page.browser.execute_script(script)  # type: ignore[no-untyped-call]
    assert len(loaded) >= 5
    assert all(name.startswith(plain_server.url) for name in loaded)


def test_it_fits_a_phone(page: Page) -> None:
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    try:
        talk(page)
        script = "return document.documentElement.scrollWidth"
        assert page.browser.execute_script(script) <= PHONE["width"]  # type: ignore[no-untyped-call]
        page.browser.execute_script("scrollTo(0, 0)")  # type: ignore[no-untyped-call]
        save_screenshot(page.browser, "page_phone.png")
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_every_control_has_a_name(page: Page) -> None:
    page.say("user", "hello")
    page.all("summary")[0].click()
    for control in page.all("button, input, textarea, svg"):
        assert control.accessible_name, control.get_attribute("outerHTML")
    assert page.all("html[lang=en]")
    assert len(page.all("h1")) == 1


def test_the_keyboard_is_enough(page: Page) -> None:
    page.say("user", "hello")
    active = page.browser.switch_to.active_element
    assert active.get_attribute("id") == "text"
    active.send_keys("line one", Keys.SHIFT, Keys.ENTER, Keys.NULL, "line two", Keys.ENTER)
    wait_until(lambda: len(page.all(".turn")) == 2, "the second turn is shown")
    assert "line one\nline two" in page.all(".turn")[1].text
    page.all(".turn button")[0].send_keys(Keys.SPACE)
    page.wait_compared("hello")


def test_a_missing_key_is_asked_for(browser: Chrome, start_server: Callable[..., Server]) -> None:
    server = start_server(security={"api_keys": [{"name": "page", "sha256": hash_key("secret")}]})
    page = Page(browser, server.url)
    wait_until(lambda: "Send a valid key" in page.text("#error"), "the refusal is shown")
    page.all("summary")[0].click()
    page.all("#key")[0].send_keys("secret", Keys.ENTER)
    wait_until(lambda: "28 emotions" in page.text("#model"), "the key is used")
    page.say("user", "I hate this!")
    assert "anger" in page.all(".turn")[0].text


def test_a_server_that_is_gone_is_told(
    browser: Chrome, start_server: Callable[..., Server]
) -> None:
    server = start_server()
    page = Page(browser, server.url)
    wait_until(lambda: "28 emotions" in page.text("#model"), "the page has met the model")
    server.stop()
    page.all("#text")[0].send_keys("hello", Keys.ENTER)
    wait_until(lambda: "cannot be reached" in page.text("#error"), "the failure is shown")
    assert page.all("#text")[0].get_attribute("value") == "hello"  # nothing typed is lost
