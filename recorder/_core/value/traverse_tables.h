/* Part of traverse.h, which includes it in its midst: arrays of numpy's, frames of pandas. */
#ifndef RECORDER_TRAVERSE_TABLES_H
#define RECORDER_TRAVERSE_TABLES_H

static void begin_form(rec_visit *v, const rec_type_entry *entry, uint8_t number, uint8_t count)
{
    const rec_form form = {.form = number, .count = count};
    visit_form(v, entry, &form);
}

/* Of a list that is no object: how many of its items follow, or -1 if it is left out. */
static Py_ssize_t begin_list(rec_visit *v, Py_ssize_t size, bool readable, uint32_t depth)
{
    Py_ssize_t shown;
    if (rec_is_elided(size, depth) || (size > 0 && visit_is_full(v))) {
        visit_elided(v, rec_type_of(&PyList_Type), size);
        return -1;
    }
    rec_count_container();
    shown = readable ? rec_take_nodes(size) : 0;
    visit_container(v, &PyList_Type, size, shown);
    return shown;
}

/* A number that changes with any of the items where not all are written. */
static void visit_digest(rec_visit *v, uint64_t digest) { visit_number(v, (int64_t)(digest >> 4)); }

/* ---- arrays ---- */

/* Whether its items are structures of which a field has the name of a secret. */
static bool is_secret_buffer(PyObject *o)
{
    rec_array array;
    if (rec_secrets.names.count == 0 || !rec_array_begin(o, &array))
        return false;
    bool hides = array.view.format != NULL && rec_format_hides(array.view.format);
    rec_array_end(&array);
    return hides;
}

static void traverse_unread(rec_visit *v, const rec_type_entry *entry, const char *called, Py_ssize_t size)
{
    begin_form(v, entry, REC_FORM_UNREAD, 2);
    visit_text(v, called);
    visit_number(v, size);
}

/* Of a buffer, with a number that changes with any of its items where not all are written. */
static void traverse_buffer(rec_visit *v, PyObject *o, rec_type_entry *entry, PyObject *identity)
{
    uint64_t digest;
    if (PyMemoryView_Check(o) && rec_is_released(o)) {
        traverse_unread(v, entry, "released", 0);
        return;
    }
    if (is_secret_buffer(o)) {
        visit_redacted(v);
        return;
    }
    if (!rec_array_digest(o, &digest)) {
        visit_array(v, o, entry);
        return;
    }
    if (traverse_met(v, identity))
        return;
    begin_form(v, entry, REC_FORM_LARGE_ARRAY, 2);
    visit_array(v, o, entry);
    visit_digest(v, digest);
}

static void traverse_large_array(rec_visit *v, const rec_cells *cells, rec_type_entry *entry, PyObject *identity)
{
    uint64_t digest;
    if (rec_cells_fit(cells, (size_t)-1) <= rec_array_limit() || !rec_cells_digest(cells, &digest)) {
        visit_cells(v, entry, cells);
        return;
    }
    if (traverse_met(v, identity))
        return;
    begin_form(v, entry, REC_FORM_LARGE_ARRAY, 2);
    visit_cells(v, entry, cells);
    visit_digest(v, digest);
}

static void traverse_shape(rec_visit *v, const rec_cells *cells)
{
    rec_count_container();
    visit_container(v, &PyTuple_Type, cells->dimensions, cells->dimensions);
    for (int d = 0; d < cells->dimensions; d++)
        visit_number(v, rec_cells_length(cells, d));
}

/* Apart, for the room that it takes on the stack. */
__attribute__((noinline)) static void traverse_objects(rec_visit *v, const rec_cells *cells, uint32_t depth)
{
    Py_ssize_t shown = begin_list(v, rec_cells_count(cells), cells->data != NULL, depth);
    rec_cell_walk walk;
    if (shown < 0)
        return;
    rec_cells_begin(&walk, cells);
    for (; shown > 0; shown--)
        visit_object(v, rec_cell_object(rec_cells_next(&walk)), depth + 1);
}

static void traverse_object_array(rec_visit *v, const rec_cells *cells, const rec_type_entry *entry, uint32_t depth,
                                  PyObject *identity)
{
    Py_ssize_t size = rec_cells_count(cells);
    uint64_t digest;
    if (!traverse_begin(v, entry->type, size, size, depth, identity))
        return;
    begin_form(v, entry, REC_FORM_OBJECT_ARRAY, 3);
    traverse_shape(v, cells);
    traverse_objects(v, cells, depth + 1);
    if (size > (Py_ssize_t)rec_limits.items && rec_cells_digest(cells, &digest))
        visit_digest(v, digest);
    else
        visit_none(v);
}

static void visit_string(rec_visit *v, const rec_strings *strings, const rec_arrow_item *text, uint32_t depth)
{
    if (text->data != NULL)
        visit_utf8(v, text->data, text->size);
    else
        visit_object(v, strings->missing, depth);
}

/* Apart, for the room that it takes on the stack. */
__attribute__((noinline)) static void traverse_strings(rec_visit *v, const rec_strings *strings, uint32_t depth)
{
    Py_ssize_t shown = begin_list(v, rec_cells_count(&strings->cells), true, depth);
    rec_cell_walk walk;
    rec_cells_begin(&walk, &strings->cells);
    for (; shown > 0; shown--) {
        const rec_arrow_item text = rec_string_of(strings, rec_cells_next(&walk));
        visit_string(v, strings, &text, depth + 1);
    }
}

static void traverse_string_array(rec_visit *v, const rec_strings *strings, const rec_type_entry *entry, uint32_t depth,
                                  PyObject *identity)
{
    Py_ssize_t size = rec_cells_count(&strings->cells);
    uint64_t digest;
    if (!traverse_begin(v, entry->type, size, size, depth, identity))
        return;
    begin_form(v, entry, REC_FORM_STRING_ARRAY, 3 + (strings->missing != NULL));
    traverse_shape(v, &strings->cells);
    traverse_strings(v, strings, depth + 1);
    if (size > (Py_ssize_t)rec_limits.items && rec_strings_digest(strings, &digest))
        visit_digest(v, digest);
    else
        visit_none(v);
    if (strings->missing != NULL)
        visit_object(v, strings->missing, depth + 1);
}

/* Of items that are neither numbers nor objects. */
static void traverse_odd_array(rec_visit *v, PyObject *o, rec_type_entry *entry, uint32_t depth, PyObject *identity)
{
    rec_strings strings;
    if (!rec_strings_begin(o, &strings)) {
        traverse_buffer(v, o, entry, identity);
        return;
    }
    traverse_string_array(v, &strings, entry, depth, identity);
    rec_strings_end(&strings);
}

static void traverse_array(rec_visit *v, PyObject *o, rec_type_entry *entry, uint32_t depth, PyObject *identity)
{
    rec_cells cells;
    if (visit_is_full(v))
        visit_opaque(v, o, entry);
    else if (!rec_cells_of(o, &cells))
        traverse_odd_array(v, o, entry, depth, identity);
    else if (cells.objects)
        traverse_object_array(v, &cells, entry, depth, identity);
    else
        traverse_large_array(v, &cells, entry, identity);
}

/* ---- columns ---- */

/* Apart, for the room that it takes on the stack. */
__attribute__((noinline)) static void traverse_decimal(rec_visit *v, const rec_column *column, const char *item)
{
    char text[REC_ARROW_DECIMAL];
    visit_utf8(v, text, rec_arrow_decimal_text(&column->arrow, item, text));
}

static void traverse_texts(rec_visit *v, const rec_column *column, Py_ssize_t first, Py_ssize_t size, uint32_t depth)
{
    const rec_arrow_item *texts = column->items + first;
    bool are_bytes = column->arrow.are_bytes;
    bool is_pair = column->may_be_pair && size == 2 && !column->arrow.are_decimals && rec_text_hides(texts);
    Py_ssize_t shown = begin_list(v, size, true, depth);
    for (Py_ssize_t i = 0; i < shown; i++, texts++) {
        if (is_pair && i > 0)
            visit_redacted(v);
        else if (texts->data != NULL && column->arrow.are_decimals)
            traverse_decimal(v, column, texts->data);
        else if (texts->data != NULL && are_bytes)
            visit_data(v, texts->data, texts->size);
        else if (texts->data != NULL)
            visit_utf8(v, texts->data, texts->size);
        else
            visit_none(v);
    }
}

static void traverse_column(rec_visit *v, const rec_column *column, uint32_t depth);

/* Room in what a value may have for one more column, with its parts. */
enum { NODES_OF_COLUMN = 5 };

/* Whether it names a secret, whose value stands beside it: the key of a map. */
static bool is_secret_key(const rec_column *column)
{
    return column->are_texts && !column->arrow.are_decimals && column->first == 1 && rec_text_hides(column->items);
}

/* Apart, for the room that it takes on the stack. Says whether it is a secret's name. */
__attribute__((noinline)) static bool traverse_child(rec_visit *v, const rec_arrow_nest *nest, Py_ssize_t i,
                                                     PyTypeObject *type, uint32_t depth)
{
    rec_column column;
    if (rec_walk.nodes_left < NODES_OF_COLUMN || depth >= rec_limits.depth) {
        visit_elided(v, rec_type_of(&PyList_Type), nest->items);
        return false;
    }
    rec_walk.nodes_left -= NODES_OF_COLUMN;
    rec_column_of_nest(nest, i, type, &column);
    rec_count_container();
    traverse_column(v, &column, depth);
    return is_secret_key(&column);
}

/* A dict of names and what stands there. */
static void traverse_fields_of_nest(rec_visit *v, const rec_arrow_nest *nest, PyTypeObject *type, uint32_t depth)
{
    bool after_secret = false;
    Py_ssize_t shown = nest->count < REC_MOST_COLUMNS ? nest->count : REC_MOST_COLUMNS;
    rec_count_container();
    visit_container(v, &PyDict_Type, nest->count, shown);
    for (Py_ssize_t i = 0; i < shown; i++) {
        const rec_arrow_item name = rec_arrow_nest_name(nest, i);
        visit_utf8(v, name.data, name.size);
        if (after_secret || rec_text_hides(&name))
            visit_redacted(v);
        else if (traverse_child(v, nest, i, type, depth))
            after_secret = nest->count == 2;
    }
}

static void traverse_nests(rec_visit *v, const rec_column *column, Py_ssize_t first, Py_ssize_t count, uint32_t depth)
{
    Py_ssize_t shown = begin_list(v, count, true, depth);
    for (Py_ssize_t i = 0; i < shown; i++) {
        rec_arrow_nest nest;
        rec_arrow_nest_of(&column->arrow, first + i, &nest);
        if (nest.is_missing)
            visit_none(v);
        else if (nest.is_list)
            (void)traverse_child(v, &nest, 0, column->type, depth); /* audit: nothing stands beside a list */
        else if (rec_walk.nodes_left < NODES_OF_COLUMN * (uint32_t)nest.count)
            visit_elided(v, rec_type_of(&PyDict_Type), nest.count);
        else
            traverse_fields_of_nest(v, &nest, column->type, depth);
    }
}

static void traverse_some(rec_visit *v, const rec_column *column, Py_ssize_t first, Py_ssize_t count, uint32_t depth)
{
    if (column->arrow.are_nested) {
        traverse_nests(v, column, first, count, depth);
        return;
    }
    if (column->are_texts) {
        traverse_texts(v, column, first, count, depth);
        return;
    }
    const rec_cells some = rec_cells_some(&column->cells, first, count);
    if (column->cells.objects)
        traverse_objects(v, &some, depth);
    else
        visit_cells(v, rec_type_of(some.type), &some);
}

static void traverse_missing(rec_visit *v, const rec_column *column)
{
    const rec_cells missing = {.type = column->cells.type, .data = column->missing, .dimensions = 1,
                               .length = column->first + column->last, .stride = 1, .item_size = 1, .format = "?"};
    if (column->has_missing)
        visit_cells(v, rec_type_of(missing.type), &missing);
    else
        visit_none(v);
}

/* What the values of a column are about: an object; of values that Arrow keeps, the name of a time
 * zone, or that the texts are decimals. */
static void traverse_about(rec_visit *v, const rec_column *column, uint32_t depth)
{
    if (column->are_in_arrow && column->arrow.zone[0] != 0)
        visit_text(v, column->arrow.zone);
    else if (column->are_in_arrow && column->arrow.are_decimals)
        visit_text(v, "decimal");
    else
        visit_object(v, column->about, depth);
}

static void traverse_column(rec_visit *v, const rec_column *column, uint32_t depth)
{
    uint64_t digest;
    if (column->unread != NULL) {
        traverse_unread(v, rec_type_of(column->type), column->unread, column->size);
        return;
    }
    begin_form(v, rec_type_of(column->type), REC_FORM_COLUMN, 6 + (column->variant != NULL));
    visit_number(v, column->size);
    traverse_some(v, column, 0, column->first, depth + 1);
    if (column->last > 0)
        traverse_some(v, column, column->last_at, column->last, depth + 1);
    else
        visit_none(v);
    traverse_missing(v, column);
    traverse_about(v, column, depth + 1);
    if (column->last > 0 && rec_column_digest(column, &digest))
        visit_digest(v, digest);
    else
        visit_none(v);
    if (column->variant != NULL)
        visit_text(v, column->variant);
}

/* Of an array that stands in a frame, a series or an index: known to nobody else, unless it is one that is not known how
 * to read. */
static void traverse_values(rec_visit *v, PyObject *array, Py_ssize_t row, uint32_t depth)
{
    rec_column column;
    if (!rec_column_of(array, row, &column)) {
        visit_object(v, array, depth);
        return;
    }
    rec_count_container();
    traverse_column(v, &column, depth);
}

static void traverse_extension_array(rec_visit *v, PyObject *o, const rec_type_entry *entry, uint32_t depth,
                                     PyObject *identity)
{
    rec_column column;
    bool known = rec_column_of(o, 0, &column);
    if (!traverse_begin(v, entry->type, column.size, known ? 6 : 0, depth, identity))
        return;
    if (known)
        traverse_column(v, &column, depth);
    else
        begin_form(v, entry, REC_FORM_UNKNOWN_LAYOUT, 0);
}

/* ---- indexes, series, frames ---- */

/* Whether one of the labels is a secret's name: what stands beside them is not told then. */
__attribute__((noinline)) static bool has_secret_labels(PyObject *index)
{
    rec_column labels;
    if (rec_levels_hide(index, -1))
        return true;
    return rec_names_of(index, &labels)
           && (rec_labels_hide(&labels, 0, labels.first) || rec_labels_hide(&labels, labels.last_at, labels.last));
}

static void traverse_index(rec_visit *v, PyObject *o, const rec_type_entry *entry, uint32_t depth, PyObject *identity)
{
    rec_index index;
    bool known = rec_index_of(o, &index);
    if (!traverse_begin(v, entry->type, 0, known ? 2 : 0, depth, identity))
        return;
    begin_form(v, entry, known ? REC_FORM_INDEX : REC_FORM_UNKNOWN_LAYOUT, known ? 2 + (index.step != NULL) : 0);
    if (!known)
        return;
    visit_object(v, index.name, depth + 1);
    if (rec_label_hides(index.name))
        visit_redacted(v);
    else
        traverse_values(v, index.values, 0, depth + 1);
    if (index.step != NULL)
        visit_object(v, index.step, depth + 1);
}

static void traverse_series(rec_visit *v, PyObject *o, const rec_type_entry *entry, uint32_t depth, PyObject *identity)
{
    rec_series series;
    bool known = rec_series_of(o, &series);
    if (!traverse_begin(v, entry->type, 0, known ? 3 : 0, depth, identity))
        return;
    begin_form(v, entry, known ? REC_FORM_SERIES : REC_FORM_UNKNOWN_LAYOUT, known ? 3 : 0);
    if (!known)
        return;
    visit_object(v, series.index, depth + 1);
    visit_object(v, series.name, depth + 1);
    if (rec_label_hides(series.name) || has_secret_labels(series.index))
        visit_redacted(v);
    else
        traverse_values(v, series.values, 0, depth + 1);
}

static void traverse_columns(rec_visit *v, const rec_frame *frame, Py_ssize_t shown, uint32_t depth)
{
    rec_column names;
    bool secret = has_secret_labels(frame->index), named = rec_names_of(frame->names, &names);
    rec_count_container();
    visit_container(v, &PyList_Type, frame->columns, shown);
    for (Py_ssize_t n = 0; n < shown; n++) {
        Py_ssize_t row;
        PyObject *values = rec_frame_column(frame, n, &row);
        if (secret || (named && rec_labels_hide(&names, n, 1)) || rec_levels_hide(frame->names, n))
            visit_redacted(v);
        else if (values != NULL)
            traverse_values(v, values, row, depth + 1);
        else
            visit_none(v);
    }
}

/* Apart, for the room that it takes on the stack. */
__attribute__((noinline)) static void traverse_frame(rec_visit *v, PyObject *o, const rec_type_entry *entry,
                                                     uint32_t depth, PyObject *identity)
{
    rec_frame frame;
    bool known = rec_frame_of(o, &frame);
    Py_ssize_t shown = known && frame.columns < REC_MOST_COLUMNS ? frame.columns : REC_MOST_COLUMNS;
    if (known && (Py_ssize_t)rec_walk.nodes_left < 4 * (shown + 1)) {
        visit_elided(v, entry, frame.rows);
        return;
    }
    if (!traverse_begin(v, entry->type, frame.rows, known ? 4 : 0, depth, identity))
        return;
    begin_form(v, entry, known ? REC_FORM_DATA_FRAME : REC_FORM_UNKNOWN_LAYOUT, known ? 4 : 0);
    if (!known)
        return;
    rec_walk.nodes_left -= (uint32_t)(4 * (shown + 1));
    visit_number(v, frame.rows);
    visit_object(v, frame.index, depth + 1);
    visit_object(v, frame.names, depth + 1);
    traverse_columns(v, &frame, shown, depth + 1);
}

/* ---- tables of pyarrow ---- */

static void traverse_names(rec_visit *v, const rec_arrow_table *table, Py_ssize_t shown)
{
    rec_count_container();
    visit_container(v, &PyList_Type, table->columns, shown);
    for (Py_ssize_t n = 0; n < shown; n++) {
        const rec_arrow_item name = rec_arrow_name_of(table, n);
        visit_utf8(v, name.data, name.size);
    }
}

/* Apart, for the room that it takes on the stack. */
__attribute__((noinline)) static void traverse_arrow_column(rec_visit *v, const rec_arrow_table *table, Py_ssize_t n,
                                                            uint32_t depth)
{
    rec_column column;
    const rec_arrow_item name = rec_arrow_name_of(table, n);
    if (rec_text_hides(&name)) {
        visit_redacted(v);
    } else if (rec_column_of_table(table, n, &column)) {
        rec_count_container();
        traverse_column(v, &column, depth);
    } else {
        visit_none(v);
    }
}

static void traverse_arrow_table(rec_visit *v, PyObject *o, const rec_type_entry *entry, uint32_t depth,
                                 PyObject *identity)
{
    rec_arrow_table table;
    bool known = rec_arrow_table_of(o, &table);
    Py_ssize_t shown = known && table.columns < REC_MOST_COLUMNS ? table.columns : REC_MOST_COLUMNS;
    if (known && (Py_ssize_t)rec_walk.nodes_left < 5 * (shown + 1)) {
        visit_elided(v, entry, table.rows);
        return;
    }
    if (!traverse_begin(v, entry->type, table.rows, known ? 3 : 0, depth, identity))
        return;
    begin_form(v, entry, known ? REC_FORM_ARROW_TABLE : REC_FORM_UNKNOWN_LAYOUT, known ? 3 : 0);
    if (!known)
        return;
    rec_walk.nodes_left -= (uint32_t)(5 * (shown + 1));
    visit_number(v, table.rows);
    traverse_names(v, &table, shown);
    rec_count_container();
    visit_container(v, &PyList_Type, table.columns, shown);
    for (Py_ssize_t n = 0; n < shown; n++)
        traverse_arrow_column(v, &table, n, depth + 2);
}

enum { LONGEST_TYPE = 200 };

/* Apart, for the room that it takes on the stack. */
__attribute__((noinline)) static void traverse_type_of_field(rec_visit *v, const rec_arrow_schema *schema, Py_ssize_t n)
{
    char text[LONGEST_TYPE];
    visit_utf8(v, text, (Py_ssize_t)rec_arrow_type_text(schema, n, text, sizeof(text)));
}

static void traverse_schema(rec_visit *v, PyObject *o, const rec_type_entry *entry, uint32_t depth, PyObject *identity)
{
    rec_arrow_schema schema;
    bool known = rec_arrow_schema_of(o, &schema);
    Py_ssize_t names = schema.count < REC_MOST_COLUMNS ? schema.count : REC_MOST_COLUMNS;
    Py_ssize_t types = schema.type != NULL ? 1 : names;
    if (!traverse_begin(v, entry->type, schema.count, known ? 2 : 0, depth, identity))
        return;
    begin_form(v, entry, known ? REC_FORM_ARROW_SCHEMA : REC_FORM_UNKNOWN_LAYOUT, known ? 2 : 0);
    if (!known)
        return;
    rec_count_container();
    visit_container(v, &PyList_Type, schema.count, names);
    for (Py_ssize_t n = 0; n < names; n++) {
        const rec_arrow_item name = rec_arrow_field_name(&schema, n);
        visit_utf8(v, name.data, name.size);
    }
    rec_count_container();
    visit_container(v, &PyList_Type, schema.type != NULL ? 1 : schema.count, types);
    for (Py_ssize_t n = 0; n < types; n++)
        traverse_type_of_field(v, &schema, n);
}

/* ---- tensors of torch, data of ctypes ---- */

static void traverse_tensor(rec_visit *v, PyObject *o, rec_type_entry *entry, uint32_t depth, PyObject *identity)
{
    rec_tensor tensor;
    uint64_t digest;
    bool known = rec_tensor_of(o, &tensor);
    if (!traverse_begin(v, entry->type, 0, known ? 4 : 0, depth, identity))
        return;
    begin_form(v, entry, known ? REC_FORM_TENSOR : REC_FORM_UNKNOWN_LAYOUT, known ? 4 : 0);
    if (!known)
        return;
    visit_text(v, tensor.dtype);
    visit_text(v, tensor.device);
    visit_cells(v, entry, &tensor.cells);
    if (rec_cells_fit(&tensor.cells, (size_t)-1) > rec_array_limit() && rec_cells_digest(&tensor.cells, &digest))
        visit_digest(v, digest);
    else
        visit_none(v);
}

static void traverse_bytes_of_foreign(rec_visit *v, const rec_foreign *foreign)
{
    Py_ssize_t size = rec_cells_count(&foreign->cells) * foreign->cells.item_size;
    if (foreign->cells.data == NULL) {
        visit_none(v);
        visit_none(v);
        return;
    }
    visit_data(v, foreign->cells.data, size);
    if (size > (Py_ssize_t)rec_limits.text && size <= REC_MOST_DIGESTED)
        visit_digest(v, rec_hash_bytes(foreign->cells.data, (size_t)size));
    else
        visit_none(v);
    rec_count_bytes((size_t)size);
}

static void traverse_foreign(rec_visit *v, PyObject *o, const rec_type_entry *entry, uint32_t depth, PyObject *identity)
{
    rec_foreign foreign;
    bool known = rec_foreign_of(o, &foreign);
    if (!traverse_begin(v, entry->type, 0, known ? 6 : 0, depth, identity))
        return;
    begin_form(v, entry, known ? REC_FORM_FOREIGN : REC_FORM_UNKNOWN_LAYOUT, known ? 6 : 0);
    if (!known)
        return;
    visit_text(v, foreign.format);
    visit_number(v, foreign.cells.item_size);
    traverse_shape(v, &foreign.cells);
    if (foreign.is_secret) {
        visit_redacted(v);
        visit_none(v);
    } else {
        traverse_bytes_of_foreign(v, &foreign);
    }
    visit_object(v, foreign.held, depth + 1);
}

static void traverse_row(rec_visit *v, PyObject *o, const rec_type_entry *entry, uint32_t depth, PyObject *identity)
{
    PyObject *values, **names;
    if (rec_row_of(o, &values, &names))
        traverse_named_tuple(v, values, entry, names, depth, identity);
    else
        visit_opaque(v, o, entry);
}

/* ---- a value of a well-known type ---- */

/* A frame or a series that is still being made has nothing yet. */
static bool is_being_made(PyObject *o) { return rec_attribute(o, "_mgr") == NULL; }

static void traverse_known(rec_visit *v, PyObject *o, rec_type_entry *entry, uint32_t depth, PyObject *identity)
{
    rec_table table = rec_table_of(entry->known);
    if ((table == REC_TABLE_FRAME || table == REC_TABLE_SERIES) && is_being_made(o)) {
        visit_opaque(v, o, entry);
        return;
    }
    switch (table) {
    case REC_TABLE_ARRAY:
        traverse_array(v, o, entry, depth, identity);
        return;
    case REC_TABLE_COLUMN:
        traverse_extension_array(v, o, entry, depth, identity);
        return;
    case REC_TABLE_INDEX:
        traverse_index(v, o, entry, depth, identity);
        return;
    case REC_TABLE_SERIES:
        traverse_series(v, o, entry, depth, identity);
        return;
    case REC_TABLE_FRAME:
        traverse_frame(v, o, entry, depth, identity);
        return;
    case REC_TABLE_ARROW:
        traverse_arrow_table(v, o, entry, depth, identity);
        return;
    case REC_TABLE_OPAQUE:
        visit_opaque(v, o, entry);
        return;
    case REC_TABLE_SCHEMA:
        traverse_schema(v, o, entry, depth, identity);
        return;
    case REC_TABLE_TENSOR:
        traverse_tensor(v, o, entry, depth, identity);
        return;
    case REC_TABLE_FOREIGN:
        traverse_foreign(v, o, entry, depth, identity);
        return;
    case REC_TABLE_ROW:
        traverse_row(v, o, entry, depth, identity);
        return;
    default:
        traverse_form(v, o, entry, depth, identity);
    }
}
#endif
