"""A second list has what is in the first: the default is one list for all calls."""


def collect(item, rows=[]):
    rows.append(item)
    return rows


first = collect("pear")
second = collect("plum")
print("one expected, there are", len(second))
