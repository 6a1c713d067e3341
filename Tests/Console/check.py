"""Uses the console of a running pipeline as a person would, and says what is wrong. Exit code 0 only if nothing is.

usage: check.py WRITER QUERIES BROKERS TOPIC WORKER-PID WRITER-PID [--pictures FOLDER]

WRITER has no tokens and listens on loopback only; QUERIES asks for the tokens "administer-me-please" and "read-only-please-now", and masks the
customer of orders. The worker of sales fails for streams whose id ends in -bad, and is killed; in the end the writer is, too.
"""
import argparse
import json
import os
import signal
import subprocess
import time
import urllib.request

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from browser import Browser, quoted
from rows import check_rows
from silence import check_silence

OVERRIDE = "\u202e"
HOSTILE_TEXTS = [
    '<img src=x onerror="window.hacked=1">', "<script>window.hacked=2</script>", "javascript:alert(1)", f"{OVERRIDE}gnp.exe\u2066",
    "=HYPERLINK(1)", "\u001b[31mred", "زبون",
]


class Pipeline:
    def __init__(self, writer):
        self.writer = writer.rstrip("/")

    def send(self, stream, command, body):
        request = urllib.request.Request(
            f"{self.writer}/orders/{quoted(stream)}/{command}", json.dumps(body).encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status

    def place(self, stream, text="France", items=1):
        self.send(stream, "create", {"country": "France", "customer": text})
        for number in range(items):
            self.send(stream, "add-item", {"sku": f"S{number}", "description": text, "quantity": 1 + number % 9, "unitPrice": "10"})
        self.send(stream, "complete", {})


def place_hostile(pipeline, brokers, topic):
    """Orders with members, and records that are not the store's, that attack the page. Returns the orders' ids."""
    orders = [f"hostile-{number}" for number in range(len(HOSTILE_TEXTS))]
    for order, text in zip(orders, HOSTILE_TEXTS):
        pipeline.place(order, text, items=3)
        record = json.dumps({"topic": topic, "key": text, "payload": text + "M" * 100_000})
        subprocess.run(["kcat", "-b", brokers, "-t", topic, "-P", "-K", "\t"], input=f"{text}\t{record}".encode(), check=True, timeout=60)
    pipeline.place("order-long", "somebody", items=150)
    return orders


def check_pages(browser, hostile):
    """Every page, in windows of several widths, dark and light."""
    latest = browser.ask("streams?type=OrderCompleted")["streams"]
    plain = next(found["stream"] for found in latest if not found["stream"].startswith("hostile"))
    event = browser.ask(f"streams/{quoted(plain)}/events")["events"][0]["id"]
    attacked = browser.ask(f"streams/{quoted(hostile[0])}/events")["events"][-2]["id"]
    pages = [
        "overview", "streams", f"stream/{quoted(plain)}", "stream/order-long", f"event/{event}", f"event/{attacked}", "read-models",
        "read-model/orders", "read-model/orders?view=partitions", "read-model/sales?view=generations", "read-model/sales?view=replay",
        "parked", "charts", "revenue", *(f"stream/{stream}" for stream in hostile),
    ]
    for width, theme in ((1440, "dark"), (1440, "light"), (360, "dark")):
        browser.window(width, theme)
        lowest = 21
        for page in pages:
            browser.visit(f"#/{page}")
            time.sleep(0.2)
            lowest = min(lowest, browser.look(f"{width} {theme} {page[:50]}"))
        browser.log(f"{width} px, {theme}")
        print(f"  {len(pages)} pages at {width} px, {theme}: lowest contrast {lowest:.2f}")
    browser.window(1440, "dark")
    return plain, attacked


def check_hostile(browser, attacked):
    browser.visit(f"#/event/{attacked}")
    browser.driver.execute_script(
        "for (const b of document.querySelectorAll('button.more')) b.click(); for (const d of document.querySelectorAll('details')) d.open = true;")
    time.sleep(0.5)
    browser.look("a hostile payload, opened")
    if OVERRIDE in browser.driver.execute_script("return document.body.textContent + document.title"):
        browser.bad("a character that turns the direction of text is in the page")
    if browser.driver.execute_script("return window.hacked !== undefined"):
        browser.bad("hostile data was executed")
    browser.visit("#/parked")
    browser.says("MMMM")
    browser.look("hostile records")
    browser.log("hostile data")


def check_keyboard(browser, plain):
    """The overview by the keyboard alone: each stop can be seen, and nothing keeps the focus."""
    browser.visit("#/overview", ".pipeline")
    browser.driver.refresh()
    browser.until(lambda: browser.all(".pipeline"), "the overview")
    stops = 0
    for _ in range(120):
        browser.press(Keys.TAB)
        name, words, has_outline, is_seen = browser.driver.execute_script(
            "const e = document.activeElement, b = e.getBoundingClientRect(), s = getComputedStyle(e);"
            "return [e.tagName, (e.getAttribute('aria-label') ?? e.textContent).trim().slice(0, 40),"
            " s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2,"
            " b.width > 0 && b.height > 0 && b.bottom > 0 && b.top < innerHeight]")
        if name == "BODY":
            break
        if stops == 0 and "Skip" not in words:
            browser.bad(f"keyboard: the first stop is '{words}'")
        stops += 1
        if not has_outline:
            browser.bad(f"keyboard: {name} '{words}' has no outline")
        if not is_seen:
            browser.bad(f"keyboard: {name} '{words}' has the focus out of sight")
    else:
        browser.bad("keyboard: the tab key does not come to an end")
    browser.press("/", plain, Keys.ENTER)
    browser.until(lambda: f"#/stream/{plain}" in browser.driver.current_url and browser.all(".history li"), "the stream that was typed")
    browser.press("g", "c")
    browser.until(lambda: "#/charts" in browser.driver.current_url, "the charts")
    browser.press("?")
    browser.until(lambda: browser.all("dialog[open]"), "the list of keys")
    browser.press(Keys.ESCAPE)
    browser.until(lambda: not browser.all("dialog[open]"), "a dialog that escape closes")
    print(f"  {stops} stops on the overview")


def check_slider(browser):
    browser.visit("#/stream/order-long", ".json")
    slider = browser.driver.find_element(By.CSS_SELECTOR, "input[type=range]")
    slider.send_keys(Keys.HOME)
    browser.says("There was nothing yet")
    slider.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    browser.says("Version 3 of 152")
    if "version=3" not in browser.driver.current_url:
        browser.bad("the address does not have the version")


def check_parked(browser, pipeline):
    """A parked stream appears, what a retry would do is shown, and it is retried."""
    browser.visit("#/parked")
    pipeline.place("x-bad")
    begun = time.monotonic()
    browser.says("x-bad", seconds=10)
    after = time.monotonic() - begun
    print(f"  the parked stream was shown {after:.1f} s after its command")
    if after > 3:
        browser.bad(f"a parked stream was shown after {after:.1f} s")
    for page in ("read-model/sales", "stream/x-bad", "charts", "parked?readModel=orders"):
        browser.visit(f"#/{page}")
        browser.until(lambda: browser.text("#parked-count") == "1", f"how many streams are parked on {page}")
    browser.visit("#/parked")
    browser.says("x-bad")
    browser.click("Retry")
    browser.says("A dry run came to this", "dialog[open]")
    browser.look("a dry run")
    if "ordersctl parked retry sales" not in browser.text("dialog[open]"):
        browser.bad("the command line of a retry is not shown")
    browser.click("Retry", "dialog[open]")
    browser.says("Nothing is parked")
    browser.until(lambda: browser.driver.execute_script("return document.activeElement !== document.body"), "the focus after a dialog", 5)
    browser.until(lambda: browser.text("#parked-count") == "", "no parked stream beside the page's name", 5)


def check_replay(browser, pipeline):
    browser.visit("#/read-model/sales?view=replay")
    browser.click("Start a replay")
    browser.says("The same by command line", "dialog[open]")
    if "ordersctl replay sales --from zero" not in browser.text("dialog[open]"):
        browser.bad("the command line of a replay is not shown")
    browser.look("the question before a replay")
    browser.click("Start it", "dialog[open]")
    browser.says("built, not live", seconds=60)
    browser.look("a comparison")
    pipeline.place("order-after-the-replay")
    browser.click("Switch to generation 2")
    browser.click("Switch to 2", "dialog[open]")
    browser.until(lambda: browser.ask("read-models/sales")["generation"] == 2, "generation 2 as the live one")
    browser.visit("#/read-model/sales?view=generations")
    browser.says("kept")
    browser.look("generations")
    browser.click("Switch to it")
    browser.click("Switch to 1", "dialog[open]")
    browser.until(lambda: browser.ask("read-models/sales")["generation"] == 1, "generation 1 as the live one again")
    browser.log("a replay")


def check_killed_worker(browser, pid):
    browser.visit("#/overview", ".pipeline")
    os.kill(pid, signal.SIGKILL)
    begun = time.monotonic()
    browser.until(lambda: any("sales-1" in problem.text for problem in browser.all(".problem")), "the killed worker", 10)
    after = time.monotonic() - begun
    print(f"  the killed worker was shown after {after:.1f} s: {browser.all('.problem')[0].text.splitlines()[0]}")
    if after > 3:
        browser.bad(f"a killed worker was shown after {after:.1f} s")
    browser.look("an overview with a problem")


def check_roles(browser, plain):
    """A process with tokens: a form to sign in, roles, masks."""
    browser.driver.get(browser.url)
    browser.until(lambda: browser.all("input[name=token]"), "the form to sign in")
    browser.look("the form to sign in")
    browser.driver.find_element(By.NAME, "token").send_keys("no-such-token-here", Keys.ENTER)
    browser.until(lambda: "token" in browser.text("body").lower(), "a refusal")
    browser.log("a wrong token", ["401", "403"])
    for token, sees in (("administer-me-please", True), ("read-only-please-now", False)):
        browser.driver.get(browser.url)
        field = browser.until(lambda: browser.all("input[name=token]"), "the form to sign in")[0]
        field.clear()
        field.send_keys(token, Keys.ENTER)
        browser.until(lambda: browser.all(".pipeline"), "the overview")
        browser.visit(f"#/stream/{quoted(plain)}", ".json")
        is_masked = "masked" in browser.text(".state")
        if is_masked == sees:
            browser.bad(f"the customer is {'' if is_masked else 'not '}masked for {token}")
        status = browser.driver.execute_async_script(
            "const done = arguments[0]; fetch('/console/api/parked/sales/retry', { method: 'POST',"
            " headers: { 'content-type': 'application/json' }, body: '{}' }).then((a) => done(a.status))")
        if status != 403:
            browser.bad(f"a change without the session's token is answered {status}")
        if browser.driver.execute_script("return document.cookie"):
            browser.bad("scripts can read the cookie")
        browser.log(token, ["403"])
        browser.click("Sign out", "header")
        browser.until(lambda: browser.all("input[name=token]"), "the form to sign in")


def take_pictures(browser, folder, plain, event):
    pages = {
        "overview": "overview", "streams": "streams", "stream": "stream/order-long", "event": f"event/{event}", "read-models": "read-models",
        "rows": "read-model/sales", "replay": "read-model/sales?view=replay", "parked": "parked", "charts": "charts", "revenue": "revenue",
    }
    for name, page in pages.items():
        for kind, width, theme in (("dark", 1280, "dark"), ("light", 1280, "light"), ("narrow", 360, "dark")):
            browser.window(width, theme)
            browser.visit(f"#/{page}")
            time.sleep(2.5 if name in ("overview", "charts") else 0.5)
            browser.picture(f"{folder}/{name}-{kind}.png")
    browser.window(1440, "dark")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("writer")
    parser.add_argument("queries")
    parser.add_argument("brokers")
    parser.add_argument("topic")
    parser.add_argument("worker", type=int)
    parser.add_argument("writer_process", type=int)
    parser.add_argument("--pictures")
    arguments = parser.parse_args()
    pipeline = Pipeline(arguments.writer)
    hostile = place_hostile(pipeline, arguments.brokers, arguments.topic)
    browser = Browser(arguments.writer)
    try:
        print("Every page", flush=True)
        browser.visit("")
        browser.until(lambda: browser.ask("streams?type=OrderCompleted")["streams"], "an order")
        plain, attacked = check_pages(browser, hostile)
        if arguments.pictures:
            take_pictures(browser, arguments.pictures, plain, attacked)
        print("Hostile data", flush=True)
        check_hostile(browser, attacked)
        print("Keyboard", flush=True)
        check_keyboard(browser, plain)
        check_slider(browser)
        print("Rows", flush=True)
        check_rows(browser)
        print("Parked", flush=True)
        check_parked(browser, pipeline)
        print("Replay", flush=True)
        check_replay(browser, pipeline)
        print("A killed worker", flush=True)
        check_killed_worker(browser, arguments.worker)
        print("Roles", flush=True)
        browser.url = arguments.queries.rstrip("/") + "/console/"
        check_roles(browser, plain)
        print("Silence", flush=True)
        browser.url = arguments.writer.rstrip("/") + "/console/"
        check_silence(browser, arguments.writer_process, plain)
    finally:
        browser.driver.quit()
    print("nothing is wrong" if not browser.found else f"{len(browser.found)} things are wrong")
    raise SystemExit(bool(browser.found))


main()
