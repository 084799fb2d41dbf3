"""A sum of floats that is held to be exact."""


def is_paid(parts, price):
    paid = 0.0
    for part in parts:
        paid += part
    return paid == price  # bug


print(is_paid([0.1, 0.1, 0.1], 0.3))

# Symptom: three times 0.1 is not 0.3.
# $ calls --function is_paid
# > → False
# $ watch paid
# > 0.30000000000000004
# $ find --function is_paid --kind return --when "paid != price"
