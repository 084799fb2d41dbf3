"""A trace in the browser: what the page asks is answered by the questions of `recorder.trace`, as JSON.

`answers` is the table of what can be asked. `server` gives it to a page of this machine, `recorder.export.html` asks
all of it beforehand and puts the answers into a file.
"""
