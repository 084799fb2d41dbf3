# Texts of a trace that is there, without what stands behind further names in them: as they are when they are recorded.

cdef class Masking:
    """Of one text, or of several one behind the other. A recording may be on meanwhile: its names are put back."""

    cdef bytearray memory     # owns what `names` points to
    cdef rec_patterns names
    cdef Printed printed

    def __init__(self, tuple patterns not None):
        self.memory = bytearray(rec_patterns_size(<PyObject *> patterns))
        self.names = rec_read_patterns(<PyObject *> patterns, <char *> self.memory)
        self.begin()

    def begin(self):
        """What comes next is another text."""
        memset(&self.printed, 0, sizeof(self.printed))

    def masked(self, bytes text not None):
        """With `*` for each byte of a secret. It goes on where the text before it ended."""
        cdef bytearray copy = bytearray(text)
        cdef uint8_t *bytes_of_copy = <uint8_t *> <char *> copy
        cdef rec_patterns before = self.take()
        # audit: whether something was left out shows
        rec_copy_printed(&self.printed, bytes_of_copy, bytes_of_copy, <size_t> len(text), 0)
        self.give_back(before)
        return bytes(copy)

    def awaits_value(self):
        """Whether what comes next is the value of a secret's name."""
        return rec_awaits_value(&self.printed)

    def statement(self, bytes utf8 not None, str text not None):
        """A statement for a database that names a secret, without its literals; None if it does not."""
        cdef bytearray copy = bytearray(utf8)
        cdef uint8_t *bytes_of_copy = <uint8_t *> <char *> copy
        cdef rec_patterns before = self.take()
        cdef bint is_secret = rec_names_a_secret(<PyObject *> text)
        self.give_back(before)
        if not is_secret:
            return None
        rec_mask_literals(bytes_of_copy, <size_t> len(utf8))
        return bytes(copy)

    cdef rec_patterns take(self) noexcept:
        cdef rec_patterns before = rec_secrets.names
        rec_secrets.names = self.names
        rec_forget_matches()
        return before

    cdef void give_back(self, rec_patterns before) noexcept:
        rec_secrets.names = before
        rec_forget_matches()
