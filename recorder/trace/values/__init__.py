"""A recorded value: its bytes, taken apart when they are asked for.

value          Value, which is what a reader gets
operators      Python's own operators on a Value
given          what a Value is compared with
nodes          the tree that a value is, and questions about it
parse          bytes → tree
to_python      tree → the object
stand_ins      what stands in an object for what is missing
to_json        tree → JSON
render         tree → text for people
stdlib_values  dates, times, arrays: what is not built in
"""
