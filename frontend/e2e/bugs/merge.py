"""Revenue is more after a merge than the orders are worth: a customer is in the table twice."""

import pandas as pd


def revenue(orders, customers):
    merged = orders.merge(customers, on="customer")
    return float(merged["amount"].sum())


orders = pd.DataFrame({"customer": [7, 8, 9], "amount": [10.0, 20.0, 5.0]})
customers = pd.DataFrame({"customer": [7, 8, 9, 7], "city": ["Bonn", "Ulm", "Kiel", "Jena"]})
print("orders for 35.0, revenue", revenue(orders, customers))
