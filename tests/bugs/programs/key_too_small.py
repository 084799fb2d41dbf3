"""What is remembered under less than what it depends on."""

known = {}


def price(item, country):
    if item not in known:
        known[item] = 10 * {"de": 1.19, "ch": 1.08}[country]  # bug
    return known[item]


print(price("pen", "de"), price("pen", "ch"))

# Symptom: the Swiss price is the German one.
# $ calls --function price
# > price(item='pen', country='ch') → 11.899999999999999
# $ why "known['pen']"
# > known[item] = 10
