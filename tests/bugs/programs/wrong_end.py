"""A queue that gives out what came last."""


def order(tree, root):
    waiting, seen = [root], []
    while waiting:
        node = waiting.pop()  # bug
        seen.append(node)
        waiting += tree.get(node, [])
    return seen


print(order({"a": ["b", "c"], "b": ["d"]}, "a"))

# Symptom: a, c, b, d instead of a, b, c, d.
# $ watch waiting
# > waiting[1]: 'c' → (not there)
# $ watch node
# > 'a' → 'c'
