"""Threads that Python did not make and that enter it: by a callback, again while they end, from a sort in C."""

import ctypes

libc = ctypes.CDLL(None)
key = ctypes.c_uint()
seen = []


def fails(n):
    if n % 2:
        raise ValueError(n)
    return n


def start(argument):
    """Called by pthread_create."""
    double = argument * 2
    try:
        fails(double + 1)
    except ValueError as error:
        seen.append(error.args)
    libc.pthread_setspecific(key, ctypes.c_void_p(argument))
    sort = in_order([3, 1, 2])
    seen.append(sort)
    return double


def leave(argument):
    """Called when the thread ends: its first stay in Python is over."""
    last = argument + 1
    seen.append(last)


def compare(left, right):
    order = left[0] - right[0]
    return order


def in_order(numbers):
    array = (ctypes.c_int * len(numbers))(*numbers)
    libc.qsort(array, len(numbers), 4, comparing)
    return list(array)


def entered(n):
    thread = ctypes.c_ulong()
    libc.pthread_create(ctypes.byref(thread), None, starting, ctypes.c_void_p(n))
    result = ctypes.c_void_p()
    libc.pthread_join(thread, ctypes.byref(result))
    return result.value


pointer = ctypes.POINTER(ctypes.c_int)
starting = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(start)
leaving = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(leave)
comparing = ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer)(compare)
libc.pthread_key_create(ctypes.byref(key), leaving)
for n in (4, 5, 6):
    found = entered(n)
in_order([2, 1])
