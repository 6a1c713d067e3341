"""The rows of a read model: what is in the address, and what whoever comes back finds."""
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys


def check_rows(browser):
    """Table and order are in the address, and whoever comes back finds the page as it was."""
    def run(script):
        return browser.driver.execute_script(f"return {script}")

    def rows():
        return run("[...document.querySelectorAll('main tbody tr')].map((row) => row.innerText)")

    browser.visit("#/read-model/sales?table=sales_by_country")
    browser.click("revenue")
    browser.until(lambda: "order=revenue" in browser.driver.current_url, "the order in the address")
    browser.click("revenue")
    browser.until(lambda: "down=true" in browser.driver.current_url, "the order's direction in the address")
    browser.until(lambda: browser.all("th[aria-sort=descending]"), "the sorted table")
    before = rows()
    browser.driver.refresh()
    browser.until(lambda: browser.all("th[aria-sort=descending]"), "the sorted table after a reload")
    if rows() != before:
        browser.bad(f"after a reload other rows are shown: {rows()[:2]} instead of {before[:2]}")
    browser.visit("#/read-model/sales?table=sales_orders")
    browser.click("Show more")
    browser.until(lambda: len(rows()) == 100, "100 rows")
    browser.driver.execute_script("scrollTo(0, 1500)")
    browser.until(lambda: run("history.state.top") == 1500, "the place as kept")
    browser.driver.execute_script("document.querySelector('#side a[href=\"#/streams\"]').click()")
    browser.until(lambda: "Find" in browser.text(), "another page")
    if run("scrollY") != 0:
        browser.bad("a page that is opened does not begin at its top")
    browser.driver.back()
    browser.until(lambda: len(rows()) == 100 and run("scrollY") == 1500, "the rows as they were left")
    tab = browser.driver.find_element(By.CSS_SELECTOR, "[role=tab][aria-selected=true]")
    tab.send_keys(Keys.ARROW_RIGHT)
    browser.until(lambda: "view=partitions" in browser.driver.current_url, "the next tab by an arrow key")
