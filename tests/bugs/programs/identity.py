"""`is` where `==` is meant."""


def is_same(first, second):
    return first is second  # bug


print(is_same(int("1000"), int("1000")))

# Symptom: 1000 is not 1000.
# $ calls --function is_same
# > is_same(first=1000, second=1000) → False
# $ find --function is_same --kind return --when "first == second"
