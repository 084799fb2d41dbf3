"""One page about a recording, for a reader with little room: a person in a hurry, or a language model."""
