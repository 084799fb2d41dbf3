"""A mistake that is caught with what was to be caught."""


def read(row):
    try:
        return int(row["count"])
    except Exception:  # bug
        return 0


print(sum(read(row) for row in ({"count": "3"}, {"Count": "4"})))

# Symptom: the sum is 3 instead of 7.
# $ exceptions
# > KeyError('count')
# $ calls --function read
# > read(row={'Count': '4'}) → 0
# $ source read
