# A condition, as far as it can be computed over the bytes of values: what is false for certain is passed over. All
# else (true, unknown, an error, a value that is not taken apart here) is left to who asks.

cdef enum:
    MOST_OPERANDS = 16
    MOST_WALKED = 1 << 16    # bytes of a value that is gone through
    MOST_WRITTEN = 8         # numbers that are made texts
    MOST_DIGITS = 24
    MOST_KEYED = 1 << 12     # bytes of values whose answer is remembered
    MOST_REMEMBERED = 1 << 18    # of these, and of what is asked about a value's leaves
    MOST_BOUND = 8           # variables of comprehensions
    MOST_SORTED = 256

cdef enum:                   # steps; they work on a stack of operands
    STEP_NAME = 0            # `integer`: which of the names
    STEP_INT = 1
    STEP_FLOAT = 2
    STEP_TEXT = 3
    STEP_NONE = 4
    STEP_BOOL = 5
    STEP_BOUND = 6           # `integer`: which of the variables of comprehensions, from the outermost in
    STEP_ATTRIBUTE = 7       # `text`
    STEP_INDEX = 8           # `integer`
    STEP_GET = 9             # as INDEX, of a dict, and None where it has no such key
    STEP_BUILTIN = 10        # `integer`: a name of Python's own, which must be nobody else's
    STEP_NOT = 11
    STEP_NEGATIVE = 12
    STEP_STARTS = 13
    STEP_ENDS = 14
    STEP_LEN = 15
    STEP_ABS = 16
    STEP_STR = 17
    STEP_INT_OF = 18
    STEP_FLOAT_OF = 19
    STEP_BOOL_OF = 20
    STEP_ISINSTANCE = 21     # `integer`: 1 << one of `types_of`, all that it may be of
    STEP_SORTED = 22         # `integer`: which item of the sorted list
    STEP_SUM = 23            # of what is in a container, as the next four are
    STEP_LEAST = 24
    STEP_MOST = 25
    STEP_ANY = 26
    STEP_ALL = 27
    STEP_COUNT = 28          # of what a comprehension comes to
    STEP_EACH = 29           # what comes up to the step `integer` is done for each item; that one gathers it
    STEP_EACH_KEY = 30       # as EACH, of a dict
    STEP_EACH_VALUE = 31     # of its values
    STEP_EACH_ITEM = 32      # of both, which are two variables
    STEP_KEEP = 33           # what is false is not among what is gathered
    STEP_AND = 34            # `integer`: where to go on if it is false, which then is the value
    STEP_OR = 35
    STEP_ADD = 36            # from here on of two
    STEP_SUB = 37
    STEP_MUL = 38
    STEP_DIV = 39
    STEP_FLOOR = 40
    STEP_MOD = 41
    STEP_BITS_AND = 42
    STEP_BITS_OR = 43
    STEP_BITS_XOR = 44
    STEP_MIN = 45
    STEP_MAX = 46
    STEP_EQ = 47             # from here on compared
    STEP_NE = 48
    STEP_LT = 49
    STEP_LE = 50
    STEP_GT = 51
    STEP_GE = 52
    STEP_IS = 53
    STEP_IS_NOT = 54
    STEP_IN = 55
    STEP_NOT_IN = 56

STEPS = {                    # for Reader.watch
    "name": STEP_NAME, "int": STEP_INT, "float": STEP_FLOAT, "text": STEP_TEXT, "none": STEP_NONE,
    "bool": STEP_BOOL, "bound": STEP_BOUND, "attribute": STEP_ATTRIBUTE, "index": STEP_INDEX, "get": STEP_GET,
    "builtin": STEP_BUILTIN, "not": STEP_NOT, "negative": STEP_NEGATIVE, "starts": STEP_STARTS, "ends": STEP_ENDS,
    "len": STEP_LEN, "abs": STEP_ABS, "str": STEP_STR, "int of": STEP_INT_OF, "float of": STEP_FLOAT_OF,
    "bool of": STEP_BOOL_OF, "isinstance": STEP_ISINSTANCE, "sorted": STEP_SORTED, "sum": STEP_SUM,
    "least": STEP_LEAST, "most": STEP_MOST, "any": STEP_ANY, "all": STEP_ALL, "count": STEP_COUNT,
    "each": STEP_EACH, "each key": STEP_EACH_KEY, "each value": STEP_EACH_VALUE, "each item": STEP_EACH_ITEM,
    "keep": STEP_KEEP,
    "and": STEP_AND, "or": STEP_OR, "add": STEP_ADD, "sub": STEP_SUB, "mul": STEP_MUL, "div": STEP_DIV,
    "floor": STEP_FLOOR, "mod": STEP_MOD, "bits and": STEP_BITS_AND, "bits or": STEP_BITS_OR,
    "bits xor": STEP_BITS_XOR, "min": STEP_MIN, "max": STEP_MAX, "eq": STEP_EQ, "ne": STEP_NE, "lt": STEP_LT,
    "le": STEP_LE, "gt": STEP_GT, "ge": STEP_GE, "is": STEP_IS, "is not": STEP_IS_NOT, "in": STEP_IN,
    "not in": STEP_NOT_IN,
}

cdef enum:                   # kinds of an operand
    OPERAND_INT = 0          # int and bool are numbers
    OPERAND_BOOL = 1
    OPERAND_FLOAT = 2
    OPERAND_TEXT = 3         # in ASCII, which compares as its bytes do
    OPERAND_NONE = 4
    OPERAND_OTHER = 5        # the bytes of the value

cdef struct Operand:
    int kind
    int64_t integer
    double number
    const uint8_t *at
    size_t size

cdef struct Written:         # numbers that were made texts, of one condition at one event
    size_t count
    char text[MOST_WRITTEN][MOST_DIGITS]

cdef struct Evaluation:      # of a condition at one event
    DecoderState *s
    const Frame *f
    Written written
    Operand bound[MOST_BOUND]
    size_t bound_count

cdef enum Outcome:
    TOO_HARD = 0
    IS_VALUE = 1
    LEFT_OUT = 2             # by the `if` of a comprehension

cdef struct Total:           # of what is in a container
    Operand value
    double lost              # by additions of floats
    bint is_empty

cdef extern from "Python.h":
    int PY_VERSION_HEX       # of the Python that reads, whose `sum` it is

cdef extern from "<string.h>" nogil:
    void *memmem(const void *haystack, size_t haystack_size, const void *needle, size_t needle_size) noexcept

cdef extern from *:
    bint add_overflows "__builtin_add_overflow" (int64_t, int64_t, int64_t *) noexcept nogil
    bint sub_overflows "__builtin_sub_overflow" (int64_t, int64_t, int64_t *) noexcept nogil
    bint mul_overflows "__builtin_mul_overflow" (int64_t, int64_t, int64_t *) noexcept nogil


cdef bint is_ruled_out(DecoderState *s, Frame *f) noexcept nogil:
    """Whether the condition is false for certain at the last event, which is one of this frame."""
    cdef Condition *c = &s.watch.condition
    if f.ruled_out_for == c.number and is_unchanged(s, f):
        return True
    if c.step_count > 0 and is_false(s, f):
        return True
    if not is_remembered(s, f):
        return False
    rule_out(s, f)
    return True


cdef inline void rule_out(DecoderState *s, Frame *f) noexcept nogil:
    """It has been found to be false at the last event. It stays so until something that it names is set."""
    f.ruled_out_for = s.watch.condition.number
    f.ruled_out_at = s.events


cdef bint is_unchanged(DecoderState *s, Frame *f) noexcept nogil:
    """Whether nothing that the condition names was set since it was judged for this frame, and no class's attribute."""
    cdef const Variable *variable
    cdef uint64_t i
    if s.class_changed_before >= f.ruled_out_at:
        return False
    for i in range(s.watch.condition.name_count):
        variable = named_local(f, i)
        if variable != NULL and (variable.set_before >= f.ruled_out_at or variable.flags & VAR_UNEXAMINED):
            return False
        variable = named_global(f, i)
        if variable != NULL and (variable.set_before >= f.ruled_out_at or variable.flags & VAR_UNEXAMINED):
            return False
    return True


cdef inline const Variable *named_local(const Frame *f, uint64_t i) noexcept nogil:
    """A variable of the frame that has this one of the names; NULL if it has none, or none yet."""
    cdef uint32_t slot = f.code.named[i]
    if f.flags & REC_FRAME_BODY or slot == 0 or slot > f.local_count:
        return NULL
    return &f.locals[slot - 1]


cdef inline const Variable *named_global(const Frame *f, uint64_t i) noexcept nogil:
    cdef uint32_t slot
    if f.globals == NULL:
        return NULL
    slot = f.globals.named[i]
    return NULL if slot == 0 or slot > f.globals.variable_count else &f.globals.variables[slot - 1]


cdef inline bint is_bound(const Variable *variable) noexcept nogil:
    return variable != NULL and (variable.size or variable.flags & VAR_UNEXAMINED)


cdef inline bint is_taken(const Frame *f, uint64_t i) noexcept nogil:
    """Whether the program has something of this one of the names."""
    return is_bound(named_local(f, i)) or is_bound(named_global(f, i))


# ---- what has been false before --------------------------------------------------------------------

cdef inline bint is_remembered(DecoderState *s, const Frame *f) noexcept nogil:
    """Whether who asks has found it to be false of the same values."""
    cdef uint64_t key = 0
    return s.ruled_out.count and key_of_values(s, f, &key) and find(s, &s.ruled_out, key) != NULL


cdef void remember(DecoderState *s, const Frame *f) noexcept nogil:
    """That it is false of these values. Where there is no room, it is asked again."""
    cdef uint64_t key = 0
    if not key_of_values(s, f, &key):
        return
    if s.ruled_out.count >= MOST_REMEMBERED:
        free_map(s, &s.ruled_out)
    if find(s, &s.ruled_out, key) == NULL:
        put(s, &s.ruled_out, key, <void *> s)


cdef bint key_of_values(const DecoderState *s, const Frame *f, uint64_t *key) noexcept nogil:
    """Of all that the answer depends on: a hash that nobody can foresee. False where that is much."""
    cdef uint64_t left = MOST_KEYED
    cdef uint64_t i
    key[0] = mixed(s.arena.seed ^ f.code.base.number, 0 if f.globals == NULL else f.globals.base.number + 1)
    key[0] = mixed(key[0], f.flags & REC_FRAME_BODY)
    for i in range(s.watch.condition.name_count):
        if not mix_variable(named_local(f, i), key, &left) or not mix_variable(named_global(f, i), key, &left):
            return False
    return True


cdef inline bint mix_variable(const Variable *variable, uint64_t *key, uint64_t *left) noexcept nogil:
    cdef const uint8_t *data
    cdef uint64_t part
    cdef size_t i = 0
    if variable == NULL:
        key[0] = mixed(key[0], 0)
        return True
    if variable.size > left[0]:
        return False
    left[0] -= variable.size
    key[0] = mixed(key[0], 1 + (<uint64_t> variable.size << 1 | ((variable.flags & VAR_UNEXAMINED) != 0)))
    data = variable_data(<Variable *> variable)
    while i < variable.size:
        part = 0
        memcpy(&part, data + i, min(variable.size - i, <size_t> 8))
        key[0] = mixed(key[0], part)
        i += 8
    return True


cdef inline uint64_t mixed(uint64_t key, uint64_t part) noexcept nogil:
    key = (key ^ part) * <uint64_t> 0x9E3779B97F4A7C15
    key = (key ^ (key >> 29)) * <uint64_t> 0xD6E8FEB86659FD93
    return key ^ (key >> 32)


# ---- the steps -----------------------------------------------------------------------------------

cdef bint is_false(DecoderState *s, const Frame *f) noexcept nogil:
    """Whether the condition comes to a value that is false. What cannot be computed is not."""
    cdef Evaluation e
    cdef Operand value
    cdef bint truth = False
    e.s = s
    e.f = f
    e.written.count = 0
    e.bound_count = 0
    return (
        evaluate(&e, 0, s.watch.condition.step_count, &value) == IS_VALUE
        and truth_of(&value, &truth) and not truth
    )


cdef Outcome evaluate(Evaluation *e, uint64_t at, uint64_t end, Operand *out) noexcept nogil:
    """What the steps from `at` on come to, before `end`."""
    cdef const Condition *c = &e.s.watch.condition
    cdef Operand stack[MOST_OPERANDS]
    cdef const Step *step
    cdef size_t depth = 0
    cdef bint truth = False
    while at < end:
        step = &c.steps[at]
        at += 1
        if step.step == STEP_BUILTIN:
            if is_taken(e.f, <uint64_t> step.integer):
                return TOO_HARD          # it is called as Python's own is, and something else
            continue
        if step.step <= STEP_BOUND:
            if depth == MOST_OPERANDS or not load(e, step, &stack[depth]):
                return TOO_HARD
            depth += 1
            continue
        if depth < 1 + (step.step >= STEP_ADD):
            return TOO_HARD
        if step.step == STEP_AND or step.step == STEP_OR or step.step == STEP_KEEP:
            if not truth_of(&stack[depth - 1], &truth):
                return TOO_HARD
            if step.step == STEP_KEEP and not truth:
                return LEFT_OUT
            if step.step != STEP_KEEP and truth == (step.step == STEP_OR):
                at = <uint64_t> step.integer
            else:
                depth -= 1
        elif STEP_EACH <= step.step <= STEP_EACH_ITEM:
            if not gather_each(e, at, &stack[depth - 1]):
                return TOO_HARD
            at = <uint64_t> step.integer + 1
        elif step.step < STEP_ADD:
            if not change(e.s, step, &stack[depth - 1], &e.written):
                return TOO_HARD
        else:
            depth -= 1
            if not join(e.s, step.step, &stack[depth - 1], &stack[depth]):
                return TOO_HARD
    if depth != 1:
        return TOO_HARD
    out[0] = stack[0]
    return IS_VALUE


cdef bint gather_each(Evaluation *e, uint64_t at, Operand *of) noexcept nogil:
    """A comprehension over what `of` is, whose steps begin at `at`. `of` becomes what is gathered."""
    cdef const Step *each = &e.s.watch.condition.steps[at - 1]
    cdef const Step *gathers = &e.s.watch.condition.steps[each.integer]
    cdef size_t first = e.bound_count
    cdef size_t bound = 1 + (each.step == STEP_EACH_ITEM)
    cdef Operand one
    cdef Total total
    cdef Cursor c
    cdef uint64_t left
    cdef bint good
    cdef Outcome outcome
    if first + bound > MOST_BOUND or not begin_each(each.step, gathers.step, of, &c):
        return False
    begin_total(gathers.step, &total)
    e.bound_count += bound
    left = take_varint(&c)
    good = not c.bad
    while left and good:
        left -= 1
        good = take_each(e.s, each.step, of, &c, &e.bound[first])
        if good:
            outcome = evaluate(e, at, <uint64_t> each.integer, &one)
            good = outcome == LEFT_OUT or (outcome == IS_VALUE and add_to(gathers.step, &total, &one))
    e.bound_count = first
    return good and end_total(gathers.step, &total, of)


cdef bint load(const Evaluation *e, const Step *step, Operand *out) noexcept nogil:
    if step.step == STEP_NAME:
        return load_name(e.f, <uint64_t> step.integer, out)
    if step.step == STEP_BOUND:
        out[0] = e.bound[step.integer]
        return True
    out.kind = (
        OPERAND_INT if step.step == STEP_INT else OPERAND_FLOAT if step.step == STEP_FLOAT
        else OPERAND_TEXT if step.step == STEP_TEXT else OPERAND_NONE if step.step == STEP_NONE else OPERAND_BOOL
    )
    out.integer = step.integer
    out.number = step.number
    out.at = step.text
    out.size = step.size
    return True


cdef bint change(DecoderState *s, const Step *step, Operand *of, Written *written) noexcept nogil:
    """A step that is about one operand."""
    cdef int64_t count = 0
    if step.step == STEP_ATTRIBUTE:
        return take_attribute(s, step, of)
    if step.step == STEP_INDEX or step.step == STEP_GET:
        return take_index(s, step, of)
    if step.step == STEP_STARTS or step.step == STEP_ENDS:
        return has_end(step, of)
    if step.step == STEP_NOT or step.step == STEP_BOOL_OF:
        return make_bool(of, step.step == STEP_NOT)
    if step.step == STEP_NEGATIVE or (step.step == STEP_ABS and is_number(of) and is_below_zero(of)):
        return negate(of)
    if step.step == STEP_ABS:
        if is_whole(of):
            of.kind = OPERAND_INT
        return is_number(of)
    if step.step == STEP_STR:
        return write(of, written)
    if step.step == STEP_INT_OF:
        return make_int(of)
    if step.step == STEP_FLOAT_OF:
        return make_float(of)
    if step.step == STEP_ISINSTANCE:
        return ask_type(of, step.integer)
    if step.step == STEP_SORTED:
        return take_sorted(s, step.integer, of)
    if step.step >= STEP_SUM:
        return gather(s, step.step, of)
    if not count_of(of, &count):
        return False
    of.kind = OPERAND_INT
    of.integer = count
    return True


cdef bint join(DecoderState *s, uint32_t step, Operand *a, const Operand *b) noexcept nogil:
    """A step that is about two. `a` becomes the result."""
    cdef bint truth = False
    if step < STEP_MIN:
        return compute(step, a, b)
    if step < STEP_EQ:
        if not compare(STEP_LT if step == STEP_MIN else STEP_GT, b, a, &truth):
            return False
        if truth:
            a[0] = b[0]
        return True
    if step == STEP_IN or step == STEP_NOT_IN:
        if not is_within(s, a, b, &truth) or not turned(step == STEP_NOT_IN, &truth):
            return False
    elif not compare(step, a, b, &truth):
        return False
    a.kind = OPERAND_BOOL
    a.integer = truth
    return True
