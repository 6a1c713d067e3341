"""The console in headless Chromium, as a person uses it."""
import json
import pathlib
import time
import urllib.parse

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

AUDIT = (pathlib.Path(__file__).parent / "audit.js").read_text(encoding="utf-8")
# What a person uses, and what a screen reader needs a name of.
NAMED = {
    "button", "link", "textbox", "searchbox", "combobox", "checkbox", "slider", "img", "progressbar", "dialog", "region",
    "navigation", "table", "Date", "DateTime",
}


class Browser:
    """A window. What it finds wrong is collected in `found`."""

    def __init__(self, url, seconds=20):
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.url = url.rstrip("/") + "/console/"
        self.seconds = seconds
        self.found = []
        self.window(1440, "dark")

    def bad(self, text):
        self.found.append(text)
        print("  wrong:", text, flush=True)

    def window(self, width, theme):
        """Sets the window's width, and whether the system is dark."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500})
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": theme}, {"name": "prefers-reduced-motion", "value": "reduce"}]})

    def visit(self, page, ready="main h1"):
        """Opens a page anew, and waits until it shows what it is about."""
        self.driver.get("about:blank")
        self.driver.get(self.url + page)
        self.until(lambda: self.all(ready), f"{ready} on {page}")
        self.until(lambda: "Loading" not in self.text("main"), f"what {page} loads")

    def until(self, condition, what, seconds=None):
        try:
            return WebDriverWait(self.driver, seconds or self.seconds, 0.05).until(lambda _: condition())
        except Exception as error:
            raise SystemExit(f"{what}: not within {seconds or self.seconds} s; the page says\n{self.text('body')[:2000]}") from error

    def all(self, selector):
        return [e for e in self.driver.find_elements(By.CSS_SELECTOR, selector) if e.is_displayed()]

    def text(self, selector="main"):
        found = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return found[0].text if found else ""

    def says(self, text, within="main", seconds=None):
        self.until(lambda: text in self.text(within), f"'{text}'", seconds)

    def click(self, label, within="main"):
        """Clicks the first button whose text begins so."""
        path = f".//button[starts-with(normalize-space(.), {json.dumps(label)})]"

        def buttons():
            places = self.driver.find_elements(By.CSS_SELECTOR, within)
            found = [b for place in places for b in place.find_elements(By.XPATH, path)]
            return [b for b in found if b.is_displayed() and b.is_enabled()]

        self.until(buttons, f"the button '{label}'")[0].click()

    def press(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def ask(self, path):
        """What a route answers to the page's session."""
        return self.driver.execute_async_script(
            "const done = arguments[1]; fetch('/console/api/' + arguments[0]).then((a) => a.json()).then(done, (e) => done(String(e)))", path)

    def look(self, where):
        """Audits the page. Returns its lowest contrast."""
        problems, lowest = self.driver.execute_script(AUDIT)
        self.driver.execute_cdp_cmd("Accessibility.enable", {})
        for node in self.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]:
            role = node.get("role", {}).get("value")
            if role in NAMED and not node.get("ignored") and not node.get("name", {}).get("value", "").strip():
                problems.append(f"{role} without a name: {json.dumps(node.get('properties', []))[:100]}")
        width = self.driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
        if width[0] > width[1]:
            problems.append(f"{width[0]} px wide in a window of {width[1]}")
        for problem in dict.fromkeys(problems):
            self.bad(f"{where}: {problem}")
        return lowest

    def log(self, where, expected=()):
        """Whether the browser complained, as it does where the content security policy forbids something."""
        for entry in self.driver.get_log("browser"):
            if entry["level"] in ("SEVERE", "WARNING") and not any(text in entry["message"] for text in (*expected, "Autofocus")):
                self.bad(f"{where}: the browser's log: {entry['message'][:300]}")

    def picture(self, path):
        height = self.driver.execute_script("return document.documentElement.scrollHeight")
        width = self.driver.execute_script("return innerWidth")
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": min(max(height, 600), 2600), "deviceScaleFactor": 1, "mobile": width < 500})
        time.sleep(0.3)
        self.driver.save_screenshot(path)


def quoted(text):
    return urllib.parse.quote(text, safe="")
