"""A table of settings whose inner table is the default's own."""

DEFAULTS = {"retries": 3, "proxy": {"host": None}}


def settings(host):
    made = dict(DEFAULTS)  # bug
    made["proxy"]["host"] = host
    return made


settings("example.org")
plain = dict(DEFAULTS)
print(plain["proxy"]["host"])

# Symptom: who asked for no proxy has one.
# $ watch "DEFAULTS['proxy']['host']"
# > None → 'example.org'
# $ why "made['proxy']['host']" --function settings
# > made["proxy"]["host"] = host
# $ history made --function settings
