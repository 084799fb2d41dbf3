# The budget of looking at objects that lead to many others, so that no event costs as much as the heap is large.
#
#     cost of a look   =  elements looked at + 4 × containers + bytes of texts, arrays, large numbers / 64  (walk_cost)
#     budget           :  + 64 for each event, up to 200,000; − cost for each look; − 4 × cost if it is written down
#     due              =  event of the last look + 1 + cost / 64
#     looked at again  :  if budget ≥ 64 × (due − this event)             (else can_wait)
#
# 64 is what the policy says (`value_budget`). A variable of a small cost (8 × 64 = 512 at most, and 32 × 64 = 2,048
# together for all of one event) is looked at before every event, and charged nothing. A dict of 5,000 numbers is cut at
# 200 elements, costs 204, and is small.
#
# An example of what is not: a list of 200 objects with five attributes each costs 200 + 1,000 + 4 × 201 = 2,004, and is
# due 32 events after each look. While the budget is full it is looked at before each event all the same. After some 100
# events the budget is used up, and the list is looked at every 32nd event: 64 elements an event. If there are two of
# them, each look leaves a debt, and an overdue variable waits until the debt is no more than 64 × the events that it is
# overdue: each is looked at about every 63rd event. So all together keep to the budget, and none waits for ever.
#
# What the line that ran has changed, as it is written (`rows[70]["v"] = 1`, `self.rows.append(x)`), does not wait. It
# has a budget of its own, of 16 for each event, up to 1,000,000 (a quarter of the other, and 15,625 times that): so a
# program that has gone over a large table for long is still seen to change it, at that line. The first half is for
# whoever comes. The other is kept from what changes all the time, as a list that grows in a loop: it is for variables
# that have had none of it for 2,048 events.
#
# A variable that holds another object than before is looked at right away, and makes no debt. While the budget is lower
# than what it takes to write down a large value, only the first 60 elements of such an object are recorded. Where the
# policy's budget is small, as in tests, an argument that the caller has in a variable is not looked at for the call: it
# waits until that variable is due.

cdef enum:
    SMALL_EVENTS = 8         # a variable that costs no more than these bring is looked at before every event …
    SMALL_TOGETHER = 32      # … as long as those of a frame cost no more than these do
    MOST_BUDGET = 200000
    SMALL_BUDGET = 16        # elements for each event
    LIMITED_NODES = 60       # elements of a value that is met when the budget is low
    WRITE_COST = 3           # what it costs to write an element that was looked at, in elements that are looked at

cdef enum:                   # of what lines change
    MOST_CHANGES = 15625     # times the budget for an event are kept for it …
    CHANGES_SHARE = 4        # … which grows by this part of what the other one does
    SELDOM = 2048            # events
    DUE_BITS = 44            # of Recorded.due; above: when what a line changed was paid for last, in units of SELDOM

cdef uint32_t budget_per_event = 64


cdef void set_budget(uint32_t per_event) noexcept nogil:
    global budget_per_event
    budget_per_event = per_event


cdef inline uint32_t small_cost_limit() noexcept nogil:
    """What a variable may cost that is looked at before every event."""
    return budget_per_event * SMALL_EVENTS


cdef inline int64_t most_changes() noexcept nogil:
    """What may be kept of the budget for what lines change, with which a recording begins."""
    return <int64_t> budget_per_event * MOST_CHANGES


cdef inline bint is_budget_small() noexcept nogil:
    return budget_per_event <= SMALL_BUDGET


def grant(int64_t elements):
    """What begins now may look at so many elements, whatever was looked at before."""
    if hooks.state == RECORDING:
        tracer.budget = max(budget_left(), min(<int64_t> MOST_BUDGET, elements))
        tracer.changes_budget = max(tracer.changes_budget, tracer.budget)


cdef inline uint32_t walk_cost() noexcept nogil:
    """Of the walk over a value that has just ended."""
    return walk.node_limit - walk.nodes_left + 4 * walk.containers + <uint32_t> (walk.bytes // REC_BYTES_PER_ELEMENT)


cdef inline bint charge_small(uint32_t cost) noexcept nogil:
    """Whether it is within what is looked at before every event; it then counts among that."""
    if cost > small_cost_limit() or tracer.small_cost + cost > budget_per_event * SMALL_TOGETHER:
        return False
    tracer.small_cost += cost
    return True


cdef inline int64_t budget_left() noexcept nogil:
    cdef int64_t more = <int64_t> (tape.events - tracer.budget_at) * budget_per_event
    tracer.budget = min(<int64_t> MOST_BUDGET, tracer.budget + more)
    tracer.changes_budget = min(most_changes(), tracer.changes_budget + more // CHANGES_SHARE)
    tracer.budget_at = tape.events
    return tracer.budget


cdef inline bint is_budget_low() noexcept nogil:
    """Whether there is not enough left to write down a large value."""
    return budget_left() < (1 + WRITE_COST) * <int64_t> limits.nodes


cdef inline void limit_walk() noexcept nogil:
    """Limits the value that is looked at and written down next."""
    walk.node_limit = min(limits.nodes, <uint32_t> LIMITED_NODES)


cdef inline void charge_walk(int64_t cost, bint known) noexcept nogil:
    """known: it could have waited. What had to be looked at right away makes no debt."""
    tracer.budget = tracer.budget - cost if known else max(min(0, tracer.budget), tracer.budget - cost)


cdef inline uint64_t due_of(const Recorded *last) noexcept nogil:
    return last.due & ((<uint64_t> 1 << DUE_BITS) - 1)


cdef inline void set_due(Recorded *last, uint64_t due) noexcept nogil:
    last.due = due | last.due >> DUE_BITS << DUE_BITS


cdef inline bint can_wait(const Recorded *last) noexcept nogil:
    cdef uint64_t due = due_of(last)
    return due != 0 and budget_left() < <int64_t> (due - tape.events) * budget_per_event


cdef bint is_changed_by_line(const Recorded *last, uint32_t slot, const Namespace *namespace) noexcept nogil:
    """Whether the line that ran has changed what the variable leads to, as it is written, and may cost something."""
    cdef const Shadow *s = tracer.looking
    if tracer.changes_budget <= 0 or (2 * tracer.changes_budget < most_changes() and was_paid_for(last)):
        return False
    if namespace != NULL:
        return tracer.changes_globals
    return has_bits(s.code) and (rec_changed_on(s.code.stores, s.line) >> slot) & 1


cdef inline bint was_paid_for(const Recorded *last) noexcept nogil:
    """Lately. Where it never was there is 0."""
    cdef uint64_t at = last.due >> DUE_BITS
    return at != 0 and now_in_units() - at <= 1


cdef inline uint64_t now_in_units() noexcept nogil:
    return (tape.events // SELDOM + 1) & ((<uint64_t> 1 << (64 - DUE_BITS)) - 1)


cdef inline void pay_for_change(Recorded *last, uint32_t cost) noexcept nogil:
    tracer.changes_budget -= cost
    last.due = due_of(last) | now_in_units() << DUE_BITS
