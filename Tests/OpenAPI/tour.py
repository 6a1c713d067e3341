"""The README's tour and what is beside it, with clients that were generated from the OpenAPI documents: tour.py WRITER QUERIES."""

import re
import sys
import time
from datetime import datetime, timezone
from urllib.parse import parse_qs, urlsplit

from orders_queries import Client as QueriesClient
from orders_queries.api.customers import get_customers, get_customers_by_id
from orders_queries.api.orders import get_orders, get_orders_by_id
from orders_queries.api.process import get_readyz as get_queries_readyz
from orders_queries.api.sales import get_sales, get_sales_countries, get_sales_days, get_sales_products
from orders_queries.models import OrderStatus as ReadStatus
from orders_queries.models import Problem as ReadProblem
from orders_writer import Client as WriterClient
from orders_writer.api.feed import get_events, get_store
from orders_writer.api.orders import (
    add_item_to_order,
    cancel_order,
    complete_order,
    create_order,
    delete_order,
    execute_order_commands,
    get_order,
    get_order_history,
    get_order_removal,
)
from orders_writer.api.problems import get_problems_by_kind
from orders_writer.api.process import get_healthz, get_metrics, get_readyz
from orders_writer.models import (
    Cancellation,
    GetProblemsByKindKind,
    Nothing,
    OrderAddItem,
    OrderCommands,
    OrderComplete,
    OrderCreate,
    OrderHeader,
    OrderLine,
    OrderStatus,
    Problem,
    RemovalErasure,
)

# What no document has told of is an error.
writer = WriterClient(base_url=sys.argv[1], raise_on_unexpected_status=True, timeout=60)
queries = QueriesClient(base_url=sys.argv[2], raise_on_unexpected_status=True, timeout=60)
checks = 0


def expect(is_so, what, seen):
    global checks
    checks += 1
    if not is_so:
        raise AssertionError(f"{what}: {seen}")


def answered(response, status, what):
    expect(response.status_code == status, f"{what} is answered {status}", (response.status_code, response.content[:500]))
    return response.parsed


def refused(response, status, kind, what, problem=Problem):
    parsed = answered(response, status, what)
    expect(isinstance(parsed, problem), f"{what} tells of a problem", parsed)
    expect(parsed.type_ == f"/problems/{kind}" and parsed.status == status, f"{what} is {kind}", parsed)
    expect(parsed.title and parsed.detail and parsed.instance, f"{what} says what to do", parsed)
    return parsed


def pages(ask, parameter, **arguments):
    """All rows of a list, page by page, and how many pages there were."""
    rows, count = [], 0
    while True:
        response = ask(**arguments)
        rows += answered(response, 200, "a page")
        count += 1
        link = re.match(r"<(.*)>; rel=\"next\"", response.headers.get("Link", ""))
        if not link:
            return rows, count
        value = parse_qs(urlsplit(link[1]).query)[parameter][0]
        arguments[parameter] = int(value) if value.isdigit() else value


def line(sku, quantity, price):
    return OrderLine(sku=sku, description=sku.lower(), quantity=quantity, unit_price=price)


def place_an_order():
    header = OrderHeader(country="France", customer="marie")
    key = '"order-tea-1"'
    first = create_order.sync_detailed("tea-1", client=writer, body=header, idempotency_key=key, x_request_id="tour-1")
    created = answered(first, 200, "an order")
    expect(created.id == "tea-1" and created.version == 1, "the order is at version 1", created)
    expect(first.headers["ETag"] == '"1"' and first.headers["X-Request-Id"] == "tour-1", "its tag and id", first.headers)
    again = create_order.sync_detailed("tea-1", client=writer, body=header, idempotency_key=key)
    expect(answered(again, 200, "a repetition") == created, "a repetition has the first answer", again)
    expect(again.headers.get("Idempotent-Replayed") == "true", "it says that it is one", again.headers)
    other = OrderHeader(country="Spain")
    refused(create_order.sync_detailed("tea-1", client=writer, body=other, idempotency_key=key), 422, "key-reused", "the key again")
    problem = refused(create_order.sync_detailed("tea-1", client=writer, body=other), 409, "refused", "a second order of the id")
    expect(problem.code == "already-exists", "its code", problem)

    added = answered(
        add_item_to_order.sync_detailed("tea-1", client=writer, body=line("T1", 2, "12.495"), if_match=first.headers["ETag"]),
        200, "an item at the version that was seen")
    late = add_item_to_order.sync_detailed("tea-1", client=writer, body=line("T2", 1, "1"), if_match=first.headers["ETag"])
    problem = refused(late, 412, "precondition-failed", "an item at a version that is gone")
    expect((problem.expected_version, problem.actual_version) == (1, added.version), "both versions", problem)
    bad = OrderLine.from_dict({"sku": "T2", "quantity": 1, "unitPrice": "cheap"})
    problem = refused(add_item_to_order.sync_detailed("tea-1", client=writer, body=bad), 422, "invalid-member", "a bad price")
    expect(problem.member == "unitPrice", "the member that is wrong", problem)

    minimal = complete_order.sync_detailed("tea-1", client=writer, body=Nothing(), prefer="return=minimal")
    answered(minimal, 204, "completing with return=minimal")
    expect(minimal.headers["Preference-Applied"] == "return=minimal", "what was applied", minimal.headers)
    token = minimal.headers["Eventually-Token"]
    order = answered(get_order.sync_detailed("tea-1", client=writer), 200, "the order")
    expect(order.status == OrderStatus.COMPLETED and order.total == "24.99" and order.items[0].sku == "T1", "what it is", order)
    expect(abs((datetime.now(timezone.utc) - order.time).total_seconds()) < 600, "when it was placed", order.time)
    same = get_order.sync_detailed("tea-1", client=writer, if_none_match='"3"')
    answered(same, 304, "the order that one has")
    problem = refused(
        cancel_order.sync_detailed("tea-1", client=writer, body=Cancellation(reason="late")), 409, "refused", "giving up what is final")
    expect(problem.code == "not-open", "its code", problem)
    refused(get_order.sync_detailed("none", client=writer), 404, "refused", "an order that is not there")
    refused(get_order.sync_detailed("a b", client=writer), 422, "refused", "an id that can't be one")
    return token


def batches():
    """Orders of several countries, each placed at once: their tokens, for they are in several partitions."""
    tokens = []
    for number in range(25):
        commands = OrderCommands(commands=[
            OrderCreate(create=OrderHeader(country=["Spain", "Norway"][number % 2], customer=f"c{number % 7}")),
            OrderAddItem(add_item=line(f"S{number % 5}", number + 1, "1.50")),
            OrderComplete(complete=Nothing()),
        ])
        done = answered(
            execute_order_commands.sync_detailed(f"batch-{number:02}", client=writer, body=commands, if_none_match="*"), 200, "a batch")
        expect(done.version == 3, "three events", done)
        tokens.append(done.token)
    empty = OrderCommands(commands=[OrderCreate(create=OrderHeader(country="Italy")), OrderComplete(complete=Nothing())])
    problem = refused(
        execute_order_commands.sync_detailed("batch-none", client=writer, body=empty), 409, "refused", "a batch with a wrong command")
    expect(problem.code == "empty" and problem.detail.startswith("commands[1]"), "which one", problem)
    refused(get_order.sync_detailed("batch-none", client=writer), 404, "refused", "nothing of it happened")
    return tokens


def read(tokens):
    """Queries wait for all that was placed: a token is of one partition."""
    for token in tokens:
        answered(get_sales_countries.sync_detailed(client=queries, after=token, wait=30), 200, "sales")
        answered(get_orders.sync_detailed(client=queries, after=token, wait=30), 200, "orders")
        answered(get_customers.sync_detailed(client=queries, after=token, wait=30), 200, "customers")
    countries = answered(get_sales_countries.sync_detailed(client=queries), 200, "countries")
    france = next(country for country in countries if country.country == "France")
    expect((france.revenue, france.units, france.orders) == ("24.99", 2, 1), "the sales in France", france)
    sales = answered(get_sales.sync_detailed(client=queries), 200, "sales")
    expect(sales.countries.orders == 26 and sales.products.units == 2 + sum(range(1, 26)), "all sales", sales)
    expect(len(answered(get_sales_days.sync_detailed(client=queries), 200, "days")) >= 1, "a day", "none")
    products = answered(get_sales_products.sync_detailed(client=queries, limit=3), 200, "products")
    expect(len(products) == 3, "three products", products)

    orders, count = pages(get_orders.sync_detailed, "cursor", client=queries, limit=10)
    expect(count == 3 and len({order.id for order in orders}) == len(orders) == 26, "26 orders in three pages", (count, len(orders)))
    customers, count = pages(get_customers.sync_detailed, "cursor", client=queries, limit=5)
    expect(count == 2 and {c.customer for c in customers} == {"marie"} | {f"c{n}" for n in range(7)}, "customers", customers)
    mine, _ = pages(get_orders.sync_detailed, "cursor", client=queries, limit=2, customer="c3")
    expect({order.id for order in mine} == {"batch-03", "batch-10", "batch-17", "batch-24"}, "one customer's orders", mine)
    row = answered(get_orders_by_id.sync_detailed("tea-1", client=queries), 200, "an order's row")
    expect(row.status == ReadStatus.COMPLETED and row.units == 2, "what it says", row)
    marie = get_customers_by_id.sync_detailed("marie", client=queries)
    expect(answered(marie, 200, "a customer").first_order.id == "tea-1", "the first order", marie)
    answered(get_customers_by_id.sync_detailed("marie", client=queries, if_none_match=marie.headers["ETag"]), 304, "the same")
    refused(get_customers_by_id.sync_detailed("nobody", client=queries), 404, "not-found", "nobody", ReadProblem)
    partition = tokens[0].split("-")[0]
    ahead = get_sales.sync_detailed(client=queries, after=f"{partition}-999999", wait=0)
    refused(ahead, 503, "not-yet", "a token that is ahead", ReadProblem)
    expect(int(ahead.headers["Retry-After"]) >= 1, "when to come again", ahead.headers)
    refused(get_sales.sync_detailed(client=queries, after="soon"), 400, "invalid-request", "a bad token", ReadProblem)
    refused(get_orders.sync_detailed(client=queries, cursor="x"), 422, "invalid", "a bad cursor", ReadProblem)


def look_at_events():
    events, count = pages(get_order_history.sync_detailed, "after", id="tea-1", client=writer, limit=2)
    expect(count == 2 and [event.version for event in events] == [1, 2, 3], "a history in two pages", events)
    json = writer.with_headers({"Accept": "application/json"})
    events, count = pages(get_events.sync_detailed, "after", client=json, limit=30)
    expect(count == 3 and [event.sequence_number for event in events] == list(range(1, 79)), "the feed in three pages", (count, len(events)))
    store = answered(get_store.sync_detailed(client=writer), 200, "the store")
    expect(store.head == 78 and sum(store.heads) == 78 and len(store.heads) == store.partitions, "where it stands", store)
    refused(get_events.sync_detailed(client=json, store="another"), 409, "wrong-store", "another store")


def remove():
    removed = delete_order.sync_detailed("batch-24", client=writer)
    expect(removed.status_code in (200, 202), "a removal", removed)
    token, deadline = removed.parsed.token, time.monotonic() + 60
    while True:
        removal = answered(get_order_removal.sync_detailed("batch-24", client=writer), 200, "its removal")
        if removal.erasure == RemovalErasure.DONE:
            break
        expect(time.monotonic() < deadline, "nothing is left within a minute", removal)
        time.sleep(0.2)
    gone = get_orders_by_id.sync_detailed("batch-24", client=queries, after=token, wait=30)
    refused(gone, 404, "not-found", "the removed order", ReadProblem)
    refused(delete_order.sync_detailed("none", client=writer), 404, "not-found", "removing what is not there")


def look_at_processes():
    expect(answered(get_healthz.sync_detailed(client=writer), 200, "health").reasons == [], "no reasons", "some")
    ready = answered(get_readyz.sync_detailed(client=writer), 200, "readiness")
    expect(ready.publisher == "publishing" and ready.head >= 78, "the publisher", ready)
    answered(get_queries_readyz.sync_detailed(client=queries), 200, "readiness of queries")
    metrics = answered(get_metrics.sync_detailed(client=writer), 200, "metrics")
    expect("eventually_appended_events_total 78" in metrics, "metrics", metrics)
    text = answered(get_problems_by_kind.sync_detailed(GetProblemsByKindKind.KEY_REUSED, client=writer), 200, "a kind of problem")
    expect(text.startswith("key-reused"), "its page", text)


token = place_an_order()
tokens = [token] + batches()
answered(get_order_removal.sync_detailed("tea-1", client=writer), 404, "the removal of an order that is there")
read(tokens)
look_at_events()
remove()
look_at_processes()
print(f"{checks} checks held")
