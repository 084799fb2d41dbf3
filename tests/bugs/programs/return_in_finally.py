"""A return that ends an exception."""


def load(text):
    result = None
    try:
        result = int(text)
    finally:
        return result  # bug


print(load("seven"))

# Symptom: None, and no failure.
# $ exceptions
# > ValueError
# $ find --function load --kind return
