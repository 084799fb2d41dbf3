/* Statements for databases: whether one names a secret, and without its literals. Which value is which column's is not
 * known: so where a secret's name stands anywhere in it, none is shown. */
#ifndef RECORDER_STATEMENT_H
#define RECORDER_STATEMENT_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* Of a str. */
bool rec_names_a_secret(PyObject *statement);

/* Texts in quotes and numbers as `*`, one for each byte, in UTF-8 of which the end may be missing. */
void rec_mask_literals(uint8_t *statement, size_t size);

#pragma GCC visibility pop
#endif
