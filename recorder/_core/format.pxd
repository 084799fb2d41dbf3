# The bytes of records and values: docs/trace-format.md, sections 2 and 3.

cdef enum:                   # records; 80–FF is LINE, 40–7F is SET
    R_SET_LONG = 0x01
    R_LINE_LONG = 0x02
    R_ENTER = 0x03
    R_CALL = 0x04
    R_RETURN = 0x05
    R_YIELD = 0x06
    R_REENTER = 0x07
    R_RESUME = 0x08
    R_THROW = 0x09
    R_UNWIND = 0x0A
    R_RAISE = 0x0B
    R_RERAISE = 0x0C
    R_HANDLED = 0x0D
    R_ADOPT = 0x0E
    R_DROP = 0x0F
    R_FORGET = 0x10
    R_THREAD = 0x11
    R_DEF_THREAD = 0x12
    R_DEF_CODE = 0x13
    R_DEF_NAME = 0x14
    R_DEF_FILE = 0x15
    R_DEF_TYPE = 0x16
    R_CLOCK = 0x17
    R_GAP = 0x18
    R_BEGIN = 0x19
    R_FRAME = 0x1A
    R_STATE = 0x1B
    R_MARK = 0x1C
    R_SET = 0x40
    R_LINE = 0x80

cdef enum:                   # values; 80–FF is a small int
    V_NONE = 0x01
    V_FALSE = 0x02
    V_TRUE = 0x03
    V_ELLIPSIS = 0x04
    V_NOT_IMPLEMENTED = 0x05
    V_INT = 0x06
    V_INT_DELTA = 0x07
    V_BIGINT = 0x08
    V_INT_CUT = 0x09
    V_FLOAT = 0x0A
    V_COMPLEX = 0x0B
    V_STR = 0x0C
    V_STR_CUT = 0x0D
    V_BYTES = 0x0E
    V_BYTES_CUT = 0x0F
    V_BYTEARRAY = 0x10
    V_BYTEARRAY_CUT = 0x11
    V_LIST = 0x12
    V_DICT = 0x1A
    V_DICT_CUT = 0x1B
    V_REF = 0x1C
    V_UNBOUND = 0x1D
    V_ERROR = 0x1E
    V_REDACTED = 0x1F
    V_ELIDED = 0x20
    V_OBJECT = 0x21
    V_TYPED = 0x22
    V_EXCEPTION = 0x23
    V_CLASS = 0x24
    V_FUNCTION = 0x25
    V_MODULE = 0x26
    V_UNEXAMINED = 0x27
    V_INSTANCE = 0x28
    V_SMALL = 0x80

cdef enum:
    SMALL_MIN = -32          # the int of tag 80, and the line delta of record 80
    SMALL_MAX = 95
    MAX_NESTING = 64         # containers around a value
    FRAME_SUSPENDED = 1      # flags of FRAME
    FRAME_ADOPTED = 2
