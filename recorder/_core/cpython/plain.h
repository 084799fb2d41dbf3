/* Operations on values that run no code: not the program's, and none that changes an object. Each is looked up where CPython
 * would look it up. What is not sure to be such an operation is answered with false.
 *
 * An object of which nothing is known is NULL. None stands for a number, a text or a truth value, whichever. */
#ifndef RECORDER_PLAIN_H
#define RECORDER_PLAIN_H
#include <Python.h>
#include <stdbool.h>

#pragma GCC visibility push(hidden)

#define REC_SOME_SCALAR Py_None

enum { REC_MOST_PLAIN = 32 }; /* elements of one container that are gone through */

/* Once per process. False, with an exception: no memory. */
bool rec_prepare_plain(void);
/* None, a number, a text, bytes: of exactly these types. Not what is unknown. */
bool rec_is_scalar(PyObject *o);
bool rec_are_scalars(PyObject **items, Py_ssize_t n);
bool rec_is_text(PyObject *o);
bool rec_has_text_keys(PyObject *dict);
/* Whether whatever scalar can be looked for in the dict, or the set. */
bool rec_has_plain_keys(PyObject *o);
/* Of a dict with texts for keys, which are compared without running any code. Borrowed; NULL: there is none, or the text
 * has no hash yet, which is the program's to ask for (objects.h). */
PyObject *rec_find_text(PyObject *dict, PyObject *text);
bool rec_has_plain_truth(PyObject *o);
bool rec_has_plain_length(PyObject *o);
bool rec_is_plainly_contained(PyObject *item, PyObject *in);
/* Whether asking whether it is an instance of the class, or of those in the tuple, runs no code. */
bool rec_is_plainly_instance(PyObject *o, PyObject *of);
/* What is not there raises an exception, of which CPython tells. */
bool rec_read_item(PyObject *in, PyObject *key, PyObject **item);
/* `may_lack`: so may that it is not there. */
bool rec_read_attribute(PyObject *o, PyObject *name, bool may_lack, PyObject **value);
/* A function or a method of its class, which the instance has none of its own instead of. NULL: it is something else. */
PyObject *rec_method_for(PyObject *o, PyObject *name);
/* What assigning to the attribute lets go of, if anything. */
bool rec_may_set_attribute(PyObject *o, PyObject *name, PyObject **before);

#pragma GCC visibility pop
#endif
