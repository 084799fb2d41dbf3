/* contextvars.Context: a tree of which CPython's own functions visit each variable behind its value. How many there are
 * is what the context says itself: so that a tree of another shape is noticed. */
#include "known/contexts.h"
#include "known/readers.h"

typedef struct {
    PyObject **pairs;
    Py_ssize_t room, count;
    PyObject *value;     /* of the variable that comes next */
    bool is_other;       /* it is none of the known shape */
} gathering;

static bool is_of_tree(PyObject *object)
{
    static const char *const names[] = {"hamt", "hamt_array_node", "hamt_bitmap_node", "hamt_collision_node"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(Py_TYPE(object)->tp_name, names[i]) == 0)
            return true;
    return false;
}

static int on_visit(PyObject *object, void *arg)
{
    gathering *found = arg;
    if (found->value == NULL && is_of_tree(object) && Py_TYPE(object)->tp_traverse != NULL)
        return Py_TYPE(object)->tp_traverse(object, on_visit, arg);
    if (found->value == NULL) {
        found->value = object;
        return 0;
    }
    if (!PyContextVar_CheckExact(object)) {
        found->is_other = true;
        return 1;
    }
    if (found->count < found->room) {
        found->pairs[2 * found->count] = object;
        found->pairs[2 * found->count + 1] = found->value;
    }
    found->count++;
    found->value = NULL;
    return 0;
}

/* The one that was current before, which is not of this one, stands beside the tree. */
static int on_part(PyObject *object, void *arg)
{
    return is_of_tree(object) ? on_visit(object, arg) : 0;
}

Py_ssize_t rec_context_pairs(PyObject *context, PyObject **pairs, Py_ssize_t room)
{
    gathering found = {pairs, room, 0, NULL, false};
    if (PyContext_Type.tp_traverse == NULL)
        return -1;
    (void)PyContext_Type.tp_traverse(context, on_part, &found); /* audit: on_visit's own answer */
    return found.is_other || found.value != NULL ? -1 : found.count;
}

rec_reading rec_read_context(PyObject *object, PyTypeObject *type, rec_form *form)
{
    PyMappingMethods *methods = type->tp_as_mapping;
    if (type != &PyContext_Type || rec_find_member(&PyContextVar_Type, "name") == NULL || methods == NULL
        || methods->mp_length == NULL || methods->mp_length(object) != rec_context_pairs(object, NULL, 0))
        return REC_LAYOUT_UNKNOWN;
    form->parts[form->count++] = (rec_part){.kind = REC_PART_CONTEXT, .object = object};
    return REC_LAYOUT_PROVED;
}

PyObject *rec_context_name(PyObject *variable)
{
    static const PyMemberDef *name;
    if (name == NULL)
        name = rec_find_member(&PyContextVar_Type, "name");
    return name != NULL && name->type == T_OBJECT ? *(PyObject **)((char *)variable + name->offset) : NULL;
}

/* ---- Token ---- */

typedef struct {         /* _pycontexttokenobject of pycore_context.h */
    PyObject_HEAD
    PyObject *context, *variable, *before;
    int is_used;
} token_object;

/* Behind the variable and the value before: whether the variable was reset by it. */
rec_reading rec_read_token(PyObject *object, PyTypeObject *type, rec_form *form)
{
    token_object *token = (token_object *)object;
    if (type->tp_basicsize < (Py_ssize_t)sizeof(token_object))
        return REC_LAYOUT_UNKNOWN;
    PyObject *const held[] = {token->context, token->variable, token->before};
    if (!rec_holds_in_order(object, type, held, 3)
        || (token->is_used != 0 && token->is_used != 1))
        return REC_LAYOUT_UNKNOWN;
    rec_add_object(form, token->is_used ? Py_True : Py_False);
    return REC_LAYOUT_PROVED;
}
