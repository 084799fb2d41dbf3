# What a recording is given when it begins.

cdef uint32_t optimization = 0      # how often -O was given


cdef class Options:
    """All that `arm` has to know, by name; none has a default.

    optimize: how often -O was given, for who compiles the texts again. source_text: whether texts are kept.
    Which code is recorded: scope (one of SCOPES), outside, stdlib and own (path prefixes, str), included and
    excluded (patterns of paths, bytes in lower case).
    What of a value: secrets (patterns of names, str), items (elements of a container), depth (nesting),
    text (code points of a str), nodes (elements in all), budget (elements that are looked at for an event, on average).
    output: how many bytes of what is written to stdout and stderr are kept, and as many of logs; 0: they are not looked
    at.
    audit: how many bytes of audit events are kept; 0: they are not looked at.
    How long: max_events, max_seconds; wait_ms (for the sealer, before recording is given up); wait_for_main (recording
    begins with the body of `__main__`).
    At the end of the process: summary (whether to write one), exit_status (what the program's is replaced by, or −1),
    name (the trace as the user would write it) and path; decisions (what the policy makes of failures after Python has
    gone: number, disposition, exit statuses by Outcome; the last row is for all that have none), missing (a line for
    stderr if there is no trace that was required), json_fd (or −1), json_path (or empty) and json_facts (where
    diagnostics go then, and the members they have in common).
    Called: on_fork in a child with whether recording had not begun, before_exit before os._exit; or None."""
    cdef int scope
    cdef tuple outside, stdlib, own, included, excluded, secrets
    cdef uint32_t optimize, items, depth, text, nodes, budget, wait_ms
    cdef uint64_t max_events, output, audit
    cdef double max_seconds
    cdef bint wait_for_main, source_text
    cdef ExitPlan exit_plan
    cdef object on_fork, before_exit

    def __init__(
        self, *, uint32_t optimize, bint source_text, int scope,
        tuple outside not None, tuple stdlib not None, tuple own not None, tuple included not None,
        tuple excluded not None, tuple secrets not None, uint32_t items, uint32_t depth, uint32_t text, uint32_t nodes,
        uint32_t budget, uint64_t output, uint64_t audit, uint64_t max_events, double max_seconds, uint32_t wait_ms,
        bint wait_for_main, bint summary, int exit_status,
        bytes name not None, bytes path not None, list decisions not None, bytes missing not None, int json_fd,
        bytes json_path not None, bytes json_facts not None, on_fork, before_exit,
    ):
        self.optimize, self.source_text = optimize, source_text
        self.scope = scope
        self.outside, self.stdlib, self.own = outside, stdlib, own
        self.included, self.excluded = included, excluded
        self.secrets = secrets
        self.items, self.depth, self.text, self.nodes = items, depth, text, nodes
        self.budget = budget
        self.output, self.audit = output, audit
        self.max_events, self.max_seconds = max_events, max_seconds
        self.wait_ms, self.wait_for_main = wait_ms, wait_for_main
        self.exit_plan.summary, self.exit_plan.override = summary, exit_status
        copy_text(self.exit_plan.name, name, sizeof(self.exit_plan.name))
        copy_text(self.exit_plan.path, path, sizeof(self.exit_plan.path))
        copy_text(self.exit_plan.missing, missing, sizeof(self.exit_plan.missing))
        self.exit_plan.json_fd = json_fd
        copy_text(self.exit_plan.json_path, json_path, sizeof(self.exit_plan.json_path))
        copy_text(self.exit_plan.json_facts, json_facts, sizeof(self.exit_plan.json_facts))
        self.exit_plan.decision_count = 0
        for row in decisions[:MOST_DECISIONS]:
            copy_decision(&self.exit_plan.decisions[self.exit_plan.decision_count], row)
            self.exit_plan.decision_count += 1
        copy_decision(&self.exit_plan.otherwise, decisions[len(decisions) - 1])
        self.on_fork, self.before_exit = on_fork, before_exit


cdef int copy_decision(Decision *decision, tuple row) except -1:
    decision.number = row[0]
    copy_text(decision.disposition, row[1], sizeof(decision.disposition))
    for i in range(3):
        decision.exits[i] = row[2][i]
    return 0


cdef int copy_text(char *to, bytes text, size_t capacity) except -1:
    """What does not fit is cut off."""
    cdef Py_ssize_t n = min(len(text), <Py_ssize_t> capacity - 1)
    memcpy(to, <const char *> text, n)
    to[n] = 0
    return 0


cdef int apply_options(Options options) except -1:
    global on_fork, before_exit, exit_plan
    global optimization, keeps_texts
    global scope_mode, scope_outside, scope_stdlib, scope_own, scope_main, scope_include, scope_exclude, max_seconds
    optimization, keeps_texts = options.optimize, options.source_text
    scope_mode = options.scope
    scope_outside, scope_stdlib, scope_own = options.outside, options.stdlib, options.own
    scope_include, scope_exclude = options.included, options.excluded
    scope_main = None
    set_secrets(options.secrets)
    set_limits(options.items, options.depth, options.text, options.nodes)
    set_budget(options.budget)
    output.limit = logs.limit = options.output
    audits.limit = options.audit
    tape.wait_ms = options.wait_ms
    tape.most_events = options.max_events
    max_seconds = options.max_seconds
    hooks.reported = OK
    exit_plan = options.exit_plan
    exit_plan.reported = OK
    on_fork, before_exit = options.on_fork, options.before_exit
    return 0
