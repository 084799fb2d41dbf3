"""A loop whose variable is the one that was to be kept."""


def report(total, parts):
    for total, share in parts:  # bug
        print(total, share)
    return total


print(report(100, [("a", 60), ("b", 40)]))

# Symptom: the report's total is 'b'.
# $ calls --function report
# > report(total=100, parts=[('a', 60), ('b', 40)]) → 'b'
# $ watch total --function report
# > 100 → 'a'
