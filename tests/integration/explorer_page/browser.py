"""A headless Chromium, and the explorer's page as a test sees it."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

SET = """
const [control, value] = arguments;
control.value = value;
control.dispatchEvent(new Event("input", {bubbles: true}));
"""
# One move: what stands when its event is over, and nodes changed by the second frame after it.
WATCH = """
const done = arguments[arguments.length - 1];
const slider = document.querySelector("[data-control=threshold]");
let touched = 0;
const count = (records) => {
  for (const one of records) touched += 1 + one.addedNodes.length + one.removedNodes.length;
};
const watcher = new MutationObserver(count);
watcher.observe(document.body,
  {subtree: true, childList: true, attributes: true, characterData: true});
slider.value = arguments[0];
slider.dispatchEvent(new Event("input", {bubbles: true}));
const flagged = Number(document.querySelector("[data-metric=flagged]").dataset.value);
requestAnimationFrame(() => requestAnimationFrame(() => {
  count(watcher.takeRecords());
  watcher.disconnect();
  done({flagged, touched});
}));
"""


def open_chromium() -> webdriver.Chrome:
    """The machine's Chromium through its own driver; nothing is downloaded."""
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        raise RuntimeError("no Chromium or no ChromeDriver: mark the test with needs('browser')")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--window-size=1280,1000", "--force-color-profile=srgb", "--hide-scrollbars",
        "--disable-background-networking", "--disable-component-update", "--no-first-run",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=chromedriver)
    return webdriver.Chrome(options=options, service=service)


@dataclass
class Page:
    """The explorer in a browser: what it shows, and what a hand does to it."""

    driver: webdriver.Chrome

    def wait(self, is_so: Callable[[], Any], what: str, seconds: float = 120) -> Any:
        """What `is_so` gives once it is true."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = is_so()
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"waited {seconds:g} s for {what}")

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def find_all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def wait_ready(self, seconds: float = 60) -> None:
        self.wait(lambda: self.find_all("[data-ready]"), "the explorer to stand", seconds)

    def text(self, metric: str) -> str:
        return self.find(f'[data-metric="{metric}"]').text

    def number(self, metric: str, part: str = "value") -> float | None:
        """A shown number as the page holds it; None where it shows none."""
        found = self.find(f'[data-metric="{metric}"]').get_attribute(f"data-{part}")
        return None if found is None else float(found)

    def choose(self, control: str, text: str) -> None:
        Select(self.find(f'[data-control="{control}"]')).select_by_visible_text(text)

    def set(self, selector: str, value: float | str) -> None:
        """Move a slider or fill a field, as its own event tells."""
        self.driver.execute_script(SET, self.find(selector), value)

    def click(self, selector: str) -> None:
        element = self.find(selector)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def table(self, name: str) -> list[list[str]]:
        """The cells of a table's rows as read, once what is out of sight is drawn too."""
        time.sleep(0.3)
        return self.driver.execute_script(
            """return [...document.querySelectorAll(`[data-table="${arguments[0]}"] tbody tr`)]
               .map((row) => [...row.cells].map((cell) => cell.textContent))""",
            name,
        )  # type: ignore[no-any-return]

    def keys(self, name: str) -> list[str]:
        """What a table's rows are of, read at once: a live page may fill it anew meanwhile."""
        return self.driver.execute_script(
            "return [...document.querySelectorAll(arguments[0])].map((row) => row.dataset.key)",
            f'[data-table="{name}"] tbody tr[data-key]',
        )  # type: ignore[no-any-return]

    def pick(self, name: str, key: str) -> None:
        """Choose a row of a table by its button."""
        self.click(f'[data-table="{name}"] tr[data-key="{key}"] button')

    def drag(self, selector: str, start: float, end: float) -> None:
        """Drag over an element, from one share of its width to another."""
        element = self.find(selector)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        width = element.rect["width"]
        reach = [int(width * (share - 0.5)) for share in (start, end)]
        hand = ActionChains(self.driver).move_to_element_with_offset(element, reach[0], 0)
        hand.click_and_hold().move_by_offset((reach[1] - reach[0]) // 2, 0)
        hand.move_by_offset(reach[1] - reach[0] - (reach[1] - reach[0]) // 2, 0).release().perform()

    def move_and_watch(self, edge: int) -> dict[str, float]:
        """Moves the threshold: `flagged` as shown at once, and how many nodes were `touched`."""
        return self.driver.execute_async_script(WATCH, edge)  # type: ignore[no-any-return]

    def complaints(self) -> list[str]:
        """What the browser's console holds of errors."""
        entries = self.driver.get_log("browser")
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def screenshot(self, selector: str, path: Path) -> None:
        """A picture of one element."""
        path.parent.mkdir(parents=True, exist_ok=True)
        element = self.find(selector)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'start'})", element)
        time.sleep(0.3)
        element.screenshot(str(path))
