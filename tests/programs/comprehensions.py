def build(n):
    squares = [i * i for i in range(n) if i % 2]
    pairs = {i: str(i) for i in range(n)}
    unique = {i % 3 for i in range(n)}
    grid = [[r * c for c in range(2)] for r in range(2)]
    total = sum(i for i in squares)
    i = "kept"
    again = [i for i in "ab"]
    return squares, pairs, len(unique), grid, total, i, again


table = [x + 1 for x in range(3)]
build(5)
