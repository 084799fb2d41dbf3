/* Series, indexes and frames of pandas, column by column. What is said of one is good as long as nobody else has run. */
#ifndef RECORDER_TABLES_H
#define RECORDER_TABLES_H
#include "known/arrow.h"
#include "known/cells.h"

#pragma GCC visibility push(hidden)

enum { REC_FIRST_ROWS = 40, REC_LAST_ROWS = 20, REC_ROWS = REC_FIRST_ROWS + REC_LAST_ROWS, REC_MOST_COLUMNS = 40 };

typedef struct {         /* the values of a column, of an index, or of an extension array */
    PyTypeObject *type;  /* of the array that keeps them */
    Py_ssize_t size;
    rec_cells cells;     /* one row, of all that there are, or of those that are shown */
    Py_ssize_t first, last; /* how many are shown, from each end … */
    Py_ssize_t last_at;  /* … and where in the cells the last ones begin */
    const char *unread;  /* the name of a type whose values are not read, or NULL */
    bool may_be_pair;    /* it is a list that somebody could take for a name and a value */
    bool are_texts;      /* what is shown is in `items`, as UTF-8, bytes or decimals */
    rec_arrow_item items[REC_ROWS];
    uint64_t values[REC_ROWS]; /* numbers that stand in Arrow's memory */
    bool has_missing;
    char missing[REC_ROWS]; /* whether each of those shown is */
    PyObject *about;     /* what the cells are about: categories, a time zone; or NULL */
    const char *variant; /* of a type of columns that has several: which one; or NULL */
    bool are_in_arrow;
    rec_arrow arrow;     /* all of them, if they are … */
    rec_cells mask;      /* … and elsewhere, if there are missing ones: which of all are */
} rec_column;

/* Of the values of a block, of which row `n`; of an array of one dimension, all of it. False: not known how to read. */
bool rec_column_of(PyObject *array, Py_ssize_t n, rec_column *column);
/* Of a table of pyarrow's, the n-th column. */
bool rec_column_of_table(const rec_arrow_table *table, Py_ssize_t n, rec_column *column);
/* Of a list of Arrow's, its items; of what has fields, what stands in the i-th. */
void rec_column_of_nest(const rec_arrow_nest *nest, Py_ssize_t i, PyTypeObject *type, rec_column *column);
/* A number that changes with any of them, shown or not. False: there are too many to look at all. */
bool rec_column_digest(const rec_column *column, uint64_t *digest);

typedef struct {
    PyObject *name;
    PyObject *values;    /* an array, or a range */
    PyObject *step;      /* from one moment to the next, or NULL */
} rec_index;

bool rec_index_of(PyObject *index, rec_index *out);

enum { REC_MOST_BLOCKS = 64 };

typedef struct {         /* which columns the rows of an array are: of a slice, or as `places` says */
    PyObject *values;
    Py_ssize_t start, step, count;
    const char *places;
    Py_ssize_t stride;
} rec_block;

typedef struct {
    PyObject *index, *names;
    Py_ssize_t rows, columns;
    int blocks;
    rec_block block[REC_MOST_BLOCKS];
} rec_frame;

bool rec_frame_of(PyObject *frame, rec_frame *out);
/* Where the n-th column is: the values, and which row of them. NULL: nowhere. */
PyObject *rec_frame_column(const rec_frame *frame, Py_ssize_t n, Py_ssize_t *row);

/* Whether one of so many labels is a secret's name, from the n-th on; of those that are looked at. */
bool rec_labels_hide(const rec_column *labels, Py_ssize_t n, Py_ssize_t count);
/* The same of the n-th label of a MultiIndex, or, of −1, of any. */
bool rec_levels_hide(PyObject *index, Py_ssize_t n);
bool rec_label_hides(PyObject *label);
bool rec_text_hides(const rec_arrow_item *text);
/* The labels of an index, if they are objects or texts, which can be names. */
bool rec_names_of(PyObject *index, rec_column *labels);

typedef struct {
    PyObject *index, *name, *values;
} rec_series;

bool rec_series_of(PyObject *series, rec_series *out);

#pragma GCC visibility pop
#endif
