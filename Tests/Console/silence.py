"""A process that hangs, and one that is killed, as the console shows it."""
import os
import signal
import time

from browser import quoted


def check_silence(browser, pid, plain):
    """A process that does not answer: every page tells it, and is back by itself."""
    outage = lambda: browser.all(".outage")

    def wait(what, since, limit):
        browser.until(outage, what, 15)
        after = time.monotonic() - since
        print(f"  {what}: told after {after:.1f} s")
        if after > limit:
            browser.bad(f"{what} was told after {after:.1f} s")

    browser.visit("#/overview", ".pipeline")
    begun = time.monotonic()
    os.kill(pid, signal.SIGSTOP)
    try:
        wait("a writer that hangs", begun, 8)
    finally:
        os.kill(pid, signal.SIGCONT)
    browser.until(lambda: not outage() and browser.text("#freshness") == "Live", "a writer that goes on")
    begun = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    wait("a writer that was killed", begun, 5)
    browser.until(lambda: "What is wrong now is not known" in browser.text(".problems"), "a heading that claims nothing")
    figures = "return [...document.querySelectorAll('.stage.old')].length"
    browser.until(lambda: browser.driver.execute_script(figures) >= 3, "figures that are told to be old")
    browser.look("an overview of a process that is gone")
    for page in ("streams", f"stream/{quoted(plain)}", "read-model/sales", "read-models", "parked", "charts", "revenue", "overview"):
        browser.driver.execute_script("location.hash = `#/${arguments[0]}`", page)
        time.sleep(0.5)
        if not outage() or "no answer from" not in outage()[0].text:
            browser.bad(f"{page} does not tell that the process is gone")
        if "Failed to fetch" in browser.text():
            browser.bad(f"{page} shows a browser's own words")
