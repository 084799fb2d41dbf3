"""A server of the Model Context Protocol: a language model asks traces what the commands can be asked.

Each tool is one of the commands, run as a process of its own: a question that takes too long, or that nobody waits for
any more, is ended without a trace, and no answer can harm the server.
"""
