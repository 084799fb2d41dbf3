"""A total is too large: a column times a row is a table."""

import numpy as np


def worth(prices, counts):
    amounts = prices * counts
    return float(amounts.sum())


prices = np.array([1.0, 2.0, 3.0])
counts = np.array([[1], [2], [3]])
print("worth 14.0, it says", worth(prices, counts))
