"""Every way in which an exception leaves a function, and what its caller then catches: a program that is recorded.

Each function below ends by an exception. `leave` calls it and writes down what arrived; the test compares that with what
the trace says the function ended by.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import sys

caught = []
WAYS = []


def way(function):
    WAYS.append(function)
    return function


def leave(function):
    try:
        function()
    except BaseException as error:
        caught.append((function.__name__, repr(error)))


class Manager:
    """A context manager that deals with another exception on its way out."""

    def __init__(self, name, deals=True):
        self.name = name
        self.deals = deals

    def __enter__(self):
        return self

    def __exit__(self, *about):
        if self.deals:
            try:
                raise KeyError(self.name)
            except KeyError:
                pass
        return False

    async def __aenter__(self):
        return self

    async def __aexit__(self, *about):
        await asyncio.sleep(0)
        return self.__exit__()


class Noisy:
    def __del__(self):
        try:
            raise OSError("noise")
        except OSError:
            pass


def other(n=0):
    try:
        raise KeyError("other", n)
    except KeyError:
        pass


def raises(n):
    raise ValueError("raises", n)


@way
def plain():
    raise ValueError(1)


@way
def from_c():
    int("x")


@way
def from_a_call():
    raises(3)


@way
def raised_again():
    try:
        raise ValueError(4)
    except ValueError:
        raise


@way
def raised_again_after_another():
    try:
        raise ValueError(5)
    except ValueError:
        try:
            raise KeyError(5)
        except KeyError:
            pass
        raise


@way
def named_and_raised_again():
    try:
        raise ValueError(6)
    except ValueError as error:
        try:
            raise KeyError(6)
        except KeyError as inner:
            str(inner)
        str(error)
        raise


@way
def raised_by_name_again():
    try:
        raise ValueError(7)
    except ValueError as error:
        other(7)
        raise error


@way
def a_named_one_in_a_cell():
    try:
        raise ValueError(8)
    except ValueError as error:
        seen = lambda: error
        other(seen())
        raise


@way
def a_named_global_one():
    global last
    try:
        raise ValueError(9)
    except ValueError as last:
        other(9)
        raise


@way
def another_after_all():
    try:
        raise ValueError(10)
    except ValueError:
        raise KeyError(10) from None


@way
def another_because_of_it():
    try:
        raise ValueError(11)
    except ValueError as error:
        raise KeyError(11) from error


@way
def not_the_one_that_is_handled():
    try:
        raise ValueError(12)
    except KeyError:
        pass


@way
def not_the_one_that_is_handled_within():
    try:
        raise ValueError(13)
    except ValueError:
        try:
            raise OSError(13)
        except KeyError:
            pass


@way
def a_finally():
    try:
        raise ValueError(14)
    finally:
        pass


@way
def a_finally_with_another():
    try:
        raise ValueError(15)
    finally:
        try:
            raise KeyError(15)
        except KeyError:
            pass


@way
def a_finally_in_a_finally():
    try:
        raise ValueError(16)
    finally:
        try:
            try:
                raise KeyError(16)
            finally:
                other(16)
        except KeyError:
            pass


@way
def a_finally_in_a_loop():
    for n in range(3):
        try:
            raise ValueError(17, n)
        except ValueError:
            if n == 2:
                try:
                    other(n)
                finally:
                    raise
        finally:
            other(n)


@way
def a_finally_that_raises():
    try:
        raise ValueError(18)
    finally:
        raise KeyError(18)


@way
def a_return_in_a_finally():
    def swallows():
        try:
            raise KeyError(19)
        finally:
            return 1

    try:
        raise ValueError(19)
    except ValueError:
        swallows()
        raise


@way
def suppressed_within():
    try:
        raise ValueError(20)
    except ValueError:
        with contextlib.suppress(KeyError):
            raise KeyError(20)
        raise


@way
def not_suppressed():
    with contextlib.suppress(KeyError):
        raise ValueError(21)


@way
def out_of_a_with():
    with Manager(22):
        raise ValueError(22)


@way
def out_of_several():
    with Manager(23), Manager("quiet", deals=False), Manager(24):
        raise ValueError(23)


@way
def out_of_a_with_in_a_handler():
    try:
        raise KeyError(25)
    except KeyError:
        with Manager(25):
            raises(25)


@way
def out_of_a_with_around_a_handler():
    with Manager(26):
        try:
            raise ValueError(26)
        except ValueError:
            other(26)
            raise


@way
def from_an_exit():
    class Bad(Manager):
        def __exit__(self, *about):
            raise OSError("exit")

    with Bad(27):
        raise ValueError(27)


@way
def out_of_a_generator_as_manager():
    @contextlib.contextmanager
    def manager():
        try:
            yield
        finally:
            other(28)

    with manager():
        raise ValueError(28)


@way
def turned_by_a_generator_as_manager():
    @contextlib.contextmanager
    def manager():
        try:
            yield
        except ValueError:
            raise KeyError(29) from None

    with manager():
        raise ValueError(29)


@way
def an_exit_stack():
    with contextlib.ExitStack() as stack:
        stack.callback(other, 30)
        stack.enter_context(Manager(30))
        raise ValueError(30)


@way
def a_group_in_part():
    try:
        raise ExceptionGroup("31", [ValueError(31), KeyError(31)])
    except* KeyError:
        pass


@way
def a_group_in_no_part():
    try:
        raise ExceptionGroup("32", [ValueError(32)])
    except* KeyError:
        pass


@way
def a_group_with_new_ones():
    try:
        raise ExceptionGroup("33", [ValueError(), KeyError(33), OSError(33)])
    except* KeyError:
        raise TypeError(33) from None
    except* OSError:
        other(33)


@way
def a_group_in_a_try():
    try:
        try:
            raise ExceptionGroup("34", [ValueError(34), KeyError(34)])
        except* KeyError:
            other(34)
    finally:
        other(35)


@way
def a_bare_one_no_group():
    try:
        raise ValueError(36)
    except* KeyError:
        pass


def lets_go():
    raise


@way
def raised_again_by_a_helper():
    try:
        raise ValueError(37)
    except ValueError:
        other(37)
        lets_go()


@way
def nothing_to_raise_again():
    lets_go()


@way
def by_a_callback_of_c():
    sorted([2, 1], key=raises)


@way
def by_a_callback_in_a_handler():
    try:
        raise KeyError(38)
    except KeyError:
        list(map(raises, [38]))


@way
def by_functools():
    functools.reduce(lambda a, b: raises(b), [1, 39])


@way
def a_comprehension():
    [raises(n) for n in [40]]


@way
def a_generator_expression():
    list(raises(n) for n in [41])


@way
def a_class_body():
    class Broken:
        try:
            raise ValueError(42)
        except ValueError as error:
            other(error)
            raise


@way
def past_a_finalizer():
    [Noisy(), raises(43)]


@way
def past_a_finalizer_in_a_handler():
    try:
        raise ValueError(44)
    except ValueError:
        Noisy()
        [Noisy(), other(44)]
        raise


@way
def past_a_local_with_a_finalizer():
    held = Noisy()
    try:
        raise ValueError(45)
    finally:
        other(held)


@way
def thrown_into_a_generator():
    def gen():
        try:
            yield
        except ValueError:
            other(46)
            raise

    g = gen()
    next(g)
    g.throw(ValueError(46))


@way
def thrown_through_generators():
    def inner():
        try:
            yield
        finally:
            other(47)

    def outer():
        yield from inner()

    g = outer()
    next(g)
    g.throw(ValueError(47))


@way
def a_closed_generator():
    def gen():
        try:
            yield
        except GeneratorExit:
            other(48)
            raise ValueError(48) from None

    g = gen()
    next(g)
    g.close()


@way
def a_generator_that_fails():
    def gen():
        yield 1
        try:
            raise ValueError(49)
        finally:
            other(49)

    for _ in gen():
        pass


@way
def a_generator_in_a_handler():
    def gen():
        try:
            yield 1
        except KeyError:
            yield 2

    try:
        raise ValueError(50)
    except ValueError:
        g = gen()
        next(g)
        g.throw(KeyError(50))
        raise


@way
def a_coroutine():
    async def inner():
        await asyncio.sleep(0)
        raise ValueError(51)

    async def main():
        try:
            await inner()
        except ValueError:
            other(51)
            await asyncio.sleep(0)
            raise

    asyncio.run(main())


@way
def an_async_with():
    async def main():
        async with Manager(52):
            raise ValueError(52)

    asyncio.run(main())


@way
def an_async_for():
    async def gen():
        yield 1
        raise ValueError(53)

    async def main():
        async for _ in gen():
            other(53)

    asyncio.run(main())


@way
def an_async_for_in_a_try():
    class Numbers:
        def __aiter__(self):
            return self

        async def __anext__(self):
            try:
                raise KeyError(54)
            except KeyError:
                raise ValueError(54) from None

    async def main():
        try:
            async for _ in Numbers():
                pass
        finally:
            other(54)

    asyncio.run(main())


@way
def a_cancelled_task():
    async def waits():
        try:
            await asyncio.sleep(60)
        finally:
            other(55)

    async def main():
        task = asyncio.create_task(waits())
        await asyncio.sleep(0)
        task.cancel()
        await task

    asyncio.run(main())


@way
def a_task_group():
    async def fails():
        try:
            raise ValueError(56)
        finally:
            other(56)

    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(fails())

    asyncio.run(main())


@way
def an_attribute():
    class Missing:
        def __getattr__(self, name):
            try:
                return {}[name]
            except KeyError:
                raise AttributeError(name) from None

    Missing().value


@way
def an_operator():
    class Odd:
        def __eq__(self, other):
            raise ValueError(57)

        __hash__ = None

    [Odd()].index(Odd())


@way
def the_end_of_the_program():
    try:
        raise ValueError(58)
    finally:
        with contextlib.suppress(SystemExit):
            sys.exit(1)
        sys.exit(58)


@way
def an_interruption():
    try:
        raise KeyboardInterrupt(59)
    except Exception:
        pass
    finally:
        other(59)


@way
def too_deep():
    def deeper():
        try:
            deeper()
        finally:
            pass

    deeper()


@way
def one_line():
    exec("try: raise ValueError(60)\nexcept ValueError: raise", {"__name__": __name__})


@way
def with_many_constants():
    lines = [f"    a = {n}.5" for n in range(300)]
    source = ["def f():", *lines, "    try:", "        raise ValueError(61)", "    except ValueError as name:"]
    names = {"__name__": __name__, "other": other}
    exec("\n".join([*source, *["    " + line for line in lines], "        other(61)", "        raise"]), names)
    names["f"]()


@way
def a_stop_of_ones_own():
    class Numbers:
        def __next__(self):
            raise StopIteration(62)

    Numbers().__next__()


@way
def a_local_exception_kept():
    kept = None
    try:
        raise KeyError(63)
    except KeyError as error:
        kept = error
    try:
        raise ValueError(63)
    except ValueError:
        pass
    raise kept


for function in WAYS:
    leave(function)
for function in WAYS:  # again, with specialised instructions
    leave(function)
if __name__ == "__main__":
    print(json.dumps(caught))
    try:
        raise ValueError("last")
    except ValueError:
        try:
            raise KeyError("last")
        except KeyError:
            pass
        raise
