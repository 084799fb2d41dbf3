# What a condition is computed of: recorded values as operands, their parts, and the operators.


# ---- operands ------------------------------------------------------------------------------------

cdef bint take_operand(const uint8_t *at, const uint8_t *end, Operand *out) noexcept nogil:
    """A value that is whole, as the decoder has checked. False for one that is not to be looked at."""
    cdef Cursor c
    cdef uint8_t tag
    c.at = at
    c.end = end
    c.bad = False
    skip_identity(&c)
    if c.bad or c.at >= c.end:
        return False
    at = c.at
    tag = at[0]
    c.at = at + 1
    out.kind = OPERAND_INT
    if tag >= TAG_SMALL_INT:
        out.integer = <int64_t> tag - TAG_SMALL_INT + REC_SMALL_MIN
    elif tag == TAG_INT:
        out.integer = take_zigzag(&c)
    elif tag == TAG_TRUE or tag == TAG_FALSE:
        out.kind = OPERAND_BOOL
        out.integer = tag == TAG_TRUE
    elif tag == TAG_NONE:
        out.kind = OPERAND_NONE
    elif tag == TAG_FLOAT:
        out.kind = OPERAND_FLOAT
        memcpy(&out.number, c.at, 8)
    elif tag == TAG_STR:
        out.kind = OPERAND_TEXT
        out.size = <size_t> take_varint(&c)
        out.at = c.at
        return not c.bad and is_ascii(out.at, out.size)
    else:
        out.kind = OPERAND_OTHER
        out.at = at
        out.size = <size_t> (end - at)
        return tag != TAG_REF and tag != TAG_ERROR and tag != TAG_REDACTED and tag != TAG_UNEXAMINED
    return not c.bad


cdef inline bint is_ascii(const uint8_t *text, size_t size) noexcept nogil:
    cdef size_t i
    for i in range(size):
        if text[i] >= 0x80:
            return False
    return True


cdef bint load_name(const Frame *f, uint64_t i, Operand *out) noexcept nogil:
    """A variable, or a global that cannot change in place: others may not have been looked at."""
    cdef const Variable *variable = named_local(f, i)
    cdef const uint8_t *data
    cdef bint is_local = is_bound(variable)
    if not is_local:
        variable = named_global(f, i)
        is_local = (f.flags & REC_FRAME_BODY) != 0
    if not is_bound(variable) or variable.flags & VAR_UNEXAMINED:
        return False
    data = variable_data(<Variable *> variable)
    return take_operand(data, data + variable.size, out) and (is_local or out.kind != OPERAND_OTHER)


cdef bint count_of(const Operand *of, int64_t *count) noexcept nogil:
    """How long a text or container is."""
    cdef Cursor c
    cdef uint64_t size
    if of.kind == OPERAND_TEXT:
        count[0] = <int64_t> of.size
        return True
    if not is_collection(of):
        return False
    c.at = of.at + 1
    c.end = of.at + of.size
    c.bad = False
    size = take_varint(&c)           # the true one comes first, if it was cut
    count[0] = <int64_t> size
    return not c.bad and count[0] >= 0


cdef bint truth_of(const Operand *of, bint *truth) noexcept nogil:
    cdef int64_t count = 0
    if of.kind == OPERAND_INT or of.kind == OPERAND_BOOL:
        truth[0] = of.integer != 0
    elif of.kind == OPERAND_FLOAT:
        truth[0] = of.number != 0
    elif of.kind == OPERAND_NONE:
        truth[0] = False
    elif count_of(of, &count):
        truth[0] = count != 0
    else:
        return False
    return True


# ---- conversions ---------------------------------------------------------------------------------

cdef bint make_bool(Operand *of, bint negated) noexcept nogil:
    cdef bint truth = False
    if not truth_of(of, &truth):
        return False
    of.kind = OPERAND_BOOL
    of.integer = truth != negated
    return True


cdef bint negate(Operand *of) noexcept nogil:
    of.number = -of.number
    if is_whole(of):
        of.kind = OPERAND_INT
        return not sub_overflows(0, of.integer, &of.integer)
    return of.kind == OPERAND_FLOAT


cdef inline bint is_below_zero(const Operand *of) noexcept nogil:
    return of.integer < 0 if is_whole(of) else signbit(of.number) != 0


cdef bint make_int(Operand *of) noexcept nogil:
    if of.kind == OPERAND_FLOAT:
        if not -(<double> ((<int64_t> 1) << 62)) < of.number < <double> ((<int64_t> 1) << 62):
            return False
        of.integer = <int64_t> of.number
    elif not is_whole(of):
        return False
    of.kind = OPERAND_INT
    return True


cdef bint make_float(Operand *of) noexcept nogil:
    if not is_number(of) or not as_double(of, &of.number):
        return False
    of.kind = OPERAND_FLOAT
    return True


cdef bint write(Operand *of, Written *written) noexcept nogil:
    """As `str` does. Of floats it is not written here."""
    cdef int size
    cdef const char *word
    if of.kind == OPERAND_TEXT:
        return True
    if of.kind == OPERAND_INT:
        if written.count == MOST_WRITTEN:
            return False
        of.at = <const uint8_t *> written.text[written.count]
        size = snprintf(written.text[written.count], MOST_DIGITS, "%lld", <long long> of.integer)
        written.count += 1
        of.size = <size_t> size
        of.kind = OPERAND_TEXT
        return 0 < size < MOST_DIGITS
    if of.kind != OPERAND_BOOL and of.kind != OPERAND_NONE:
        return False
    word = "None" if of.kind == OPERAND_NONE else "True" if of.integer else "False"
    of.kind = OPERAND_TEXT
    of.at = <const uint8_t *> word
    of.size = strlen(word)
    return True


cdef bint ask_type(Operand *of, int64_t wanted) noexcept nogil:
    """Whether it is of one of these types; see `steps.py`. What may be of a derived one is not asked here."""
    cdef int64_t bit = -1
    if of.kind != OPERAND_OTHER:
        bit = of.kind
    elif is_collection(of):
        bit = OPERAND_OTHER + ((of.at[0] - TAG_BYTES) >> 1)
    if bit < 0:
        return False
    of.kind = OPERAND_BOOL
    of.integer = wanted >> bit & 1
    return True


# ---- parts ---------------------------------------------------------------------------------------

cdef bint take_attribute(DecoderState *s, const Step *step, Operand *of) noexcept nogil:
    """Of an instance, if it is among those that were recorded."""
    cdef Cursor c
    cdef const uint8_t *name
    cdef uint64_t left, size
    cdef uint32_t flags = 0
    if not begin_parts(of, &c) or (of.at[0] != TAG_INSTANCE and of.at[0] != TAG_INSTANCE_CUT):
        return False
    if is_time_zone(s, take_varint(&c)):
        return False
    if of.at[0] == TAG_INSTANCE_CUT:
        take_varint(&c)
    left = take_varint(&c)
    while left and not c.bad:
        left -= 1
        size = take_varint(&c)
        name = c.at
        skip(&c, size)
        if not c.bad and c.at < c.end and size == step.size and memcmp(name, step.text, step.size) == 0:
            return take_part(s, &c, of)
        skip_value(s, &c, &flags)
    return False


cdef bint take_index(DecoderState *s, const Step *step, Operand *of) noexcept nogil:
    """Of a list or tuple; or a key of a dict."""
    cdef Cursor c
    cdef uint64_t left
    cdef int64_t at = step.integer
    cdef uint32_t flags = 0
    if not begin_parts(of, &c):
        return False
    if of.at[0] == TAG_DICT:
        return take_key(s, step, &c, of)
    if step.step == STEP_GET or step.text != NULL or (of.at[0] != TAG_LIST and of.at[0] != TAG_TUPLE):
        return False
    left = take_varint(&c)
    if at < 0:
        at += <int64_t> left
    if at < 0 or at >= <int64_t> left:
        return False
    while at and not c.bad:
        at -= 1
        skip_value(s, &c, &flags)
    return take_part(s, &c, of)


cdef bint take_key(DecoderState *s, const Step *step, Cursor *c, Operand *of) noexcept nogil:
    """What a dict has under an int or a text; with GET also that it has nothing. Where there is a key that has to be
    asked by code, nothing is said."""
    cdef Operand key, wanted
    cdef const uint8_t *at
    cdef uint64_t left
    cdef bint same = False
    cdef uint32_t flags = 0
    wanted.kind = OPERAND_INT if step.text == NULL else OPERAND_TEXT
    wanted.integer = step.integer
    wanted.at = step.text
    wanted.size = step.size
    if of.at[0] != TAG_DICT:
        return False
    left = take_varint(c)
    while left and not c.bad:
        left -= 1
        at = c.at
        skip_value(s, c, &flags)
        if c.bad or not take_operand(at, c.at, &key) or not are_equal(&key, &wanted, &same):
            return False
        if same:
            return take_part(s, c, of)
        skip_value(s, c, &flags)
    if c.bad or step.step != STEP_GET:
        return False
    of.kind = OPERAND_NONE
    return True


cdef bint is_within(DecoderState *s, const Operand *wanted, const Operand *of, bint *found) noexcept nogil:
    """Of a text, or among what is in a container, or the keys of a dict. What has to be asked by code is not told."""
    cdef Cursor c
    cdef Operand one
    cdef const uint8_t *at
    cdef uint64_t left
    cdef uint32_t flags = 0
    found[0] = False
    if of.kind == OPERAND_TEXT:
        found[0] = wanted.size == 0 or memmem(of.at, of.size, wanted.at, wanted.size) != NULL
        return wanted.kind == OPERAND_TEXT
    if not begin_parts(of, &c) or not may_be_within(wanted) or not (TAG_LIST <= of.at[0] <= TAG_DICT):
        return False
    if (of.at[0] - TAG_LIST) & 1:
        return False             # it was cut
    left = take_varint(&c)
    while left and not c.bad:
        left -= 1
        at = c.at
        skip_value(s, &c, &flags)
        if c.bad or not take_operand(at, c.at, &one):
            return False
        if not is_collection(&one) and not are_equal(&one, wanted, found):
            return False
        if found[0]:
            return True
        if of.at[0] == TAG_DICT:
            skip_value(s, &c, &flags)
    return not c.bad


cdef bint gather(DecoderState *s, uint32_t step, Operand *of) noexcept nogil:
    """What `sum`, `min`, `max`, `any` or `all` come to, of a list or tuple that is not cut. `of` becomes it."""
    cdef Cursor c
    cdef Operand one
    cdef Total total
    cdef const uint8_t *at
    cdef uint64_t left
    cdef uint32_t flags = 0
    if not begin_parts(of, &c) or (of.at[0] != TAG_LIST and of.at[0] != TAG_TUPLE):
        return False
    begin_total(step, &total)
    left = take_varint(&c)
    while left and not c.bad:
        left -= 1
        at = c.at
        skip_value(s, &c, &flags)
        if c.bad or not take_operand(at, c.at, &one) or not add_to(step, &total, &one):
            return False
    return not c.bad and end_total(step, &total, of)


cdef inline void begin_total(uint32_t step, Total *total) noexcept nogil:
    total.is_empty = step == STEP_LEAST or step == STEP_MOST     # of nothing there is none
    total.lost = 0
    total.value.kind = OPERAND_INT if step == STEP_SUM or step == STEP_COUNT else OPERAND_BOOL
    total.value.integer = step == STEP_ALL
    total.value.number = 0
    total.value.at = NULL
    total.value.size = 0


cdef bint add_to(uint32_t step, Total *total, const Operand *one) noexcept nogil:
    cdef bint truth = total.is_empty
    if step == STEP_SUM:
        return add_number(total, one)
    if step == STEP_COUNT:
        total.value.integer += 1
        return True
    if step == STEP_ANY or step == STEP_ALL:
        if not truth_of(one, &truth):
            return False
        if truth == (step == STEP_ANY):
            total.value.integer = truth
        return True
    if not truth and not compare(STEP_LT if step == STEP_LEAST else STEP_GT, one, &total.value, &truth):
        return False
    if truth:
        total.value = one[0]
    total.is_empty = False
    return True


cdef inline bint end_total(uint32_t step, const Total *total, Operand *out) noexcept nogil:
    out[0] = total.value
    if step == STEP_SUM and out.kind == OPERAND_FLOAT and total.lost != 0 and isfinite(total.lost):
        out.number += total.lost
    return not total.is_empty


cdef bint add_number(Total *total, const Operand *one) noexcept nogil:
    """As Python's `sum`, which from 3.12 on keeps what additions of floats lose. What is mixed further is not added."""
    cdef double x, y, both
    cdef bint is_first = total.value.kind == OPERAND_INT
    if one.kind != OPERAND_FLOAT:
        return (
            is_whole(one) and is_first
            and not add_overflows(total.value.integer, one.integer, &total.value.integer)
        )
    if is_first and not make_float(&total.value):
        return False
    x = total.value.number
    y = one.number
    both = x + y
    if PY_VERSION_HEX >= 0x030C0000 and not is_first:
        total.lost += (x - both) + y if fabs(x) >= fabs(y) else (y - both) + x
    total.value.number = both
    return True


cdef bint begin_each(uint32_t step, uint32_t gathers, const Operand *of, Cursor *c) noexcept nogil:
    """A list, tuple or dict that is not cut; of a set where its order makes no difference."""
    if not begin_parts(of, c):
        return False
    if step != STEP_EACH:
        return of.at[0] == TAG_DICT
    return (
        of.at[0] == TAG_LIST or of.at[0] == TAG_TUPLE or of.at[0] == TAG_DICT
        or ((of.at[0] == TAG_SET or of.at[0] == TAG_FROZENSET) and STEP_ANY <= gathers <= STEP_COUNT)
    )


cdef bint take_each(DecoderState *s, uint32_t step, const Operand *of, Cursor *c, Operand *bound) noexcept nogil:
    """The variables of a comprehension."""
    cdef uint32_t flags = 0
    if step == STEP_EACH_VALUE:
        skip_value(s, c, &flags)
    if not take_part(s, c, bound):
        return False
    if step == STEP_EACH_ITEM:
        return take_part(s, c, bound + 1)
    if step <= STEP_EACH_KEY and of.at[0] == TAG_DICT:
        skip_value(s, c, &flags)
    return not c.bad


cdef bint take_sorted(DecoderState *s, int64_t number, Operand *of) noexcept nogil:
    """An item of the sorted list of what is in a list, tuple or set. `of` becomes it."""
    cdef Operand items[MOST_SORTED]
    cdef uint32_t order[MOST_SORTED]
    cdef Cursor c
    cdef uint64_t count, i
    if not begin_parts(of, &c) or not (TAG_LIST <= of.at[0] <= TAG_FROZENSET) or (of.at[0] - TAG_LIST) & 1:
        return False             # of another kind, or cut
    count = take_varint(&c)
    if number < 0:
        number += <int64_t> count
    if count > MOST_SORTED or number < 0 or number >= <int64_t> count:
        return False
    for i in range(count):
        if not take_part(s, &c, &items[i]) or not put_in_order(items, order, <uint32_t> i):
            return False
    of[0] = items[order[number]]
    return True


cdef bint put_in_order(const Operand *items, uint32_t *order, uint32_t count) noexcept nogil:
    """Behind those that are not greater. With NaN there is no order."""
    cdef uint32_t low = 0, high = count, middle
    cdef bint is_less = False
    if items[count].kind == OPERAND_FLOAT and items[count].number != items[count].number:
        return False
    if count and not compare(STEP_LT, &items[count], &items[0], &is_less):
        return False             # of kinds that have no order
    while low < high:
        middle = (low + high) // 2
        if not compare(STEP_LT, &items[count], &items[order[middle]], &is_less):
            return False
        if is_less:
            high = middle
        else:
            low = middle + 1
    memmove(order + low + 1, order + low, (count - low) * sizeof(order[0]))
    order[low] = count
    return True


cdef inline bint is_collection(const Operand *of) noexcept nogil:
    """Of Python's own, which equals no scalar."""
    return of.kind == OPERAND_OTHER and TAG_BYTES <= of.at[0] <= TAG_DICT_CUT


cdef inline bint may_be_within(const Operand *wanted) noexcept nogil:
    """A scalar; no NaN, which is found where it is the same object."""
    return wanted.kind != OPERAND_OTHER and (wanted.kind != OPERAND_FLOAT or wanted.number == wanted.number)


cdef bint begin_parts(const Operand *of, Cursor *c) noexcept nogil:
    if of.kind != OPERAND_OTHER or of.size > MOST_WALKED:
        return False
    c.at = of.at + 1
    c.end = of.at + of.size
    c.bad = False
    return True


cdef bint take_part(DecoderState *s, Cursor *c, Operand *out) noexcept nogil:
    """The value that the cursor is at."""
    cdef const uint8_t *at = c.at
    cdef uint32_t flags = 0
    if c.bad:
        return False
    skip_value(s, c, &flags)
    return not c.bad and take_operand(at, c.at, out)


cdef bint is_time_zone(const DecoderState *s, uint64_t number) noexcept nogil:
    """Of which Python's own object is made, whose attributes are others."""
    cdef const Definition *d = <const Definition *> get(s, &s.definitions.of_kind[DEF_TYPE], number)
    cdef const char *name = b"\x08datetime\x08timezone"
    return d == NULL or (d.raw_size > 18 and memcmp(d.raw + d.raw_size - 18, name, 18) == 0)


# ---- operators -----------------------------------------------------------------------------------

cdef inline bint is_whole(const Operand *a) noexcept nogil:
    return a.kind == OPERAND_INT or a.kind == OPERAND_BOOL


cdef inline bint is_number(const Operand *a) noexcept nogil:
    return a.kind <= OPERAND_FLOAT


cdef bint as_double(const Operand *a, double *out) noexcept nogil:
    """Exactly; False if that cannot be."""
    if a.kind == OPERAND_FLOAT:
        out[0] = a.number
        return True
    out[0] = <double> a.integer
    return is_whole(a) and -(<int64_t> 1 << 53) <= a.integer <= <int64_t> 1 << 53


cdef bint compute(uint32_t step, Operand *a, const Operand *b) noexcept nogil:
    """`a` becomes the result. False where Python's ints become larger, or it is an error, or not computed here."""
    cdef double x = 0, y = 0
    cdef int64_t rest
    if step >= STEP_BITS_AND:
        return compute_bits(step, a, b)
    if is_whole(a) and is_whole(b) and step != STEP_DIV:
        a.kind = OPERAND_INT
        if step == STEP_ADD:
            return not add_overflows(a.integer, b.integer, &a.integer)
        if step == STEP_SUB:
            return not sub_overflows(a.integer, b.integer, &a.integer)
        if step == STEP_MUL:
            return not mul_overflows(a.integer, b.integer, &a.integer)
        if b.integer == 0 or b.integer == -1:
            return False
        rest = remainder_of(a.integer, b.integer)
        a.integer = rest if step == STEP_MOD else (a.integer - rest) // b.integer
        return True
    if not (is_number(a) and is_number(b) and as_double(a, &x) and as_double(b, &y)):
        return False
    if step > STEP_DIV or (step == STEP_DIV and y == 0):
        return False
    a.kind = OPERAND_FLOAT
    a.number = x + y if step == STEP_ADD else x - y if step == STEP_SUB else x * y if step == STEP_MUL else x / y
    return True


cdef bint compute_bits(uint32_t step, Operand *a, const Operand *b) noexcept nogil:
    if not is_whole(a) or not is_whole(b):
        return False
    a.kind = OPERAND_BOOL if a.kind == OPERAND_BOOL and b.kind == OPERAND_BOOL else OPERAND_INT
    if step == STEP_BITS_AND:
        a.integer &= b.integer
    elif step == STEP_BITS_OR:
        a.integer |= b.integer
    else:
        a.integer ^= b.integer
    return True


cdef inline int64_t remainder_of(int64_t a, int64_t b) noexcept nogil:
    """As Python has it: with the sign of `b`, which is neither 0 nor −1."""
    cdef int64_t rest = a % b    # as C has it
    return rest + b if rest != 0 and (rest < 0) != (b < 0) else rest


cdef bint compare(uint32_t step, const Operand *a, const Operand *b, bint *truth) noexcept nogil:
    cdef int order
    if step == STEP_IS or step == STEP_IS_NOT:
        return are_identical(a, b, truth) and turned(step == STEP_IS_NOT, truth)
    if step == STEP_EQ or step == STEP_NE:
        return are_equal(a, b, truth) and turned(step == STEP_NE, truth)
    if is_number(a) and is_number(b):
        return compare_numbers(step, a, b, truth)
    if a.kind != OPERAND_TEXT or b.kind != OPERAND_TEXT:
        return False
    order = compare_texts(a, b)
    truth[0] = (
        order < 0 if step == STEP_LT else order <= 0 if step == STEP_LE
        else order > 0 if step == STEP_GT else order >= 0
    )
    return True


cdef inline bint turned(bint negated, bint *truth) noexcept nogil:
    truth[0] = truth[0] != negated
    return True


cdef bint compare_numbers(uint32_t step, const Operand *a, const Operand *b, bint *truth) noexcept nogil:
    cdef double x = 0, y = 0
    if is_whole(a) and is_whole(b):
        truth[0] = (
            a.integer < b.integer if step == STEP_LT else a.integer <= b.integer if step == STEP_LE
            else a.integer > b.integer if step == STEP_GT else a.integer >= b.integer
        )
        return True
    if not (as_double(a, &x) and as_double(b, &y)):
        return False
    truth[0] = x < y if step == STEP_LT else x <= y if step == STEP_LE else x > y if step == STEP_GT else x >= y
    return True


cdef int compare_texts(const Operand *a, const Operand *b) noexcept nogil:
    cdef int order = memcmp(a.at, b.at, min(a.size, b.size))
    return order if order else (a.size > b.size) - (a.size < b.size)


cdef bint are_equal(const Operand *a, const Operand *b, bint *truth) noexcept nogil:
    """False for what is no scalar: that may take code to tell."""
    cdef double x = 0, y = 0
    if a.kind == OPERAND_OTHER or b.kind == OPERAND_OTHER:
        return False
    if is_whole(a) and is_whole(b):
        truth[0] = a.integer == b.integer
    elif is_number(a) and is_number(b):
        if not (as_double(a, &x) and as_double(b, &y)):
            return False
        truth[0] = x == y
    elif a.kind != b.kind:
        truth[0] = False
    else:
        truth[0] = a.kind == OPERAND_NONE or (a.size == b.size and memcmp(a.at, b.at, a.size) == 0)
    return True


cdef bint are_identical(const Operand *a, const Operand *b, bint *truth) noexcept nogil:
    """With None, True or False, which are one object each."""
    if b.kind != OPERAND_NONE and b.kind != OPERAND_BOOL:
        return False
    truth[0] = a.kind == b.kind and (a.kind == OPERAND_NONE or a.integer == b.integer)
    return True


cdef bint has_end(const Step *step, Operand *of) noexcept nogil:
    """Whether a text starts, or ends, with another one."""
    cdef bint found = step.size <= of.size
    if of.kind != OPERAND_TEXT:
        return False
    if found:
        found = memcmp(of.at + (of.size - step.size if step.step == STEP_ENDS else 0), step.text, step.size) == 0
    of.kind = OPERAND_BOOL
    of.integer = found
    return True
