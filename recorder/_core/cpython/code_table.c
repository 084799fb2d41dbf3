/* See code_table.h. */
#include "cpython/code_table.h"
#include <stdlib.h>

rec_code_table rec_codes;
static const RecSys *calls;
static void (*code_gone)(void *known);

/* What follows a freed place moves up, so that no search ends too early. */
void rec_forget_code(PyObject *code)
{
    rec_code_entry *entries = rec_codes.entries;
    size_t mask = rec_codes.mask, hole = rec_code_bucket(code);
    while (entries[hole].code != code) {
        if (entries[hole].code == NULL)
            return;
        hole = (hole + 1) & mask;
    }
    void *known = entries[hole].known;
    for (size_t at = (hole + 1) & mask; entries[at].code != NULL; at = (at + 1) & mask) {
        size_t bucket = rec_code_bucket(entries[at].code);
        if (((at - bucket) & mask) >= ((at - hole) & mask)) {
            entries[hole] = entries[at];
            hole = at;
        }
    }
    entries[hole] = (rec_code_entry){NULL, NULL};
    rec_codes.used--;
    code_gone(known);
}

static void put(PyObject *code, void *known)
{
    size_t at = rec_code_bucket(code);
    while (rec_codes.entries[at].code != NULL)
        at = (at + 1) & rec_codes.mask;
    rec_codes.entries[at] = (rec_code_entry){code, known};
    rec_codes.used++;
}

static bool resize(size_t size)
{
    rec_code_table old = rec_codes;
    rec_code_entry *entries = calls->calloc(size, sizeof(rec_code_entry));
    if (entries == NULL)
        return false;
    rec_codes = (rec_code_table){entries, size - 1, 0};
    for (size_t i = 0; old.entries != NULL && i <= old.mask; i++)
        if (old.entries[i].code != NULL)
            put(old.entries[i].code, old.entries[i].known);
    free(old.entries);
    return true;
}

bool rec_know(PyObject *code, void *known)
{
    if (rec_codes.used * 2 > rec_codes.mask && !resize((rec_codes.mask + 1) * 2))
        return false;
    put(code, known);
    return true;
}

#if PY_VERSION_HEX >= 0x030C0000
static int on_code(PyCodeEvent event, PyCodeObject *code)
{
    if (event == PY_CODE_EVENT_DESTROY)
        rec_forget_code((PyObject *)code);
    return 0;
}

static bool watch(void)
{
    if (PyCode_AddWatcher(on_code) >= 0)
        return true;
    PyErr_Clear();
    return false;
}
#else
static destructor free_code_object;

static void on_free(PyObject *code)
{
    rec_forget_code(code);
    free_code_object(code);
}

static bool watch(void)
{
    free_code_object = PyCode_Type.tp_dealloc;
    PyCode_Type.tp_dealloc = on_free;
    return true;
}
#endif

rec_watch_outcome rec_watch_codes(const RecSys *sys, void (*gone)(void *known))
{
    calls = sys;
    if (code_gone != NULL)
        return REC_WATCHING;
    if (rec_codes.entries == NULL && !resize(4096))
        return REC_WATCH_MEMORY;
    if (!watch())
        return REC_WATCHERS_TAKEN;
    code_gone = gone;
    return REC_WATCHING;
}
