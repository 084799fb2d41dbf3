/* pandas: a frame has a manager, which has axes and blocks. A block has an array of two dimensions, of which each row
 * is a column of the frame, and says which. Managers and blocks are of types that are written in C: their own tables say
 * where the parts are; all else is attributes of Python's. */
#include "known/tables.h"
#include "known/readers.h"
#include "cpython/instances.h"
#include "cpython/objects.h"
#include "value/redaction.h"

#define BACKED "pandas._libs.arrays.NDArrayBacked"

static PyObject *held(PyObject *object, const char *type_name, const char *name)
{
    return rec_held(object, rec_base_called(Py_TYPE(object), type_name), name);
}

/* ---- columns ---- */

static void choose_rows(rec_column *column)
{
    Py_ssize_t size = column->cells.length, most = REC_ROWS;
    if (!column->cells.objects && column->cells.item_size > 0) {
        Py_ssize_t fit = (Py_ssize_t)rec_array_limit() / column->cells.item_size;
        most = fit < most ? fit : most;
    }
    column->first = size <= most ? size : most * REC_FIRST_ROWS / REC_ROWS;
    column->last = size <= most ? 0 : most - column->first;
    column->last_at = size - column->last;
    column->size = size;
}

static bool read_row(const rec_cells *array, Py_ssize_t n, rec_column *column)
{
    if (!rec_cells_row(array, n, &column->cells))
        return false;
    choose_rows(column);
    return true;
}

/* `_mask` of an array that keeps its values and which of them are missing. */
static bool read_missing(PyObject *mask, rec_column *column)
{
    rec_cells cells, *row = &column->mask;
    if (!rec_cells_of(mask, &cells) || !rec_cells_row(&cells, 0, row) || row->item_size != 1
        || row->length != column->cells.length || row->data == NULL)
        return false;
    rec_cells first = rec_cells_some(row, 0, column->first);
    rec_cells last = rec_cells_some(row, row->length - column->last, column->last);
    rec_cells_copy(&first, (uint8_t *)column->missing, (size_t)column->first);
    rec_cells_copy(&last, (uint8_t *)column->missing + column->first, (size_t)column->last);
    column->has_missing = true;
    return true;
}

/* The array of numpy's that an array of pandas keeps its values in: as `_ndarray` of a type written in C, or as `_data`
 * beside `_mask`. `mask`: that one, or NULL. */
static bool cells_of(PyObject *array, rec_cells *cells, PyObject **mask)
{
    *mask = NULL;
    if (rec_base_called(Py_TYPE(array), "numpy.ndarray") != NULL)
        return rec_cells_of(array, cells);
    if (rec_base_called(Py_TYPE(array), BACKED) != NULL) {
        PyObject *inner = held(array, BACKED, "_ndarray");
        return inner != NULL && rec_cells_of(inner, cells);
    }
    PyObject *data = rec_attribute(array, "_data");
    *mask = rec_attribute(array, "_mask");
    return data != NULL && *mask != NULL && rec_cells_of(data, cells);
}

/* What a dtype says that the numbers do not: the categories, the time zone, what periods count. */
static PyObject *about(PyObject *array)
{
    PyObject *dtype = rec_base_called(Py_TYPE(array), BACKED) != NULL ? held(array, BACKED, "_dtype") : NULL;
    if (dtype == NULL || rec_base_called(Py_TYPE(dtype), "pandas._libs.tslibs.dtypes.PeriodDtypeBase") != NULL)
        return dtype;
    PyObject *categories = rec_attribute(dtype, "_categories");
    return categories == NULL ? rec_attribute(dtype, "_tz") : categories;
}

/* Of categories, whether they have an order; of texts, whether pandas.NA stands for one that is missing. */
static const char *variant_of(PyObject *array)
{
    bool is_backed = rec_base_called(Py_TYPE(array), BACKED) != NULL;
    PyObject *dtype = is_backed ? held(array, BACKED, "_dtype") : rec_attribute(array, "_dtype");
    PyObject *missing = dtype != NULL ? rec_attribute(dtype, "_na_value") : NULL;
    if (missing != NULL && rec_base_called(Py_TYPE(missing), "pandas._libs.missing.C_NAType") != NULL)
        return "string";
    return dtype != NULL && rec_attribute(dtype, "_ordered") == Py_True ? "ordered" : NULL;
}

/* The numbers that are shown, one after the other; those of dates, which have half as many bits, as the others. */
static void put_together(const rec_arrow *arrow, rec_column *column)
{
    bool is_date = arrow->item_size == 4 && (arrow->format[0] == 'M' || arrow->are_times);
    Py_ssize_t size = is_date ? 8 : arrow->item_size;
    column->cells = (rec_cells){.type = column->type, .data = (const char *)column->values, .dimensions = 1,
                                .length = column->first + column->last, .stride = size, .item_size = size};
    memcpy(column->cells.format, arrow->format, sizeof(arrow->format));
    for (Py_ssize_t i = 0; i < column->cells.length; i++) {
        const char *item = column->items[i].data;
        column->missing[i] = item == NULL;
        column->has_missing |= item == NULL;
        if (item != NULL && is_date)
            column->values[i] = (uint64_t)(int64_t)*(const int32_t *)item;
        else if (item != NULL)
            memcpy((char *)column->values + i * size, item, (size_t)size);
    }
}

/* Of an array whose values Arrow keeps: those that are shown are put together. */
static void read_arrow(rec_column *column)
{
    const rec_arrow *arrow = &column->arrow;
    column->size = arrow->size;
    column->unread = arrow->unread;
    if (column->unread != NULL)
        return;
    column->are_in_arrow = true;
    column->first = arrow->size <= REC_ROWS ? arrow->size : REC_FIRST_ROWS;
    column->last = arrow->size <= REC_ROWS ? 0 : REC_LAST_ROWS;
    column->last_at = column->first;
    column->are_texts = arrow->item_size == 0 || arrow->are_decimals || arrow->are_bytes;
    column->cells.length = column->first + column->last;
    if (arrow->are_nested) {
        column->last_at = arrow->size - column->last;
        return;
    }
    rec_arrow_items(arrow, 0, column->first, column->items);
    rec_arrow_items(arrow, arrow->size - column->last, column->last, column->items + column->first);
    if (!column->are_texts)
        put_together(arrow, column);
}

static bool is_in_arrow(PyObject *array, rec_column *column)
{
    PyTypeObject *type = Py_TYPE(array);
    bool is_itself = rec_base_called(type, "pyarrow.lib._Weakrefable") != NULL;
    PyObject *of = is_itself ? array : rec_attribute(array, "_pa_array");
    bool is_known = of != NULL && rec_arrow_of(of, &column->arrow);
    if (is_known)
        read_arrow(column);
    if (is_itself)
        column->variant = rec_base_called(type, "pyarrow.lib.Scalar") != NULL ? "scalar"
                          : strncmp(type->tp_name, "pyarrow.lib.", 12) != 0   ? "arrow" : NULL;
    return is_known;
}

bool rec_column_of_table(const rec_arrow_table *table, Py_ssize_t n, rec_column *column)
{
    *column = (rec_column){.type = Py_TYPE(table->object)};
    bool is_known = rec_arrow_column_of(table, n, &column->arrow);
    if (is_known)
        read_arrow(column);
    return is_known;
}

void rec_column_of_nest(const rec_arrow_nest *nest, Py_ssize_t i, PyTypeObject *type, rec_column *column)
{
    *column = (rec_column){.type = type, .may_be_pair = nest->is_list,
                           .variant = nest->is_map ? "map" : nest->is_list ? NULL : "item"};
    rec_arrow_nest_child(nest, i, &column->arrow);
    read_arrow(column);
}

bool rec_column_of(PyObject *array, Py_ssize_t n, rec_column *column)
{
    rec_cells cells;
    PyObject *mask;
    *column = (rec_column){.type = Py_TYPE(array), .about = about(array), .variant = variant_of(array)};
    if (is_in_arrow(array, column))
        return true;
    return cells_of(array, &cells, &mask) && read_row(&cells, n, column)
           && (mask == NULL || read_missing(mask, column));
}

bool rec_column_digest(const rec_column *column, uint64_t *digest)
{
    uint64_t of_mask;
    if (column->are_in_arrow)
        return rec_arrow_digest(&column->arrow, digest);
    if (!rec_cells_digest(&column->cells, digest))
        return false;
    if (!column->has_missing)
        return true;
    bool can = rec_cells_digest(&column->mask, &of_mask);
    *digest = can ? rec_fold(*digest, of_mask) : 0;
    return can;
}

/* ---- indexes ---- */

bool rec_index_of(PyObject *index, rec_index *out)
{
    out->name = rec_attribute(index, "_name");
    out->values = rec_attribute(index, "_range");
    if (out->values == NULL || Py_TYPE(out->values) != &PyRange_Type)
        out->values = rec_attribute(index, "_data");
    out->step = rec_attribute(index, "_freq");
    if (out->step == NULL && out->values != NULL) /* before pandas 3 */
        out->step = rec_attribute(out->values, "_freq");
    if (out->step == Py_None)
        out->step = NULL;
    return out->values != NULL;
}

/* ---- frames ---- */

static int on_placement(PyObject *object, void *found)
{
    rec_cells cells;
    bool is_it = PySlice_Check(object) || rec_cells_of(object, &cells);
    if (is_it)
        *(PyObject **)found = object;
    return is_it;
}

static bool read_slice(PyObject *slice, rec_block *block)
{
    PySliceObject *of = (PySliceObject *)slice;
    int64_t start, stop, step = 1;
    if (!PyLong_CheckExact(of->start) || !PyLong_CheckExact(of->stop) || !rec_int_small(of->start, &start)
        || !rec_int_small(of->stop, &stop))
        return false;
    if (of->step != Py_None && (!PyLong_CheckExact(of->step) || !rec_int_small(of->step, &step)))
        return false;
    block->start = start;
    block->step = step;
    return step != 0;
}

/* Which columns the rows of a block are: a slice, or an array of numbers. */
static bool read_placement(PyObject *placement, rec_block *block)
{
    PyObject *found = NULL;
    rec_cells cells, places;
    if (placement == NULL || rec_base_called(Py_TYPE(placement), "pandas._libs.internals.BlockPlacement") == NULL
        || Py_TYPE(placement)->tp_traverse == NULL)
        return false;
    (void)Py_TYPE(placement)->tp_traverse(placement, on_placement, &found);
    if (found == NULL)
        return false;
    if (PySlice_Check(found))
        return read_slice(found, block);
    if (!rec_cells_of(found, &cells) || cells.item_size != sizeof(Py_ssize_t) || cells.data == NULL
        || !rec_cells_row(&cells, 0, &places) || places.length != block->count)
        return false;
    block->places = places.data;
    block->stride = places.stride;
    return true;
}

/* How many columns there are in the values of a block, and how many rows. */
static bool read_shape(PyObject *values, rec_block *block, Py_ssize_t *rows)
{
    rec_cells cells;
    PyObject *mask;
    if (!cells_of(values, &cells, &mask) || cells.dimensions < 1 || cells.dimensions > 2)
        return false;
    block->count = cells.dimensions == 2 ? cells.shape[0] : 1;
    *rows = cells.shape[cells.dimensions - 1];
    return true;
}

static bool read_block(PyObject *from, rec_frame *out, rec_block *block)
{
    static const char type[] = "pandas._libs.internals.Block";
    Py_ssize_t rows;
    *block = (rec_block){.values = held(from, type, "values"), .count = 1};
    if (block->values != NULL && read_shape(block->values, block, &rows)) {
        if (out->rows >= 0 && out->rows != rows)
            return false;
        out->rows = rows;
    }
    out->columns += block->count;
    return block->values != NULL && read_placement(held(from, type, "_mgr_locs"), block);
}

static bool read_blocks(PyObject *blocks, rec_frame *out)
{
    if (blocks == NULL || !PyTuple_CheckExact(blocks) || PyTuple_GET_SIZE(blocks) > REC_MOST_BLOCKS)
        return false;
    out->columns = 0;
    for (out->blocks = 0; out->blocks < PyTuple_GET_SIZE(blocks); out->blocks++)
        if (!read_block(PyTuple_GET_ITEM(blocks, out->blocks), out, &out->block[out->blocks]))
            return false;
    return true;
}

bool rec_frame_of(PyObject *frame, rec_frame *out)
{
    static const char type[] = "pandas._libs.internals.BlockManager";
    out->rows = -1;
    PyObject *manager = rec_attribute(frame, "_mgr");
    PyObject *axes = manager != NULL ? held(manager, type, "axes") : NULL;
    if (axes == NULL || !PyList_CheckExact(axes) || PyList_GET_SIZE(axes) != 2)
        return false;
    out->names = PyList_GET_ITEM(axes, 0);
    out->index = PyList_GET_ITEM(axes, 1);
    return read_blocks(held(manager, type, "blocks"), out);
}

/* Which row of a block the n-th column is; -1: none. */
static Py_ssize_t row_in(const rec_block *block, Py_ssize_t n)
{
    if (block->places == NULL) {
        Py_ssize_t row = (n - block->start) / block->step;
        return block->start + row * block->step == n && row >= 0 && row < block->count ? row : -1;
    }
    for (Py_ssize_t row = 0; row < block->count; row++)
        if (*(const Py_ssize_t *)(block->places + row * block->stride) == n)
            return row;
    return -1;
}

PyObject *rec_frame_column(const rec_frame *frame, Py_ssize_t n, Py_ssize_t *row)
{
    for (int i = 0; i < frame->blocks; i++)
        if ((*row = row_in(&frame->block[i], n)) >= 0)
            return frame->block[i].values;
    return NULL;
}

/* ---- labels ---- */

bool rec_names_of(PyObject *index, rec_column *labels)
{
    rec_index of;
    return rec_secrets.names.count != 0 && rec_index_of(index, &of) && rec_column_of(of.values, 0, labels)
           && (labels->cells.objects || (labels->are_texts && !labels->arrow.are_bytes && !labels->arrow.are_decimals));
}

static bool is_secret_text(const rec_arrow_item *text)
{
    PyObject *name = text->data != NULL && text->size <= REC_LONGEST_OF_PAIR
                         ? PyUnicode_DecodeUTF8(text->data, text->size, "replace") : NULL;
    bool is_secret = name != NULL && rec_is_secret(name);
    if (name == NULL)
        PyErr_Clear();
    Py_XDECREF(name);
    return is_secret;
}

bool rec_text_hides(const rec_arrow_item *text) { return rec_secrets.names.count != 0 && is_secret_text(text); }

bool rec_labels_hide(const rec_column *labels, Py_ssize_t n, Py_ssize_t count)
{
    const rec_cells *cells = &labels->cells;
    Py_ssize_t end = n + count < cells->length ? n + count : cells->length;
    for (; n < end; n++)
        if (labels->are_texts ? is_secret_text(&labels->items[n])
                              : rec_is_secret(rec_cell_object(cells->data + n * cells->stride)))
            return true;
    return false;
}

enum { MOST_OF_LEVEL = 1000 };

static bool is_secret_of_level(const rec_column *level, Py_ssize_t n)
{
    rec_arrow_item text;
    if (!level->are_texts)
        return rec_labels_hide(level, n, 1);
    if (!level->are_in_arrow || n >= level->arrow.size)
        return false;
    rec_arrow_items(&level->arrow, n, 1, &text);
    return is_secret_text(&text);
}

/* The n-th of the codes of a level: which of its values stands there. −1: none. */
static int64_t code_at(PyObject *codes, Py_ssize_t n)
{
    rec_cells cells, row;
    if (!rec_cells_of(codes, &cells) || !rec_cells_row(&cells, 0, &row) || row.data == NULL || n >= row.length)
        return -1;
    const char *at = row.data + n * row.stride;
    switch (row.item_size) {
    case 1:
        return *(const int8_t *)at;
    case 2:
        return *(const int16_t *)at;
    case 4:
        return *(const int32_t *)at;
    default:
        return *(const int64_t *)at;
    }
}

static bool level_hides(PyObject *index, PyObject *codes, Py_ssize_t n)
{
    rec_column level;
    if (!rec_names_of(index, &level))
        return false;
    if (n >= 0) {
        int64_t code = code_at(codes, n);
        return code >= 0 && is_secret_of_level(&level, code);
    }
    for (Py_ssize_t at = 0; at < level.size && at < MOST_OF_LEVEL; at++)
        if (is_secret_of_level(&level, at))
            return true;
    return false;
}

bool rec_levels_hide(PyObject *index, Py_ssize_t n)
{
    PyObject *levels, *codes;
    if (rec_secrets.names.count == 0 || (levels = rec_attribute(index, "_levels")) == NULL
        || (codes = rec_attribute(index, "_codes")) == NULL || !PyList_Check(levels) || !PyList_Check(codes))
        return false;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(levels) && i < PyList_GET_SIZE(codes); i++)
        if (level_hides(PyList_GET_ITEM(levels, i), PyList_GET_ITEM(codes, i), n))
            return true;
    return false;
}

/* Whether a label, or one part of it, is a secret's name. */
bool rec_label_hides(PyObject *label)
{
    if (label == NULL || !PyTuple_CheckExact(label))
        return label != NULL && rec_is_secret(label);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(label); i++)
        if (rec_is_secret(PyTuple_GET_ITEM(label, i)))
            return true;
    return false;
}

/* ---- series ---- */

bool rec_series_of(PyObject *series, rec_series *out)
{
    PyObject *manager = rec_attribute(series, "_mgr");
    PyObject *blocks = manager != NULL ? rec_attribute(manager, "blocks") : NULL;
    PyObject *axes = manager != NULL ? rec_attribute(manager, "axes") : NULL;
    if (blocks == NULL || !PyTuple_CheckExact(blocks) || PyTuple_GET_SIZE(blocks) != 1 || axes == NULL
        || !PyList_CheckExact(axes) || PyList_GET_SIZE(axes) != 1)
        return false;
    out->index = PyList_GET_ITEM(axes, 0);
    out->name = rec_attribute(series, "_name");
    out->values = held(PyTuple_GET_ITEM(blocks, 0), "pandas._libs.internals.Block", "values");
    return out->values != NULL;
}

/* ---- Timestamp ---- */

/* It is a datetime as well, which keeps the time zone. */
rec_reading rec_read_zone(PyObject *object, PyTypeObject *type, rec_form *form)
{
    rec_datetime datetime;
    if (rec_base_called(type, "datetime.datetime") == NULL)
        return REC_LAYOUT_UNKNOWN;
    rec_read_datetime(object, REC_DATETIME, &datetime);
    rec_add_object(form, datetime.zone);
    return REC_LAYOUT_PROVED;
}
