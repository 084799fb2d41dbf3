"""Sales per customer: the shop sold for 60, and the report says 80."""

import pandas


def load_orders():
    return pandas.DataFrame({"customer": [1, 2, 3], "total": [10.0, 20.0, 30.0]})


def load_customers():
    """As two systems have them."""
    shop = pandas.DataFrame({"customer": [1, 2, 3], "name": ["Ada", "Bob", "Cleo"]})
    old = pandas.DataFrame({"customer": [2], "name": ["Bob Smith"]})
    return pandas.concat([shop, old], ignore_index=True)


def report():
    orders = load_orders()
    customers = load_customers()
    sales = orders.merge(customers, on="customer")
    sold = float(sales["total"].sum())
    print("sold:", sold)


report()
