"""A node that is marked when it is visited, and by then waits twice."""


def reached(links, start):
    waiting, seen, count = [start], set(), 0
    while waiting:
        node = waiting.pop(0)
        count += 1
        seen.add(node)
        for other in links[node]:
            if other not in seen:
                waiting.append(other)  # bug
    return count


print(reached({1: [2, 3], 2: [4], 3: [4], 4: []}, 1))

# Symptom: 5 of 4 nodes are reached.
# $ check "len(set(waiting)) == len(waiting)"
