/* Values of well-known types that C keeps to itself: a Decimal, a deque, a compiled pattern, a lock. A value is taken
 * apart into a few parts, and its *form* says what they are (the enum Form in codegen/format.toml).
 *
 * table.c has one row for each type. Where a type's own tables of members and getters say where its parts are, a row
 * names them, and nothing needs to be known of its layout. Else a function of the row reads them, and proves the layout
 * by what the type itself answers. A layout that is not the known one makes all values of the type opaque. No code of
 * the program's runs, nothing is kept; what is borrowed is good as long as nobody else has run. */
#ifndef RECORDER_FORMS_H
#define RECORDER_FORMS_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
#include "cpython/type_tables.h"

#pragma GCC visibility push(hidden)

enum { REC_MOST_PARTS = 8 };

typedef enum {
    REC_PART_OBJECT,
    REC_PART_NUMBER,
    REC_PART_TEXT,       /* ASCII, of C */
    REC_PART_BYTES,
    REC_PART_DECIMAL,
    REC_PART_DEQUE,      /* a list of its items */
    REC_PART_NUMBERS,    /* a list of ints */
    REC_PART_DICT,       /* the value itself, as a dict */
    REC_PART_KEYS,       /* of a dict, as a list */
    REC_PART_OF_EACH,    /* an attribute of each item of a tuple, as a list */
    REC_PART_MEMBERS,    /* what the type's table of members names, as a dict */
    REC_PART_HOLES,      /* a tuple of which some items are not there any more: None */
    REC_PART_ADDRESS,    /* of a socket */
    REC_PART_CONTEXT,    /* the variables of a context, as a dict of names and values */
    REC_PART_TEE,        /* what an iterator of itertools.tee gives before it reads on, as a list */
    REC_PART_HELD,       /* so many objects that the value holds, as its tp_traverse has them, as a list */
    REC_PART_ITEMS       /* so many of a list, as a list */
} rec_part_kind;

typedef struct {         /* an unsigned number of `digits` decimal digits, in words of 19, and its sign and exponent */
    const uint64_t *words;
    Py_ssize_t count, digits, exponent;
    uint8_t flags;       /* REC_DECIMAL_… */
} rec_decimal;

enum { REC_DECIMAL_NEGATIVE = 1, REC_DECIMAL_INFINITE = 2, REC_DECIMAL_NAN = 4, REC_DECIMAL_SIGNALING = 8 };

typedef struct {         /* the next item of a deque */
    void *block;
    Py_ssize_t index, size;
} rec_deque;

typedef struct {
    rec_part_kind kind;
    union {
        PyObject *object;
        int64_t number;
        struct { const char *data; Py_ssize_t size; } bytes;
        char text[48];
        rec_decimal decimal;
        rec_deque deque;
        struct { const Py_ssize_t *data; Py_ssize_t size; } numbers;
        struct { PyObject *tuple; const char *name; } each;
        struct { int64_t fd, family; bool is_peer; } address;
        struct { PyTypeObject *type; PyObject *first; Py_ssize_t from, count; bool type_is_last; } held;
        struct { PyObject **first; Py_ssize_t count; } items;
    };
} rec_part;

typedef struct {
    uint8_t form;        /* a REC_FORM_… */
    uint8_t count;
    bool leaf;           /* no part has parts */
    bool named;          /* the first part is a name, and the others are its value */
    rec_part parts[REC_MOST_PARTS];
} rec_form;

/* What a value of a well-known type is taken apart by: rec_read_form, or one of those of tables.h. */
typedef enum {
    REC_TABLE_NONE,
    REC_TABLE_ARRAY,     /* an array of a class derived from numpy's, or from array.array */
    REC_TABLE_COLUMN,
    REC_TABLE_INDEX,
    REC_TABLE_SERIES,
    REC_TABLE_FRAME,
    REC_TABLE_ARROW,     /* a table of pyarrow's */
    REC_TABLE_SCHEMA,    /* a schema of pyarrow's, a field, a type */
    REC_TABLE_TENSOR,
    REC_TABLE_FOREIGN,   /* of ctypes */
    REC_TABLE_ROW,       /* of a database: values with names */
    REC_TABLE_OPAQUE     /* what a library keeps for itself: its type alone */
} rec_table;

rec_table rec_table_of(uint8_t row);

/* Whether all there is to know is in the parts, and the attributes are how they are kept. */
bool rec_is_whole(uint8_t row);

/* The number of the row for a type, or for one that it is derived from; 0: none. */
uint8_t rec_known_type(PyTypeObject *type);
/* Likewise, of a type written in C that no row names: if its table of members says where something of its values is. */
uint8_t rec_type_with_members(PyTypeObject *type);

/* Whether a value of such a type can change, or is told apart from an equal one. */
bool rec_known_changes(uint8_t row);
/* The parts of a value whose type has that row. False: it is opaque, and `form` says why. */
bool rec_read_form(PyObject *object, uint8_t row, rec_form *form);
/* Whether one was met, from which on values of its type are opaque that were not. */
extern bool rec_layout_was_unknown;

/* The values of a row of a database, and as many names: each a str, or a tuple that begins with one. */
bool rec_row_of(PyObject *row, PyObject **values, PyObject ***names);

PyObject *rec_deque_next(rec_deque *items);

/* The members of a value, one after the other, from those of its own type on. */
typedef struct {
    PyTypeObject *type;
    const PyMemberDef *next;
} rec_members;

/* Begins with the type written in C that a type is, or is derived from. Returns how many there are. */
int rec_members_begin(rec_members *members, PyTypeObject *type);
/* The next one that can be read, or NULL. */
const PyMemberDef *rec_members_next(rec_members *members);
/* What a value has for it: an object, or NULL, and then it is `number`. Borrowed. */
PyObject *rec_member_of(PyObject *object, const PyMemberDef *member, int64_t *number);

/* A number as text, as Decimal's constructor reads it: digits, `E`, exponent; NaN, Infinity. At most `limit` characters are
 * written; returns how many there are. */
Py_ssize_t rec_decimal_text(const rec_decimal *decimal, char *out, Py_ssize_t limit);

#pragma GCC visibility pop
#endif
