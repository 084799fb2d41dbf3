"""Python expressions over recorded values: parsed once, walked over what was recorded, never run by Python.

asking       expressions at the events of one trace, each answer kept while what it depends on stays the same
expression   Expression and Answer, which is what others use
compiling    text → closures
operations   operators, comparisons, attributes and items
functions    the built-in functions and the methods that can be asked
conversion   the tree of a recorded value ⇄ what expressions compute with
domain       what expressions compute with, besides Python's own values
outcomes     how a computation ends without a value, and how much work it may be
"""
