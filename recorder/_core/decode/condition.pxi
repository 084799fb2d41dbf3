# A condition, as far as it can be computed over the bytes of values: what is false for certain is passed over. All
# else (true, unknown, an error, a value that is not taken apart here) is left to who asks.

cdef enum:
    MOST_OPERANDS = 16
    MOST_WALKED = 1 << 16    # bytes of a value that is gone through

cdef enum:                   # steps; they work on a stack of operands
    STEP_NAME = 0            # `integer`: which of the names
    STEP_INT = 1
    STEP_FLOAT = 2
    STEP_TEXT = 3
    STEP_NONE = 4
    STEP_BOOL = 5
    STEP_ATTRIBUTE = 6       # `text`
    STEP_INDEX = 7           # `integer`
    STEP_LEN = 8             # `integer`: the name, which must be nobody's
    STEP_NOT = 9
    STEP_NEGATIVE = 10
    STEP_STARTS = 11
    STEP_ENDS = 12
    STEP_AND = 13            # `integer`: where to go on if it is false, which then is the value
    STEP_OR = 14
    STEP_ADD = 15            # from here on of two
    STEP_SUB = 16
    STEP_MUL = 17
    STEP_DIV = 18
    STEP_FLOOR = 19
    STEP_MOD = 20
    STEP_EQ = 21
    STEP_NE = 22
    STEP_LT = 23
    STEP_LE = 24
    STEP_GT = 25
    STEP_GE = 26
    STEP_IS = 27
    STEP_IS_NOT = 28

STEPS = {                    # for Reader.watch
    "name": STEP_NAME, "int": STEP_INT, "float": STEP_FLOAT, "text": STEP_TEXT, "none": STEP_NONE, "bool": STEP_BOOL,
    "attribute": STEP_ATTRIBUTE, "index": STEP_INDEX, "len": STEP_LEN, "not": STEP_NOT,
    "negative": STEP_NEGATIVE, "starts": STEP_STARTS, "ends": STEP_ENDS, "and": STEP_AND, "or": STEP_OR,
    "add": STEP_ADD, "sub": STEP_SUB, "mul": STEP_MUL, "div": STEP_DIV, "floor": STEP_FLOOR, "mod": STEP_MOD,
    "eq": STEP_EQ, "ne": STEP_NE, "lt": STEP_LT, "le": STEP_LE, "gt": STEP_GT, "ge": STEP_GE,
    "is": STEP_IS, "is not": STEP_IS_NOT,
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

cdef extern from *:
    bint add_overflows "__builtin_add_overflow" (int64_t, int64_t, int64_t *) noexcept nogil
    bint sub_overflows "__builtin_sub_overflow" (int64_t, int64_t, int64_t *) noexcept nogil
    bint mul_overflows "__builtin_mul_overflow" (int64_t, int64_t, int64_t *) noexcept nogil


cdef bint is_ruled_out(DecoderState *s, Frame *f) noexcept nogil:
    """Whether the condition is false for certain at the last event, which is one of this frame."""
    cdef Condition *c = &s.watch.condition
    if f.ruled_out_for == c.number and is_unchanged(s, f):
        return True
    return c.step_count > 0 and is_false(s, f)


cdef inline void rule_out(DecoderState *s, Frame *f) noexcept nogil:
    """Who asks has found that it is false at the last event. It stays so until something that it names is set."""
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


# ---- the steps -----------------------------------------------------------------------------------

cdef bint is_false(DecoderState *s, const Frame *f) noexcept nogil:
    """Whether they come to a value that is false. What cannot be computed is not."""
    cdef const Condition *c = &s.watch.condition
    cdef Operand stack[MOST_OPERANDS]
    cdef const Step *step
    cdef size_t depth = 0
    cdef uint64_t at = 0
    cdef bint truth = False
    while at < c.step_count:
        step = &c.steps[at]
        at += 1
        if step.step <= STEP_BOOL:
            if depth == MOST_OPERANDS or not load(f, step, &stack[depth]):
                return False
            depth += 1
            continue
        if depth < 1 + (step.step >= STEP_ADD):
            return False
        if step.step == STEP_AND or step.step == STEP_OR:
            if not truth_of(&stack[depth - 1], &truth):
                return False
            if truth == (step.step == STEP_OR):
                at = <uint64_t> step.integer
            else:
                depth -= 1
        elif step.step < STEP_ADD:
            if not change(s, f, step, &stack[depth - 1]):
                return False
        else:
            depth -= 1
            if not join(step.step, &stack[depth - 1], &stack[depth]):
                return False
    return depth == 1 and truth_of(&stack[0], &truth) and not truth


cdef bint load(const Frame *f, const Step *step, Operand *out) noexcept nogil:
    if step.step == STEP_NAME:
        return load_name(f, <uint64_t> step.integer, out)
    out.kind = (
        OPERAND_INT if step.step == STEP_INT else OPERAND_FLOAT if step.step == STEP_FLOAT
        else OPERAND_TEXT if step.step == STEP_TEXT else OPERAND_NONE if step.step == STEP_NONE else OPERAND_BOOL
    )
    out.integer = step.integer
    out.number = step.number
    out.at = step.text
    out.size = step.size
    return True


cdef bint change(DecoderState *s, const Frame *f, const Step *step, Operand *of) noexcept nogil:
    """A step that is about one operand."""
    cdef int64_t count = 0
    cdef bint truth = False
    if step.step == STEP_ATTRIBUTE:
        return take_attribute(s, step, of)
    if step.step == STEP_INDEX:
        return take_index(s, step, of)
    if step.step == STEP_STARTS or step.step == STEP_ENDS:
        return has_end(step, of)
    if step.step == STEP_NOT:
        if not truth_of(of, &truth):
            return False
        of.kind = OPERAND_BOOL
        of.integer = not truth
        return True
    if step.step == STEP_NEGATIVE:
        of.number = -of.number
        if is_whole(of):
            of.kind = OPERAND_INT
            return not sub_overflows(0, of.integer, &of.integer)
        return of.kind == OPERAND_FLOAT
    if is_bound(named_local(f, <uint64_t> step.integer)) or is_bound(named_global(f, <uint64_t> step.integer)):
        return False             # it is called `len`, and something else
    if not count_of(of, &count):
        return False
    of.kind = OPERAND_INT
    of.integer = count
    return True


cdef bint join(uint32_t step, Operand *a, const Operand *b) noexcept nogil:
    """A step that is about two. `a` becomes the result."""
    cdef bint truth = False
    if step < STEP_EQ:
        return compute(step, a, b)
    if not compare(step, a, b, &truth):
        return False
    a.kind = OPERAND_BOOL
    a.integer = truth
    return True
