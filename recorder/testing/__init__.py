"""What recording the tests of a project takes, whichever runner they have: a recording of the whole process in which
each test is a span, and for each one that is worth it a trace of its own, cut out of that.

    names       what a test's trace is called
    session     the recording of a process that runs tests
    kept        traces of single tests: cutting them out, the budget of their folder, what a session that died has left
    told        what is said of one: the last events before it failed
    github      annotations and the summary of a job
"""
