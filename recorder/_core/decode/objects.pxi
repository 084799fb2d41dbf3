# What a reader hands out: definitions, frames and events as objects.

cdef dict NAMES_OF_KINDS = {
    REC_CALL: "call", REC_RETURN: "return", REC_YIELD: "yield", REC_RESUME: "resume",
    REC_THROW: "throw", REC_UNWIND: "unwind", REC_RAISE: "raise", REC_RERAISE: "reraise",
    REC_HANDLED: "handled", REC_STOP_ITERATION: "stop_iteration", REC_LINE: "line",
}
cdef tuple EVENT_KINDS = tuple(map(NAMES_OF_KINDS.get, range(REC_LINE + 1)))

KIND_BITS = {                    # for Reader.watch
    kind: 1 << (0 if kind == "line" else byte) for byte, kind in NAMES_OF_KINDS.items()
}


cdef class Thread:
    """A thread of the recorded program, or a greenlet's stack: it has a `native_id` of 0, and the thread's name."""

    cdef readonly uint64_t number
    cdef readonly uint64_t native_id
    cdef readonly str name

    def __repr__(self):
        return f"<thread {self.number} {self.name!r}>"


cdef class Task:
    """An asyncio task or a greenlet of the recorded program. `object_number`: which object it is, if that is known, as
    values have it."""

    cdef readonly uint64_t number
    cdef readonly str name
    cdef readonly object object_number

    def __repr__(self):
        return f"<task {self.number} {self.name!r}>"


cdef class Namespace:
    """The globals of a module, or of other code that had globals of its own; or the attributes of a class. `names` may
    grow."""

    cdef readonly uint64_t number
    cdef readonly str name           # __name__, as it was at first; of a class with its module
    cdef readonly str class_name     # its qualified name, or None
    cdef readonly tuple bases        # of a class: what it is derived from, by number, as its MRO has it; None: unknown
    cdef readonly list names
    cdef readonly dict _slots        # name → slot

    def __repr__(self):
        return f"<namespace {self.number} {self.name!r}>"


cdef enum:
    OF_FUNCTIONS = 3                 # CO_OPTIMIZED and CO_NEWLOCALS, which no body has


cdef class Function:
    """A code object: a function, a lambda, a comprehension, or the body of a module or class.

    `names` are those of its slots: its variables. A body gains them as its names are first bound,
    so the list may grow while the trace is read; it never shrinks or changes otherwise.
    """

    cdef readonly uint64_t number
    cdef readonly str file
    cdef readonly uint64_t first_line
    cdef readonly uint64_t _flags
    cdef readonly str name
    cdef readonly str qualified_name
    cdef readonly str module         # of a body: in whose globals it ran when it was last spoken of; empty: not known
    cdef readonly uint64_t argument_count
    cdef readonly list names
    cdef readonly list _kinds        # of the names: "local", "cell", "free" or "name"
    cdef readonly dict _slots        # name → slot

    def __repr__(self):
        return f"<function {self.qualified_name} at {self.file}:{self.first_line}>"

    @property
    def is_body(self):
        """Whether it is the body of a module or class: no CO_OPTIMIZED, no CO_NEWLOCALS."""
        return not self._flags & OF_FUNCTIONS

    cdef int add(self, str name, str kind) except -1:
        if name not in self._slots:  # 3.13's setdefault counts an entry that it had no memory for
            self._slots[name] = len(self.names)
        self.names.append(name)
        self._kinds.append(kind)
        return 0


cdef class RawChange:
    """A global that was set, and who set it: the frame that ran then, at this line."""

    cdef readonly Namespace namespace
    cdef readonly str name
    cdef readonly bytes raw          # what it is now; None: unbound
    cdef readonly bint found         # it had this value when its namespace was first seen
    cdef readonly Function function  # None: nothing that is recorded ran then
    cdef readonly object frame       # its number, or None
    cdef readonly int64_t line
    cdef readonly Thread thread


class NumberedType(tuple):
    """(module, qualified name) of a type. Several may have the same: its number tells them apart."""


cdef class Attributes:
    """Those of classes at one moment, as far as that part of the trace speaks of them."""

    cdef readonly dict of_type       # number of a type → that of the namespace; may grow
    cdef readonly dict namespaces    # likewise: number → Namespace
    cdef readonly dict values        # number of the namespace → values, by slot


cdef class RawFrame:
    """A frame as it stood then. Values are bytes of docs/trace-format.md, section 3."""

    cdef readonly uint64_t frame     # its number
    cdef readonly Function function
    cdef readonly int64_t line
    cdef readonly uint64_t depth     # frames below it
    cdef readonly object caller      # the number of the one below it, or None
    cdef readonly bint adopted       # it already ran when it was first seen
    cdef readonly bint _waits        # something is thrown into the frame that it awaits, and it is only on the stack
    cdef readonly uint64_t as_of     # the event at which, or before which, its variables were last looked at
    cdef readonly tuple _values      # by slot; None: unbound
    cdef readonly list _names        # of the slots
    cdef readonly dict _slots        # name → slot
    cdef readonly Namespace namespace  # its globals, or None
    cdef readonly tuple _global_values  # by slot of the namespace
    cdef readonly dict _types        # number → (module, qualified name), for the values
    cdef readonly Attributes _attributes  # of all classes, as they were then


cdef class RawEvent(RawFrame):
    """An event, and the frame it is about."""

    cdef readonly object _trace      # what all events of one trace have in common
    cdef readonly uint64_t seq
    cdef readonly str kind
    cdef readonly int64_t previous_line  # where the frame was before: what changed, changed there
    cdef readonly Thread thread
    cdef readonly Task task          # that the thread ran, or None
    cdef readonly int64_t time       # ns since 1970; of the last event with a time of its own
    cdef readonly bytes _raw_value   # what is returned, yielded, raised, …; or None
    cdef readonly tuple _changed_slots  # those set since the frame's last event
    cdef readonly tuple _global_changes  # RawChanges, of whatever namespace, since the last event of all
    cdef readonly tuple _called      # the last call from the frame since its last event, or None: (Function,
    #                                  number of its event or None, how many there were or 0: unknown)
    cdef readonly tuple _marks       # (code number, detail) of what about it was not recorded
    cdef readonly bint gap           # events were lost just before it,
    cdef readonly uint64_t lost      # so many (0: unknown)
