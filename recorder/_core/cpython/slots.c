/* CPython sorts the names of __slots__ before it lays out an instance; a class statement, a dataclass and attrs show them
 * as they were declared, and msgspec as `__struct_fields__` has them. What was found of a class is kept for the next look. */
#include "cpython/slots.h"
#include "cpython/instances.h"
#include "cpython/objects.h"
#include <structmember.h>

enum { KEPT = 256 };

static bool are_equal(PyObject *a, PyObject *b)
{
    return a == b || (PyUnicode_CheckExact(b) && PyUnicode_Compare(a, b) == 0);
}

/* Puts those from `from` on that `names` has before the others, as `names` has them. */
static void order(rec_slot_list *list, int from, PyObject *names)
{
    if (names == NULL || !(PyTuple_CheckExact(names) || PyList_CheckExact(names)))
        return;
    for (Py_ssize_t n = 0; n < PySequence_Fast_GET_SIZE(names); n++)
        for (int i = from; i < list->count; i++) {
            const rec_slot found = list->slot[i];
            if (!are_equal(found.name, PySequence_Fast_GET_ITEM(names, n)))
                continue;
            for (; i > from; i--)
                list->slot[i] = list->slot[i - 1];
            list->slot[from++] = found;
            break;
        }
}

static bool add_own(PyTypeObject *type, rec_slot_list *list)
{
    PyObject *names = ((PyHeapTypeObject *)type)->ht_slots;
    const PyMemberDef *members = type->tp_members;
    int from = list->count;
    if (names == NULL || !PyTuple_CheckExact(names) || members == NULL)
        return true;
    for (Py_ssize_t n = 0; n < PyTuple_GET_SIZE(names); n++) {
        PyObject *name = PyTuple_GET_ITEM(names, n);
        if (members[n].name == NULL || members[n].type != T_OBJECT_EX || !PyUnicode_CheckExact(name))
            continue;
        if (list->count == REC_MOST_ORDERED)
            return false;
        list->slot[list->count++] = (rec_slot){name, members[n].offset};
    }
    order(list, from, type->tp_dict != NULL ? rec_dict_find(type->tp_dict, "__slots__") : NULL);
    return true;
}

static bool add(PyTypeObject *type, rec_slot_list *list)
{
    if (type == NULL || !(type->tp_flags & Py_TPFLAGS_HEAPTYPE))
        return true;
    return add(type->tp_base, list) && add_own(type, list);
}

/* Of a class of msgspec's, the names of all fields, which its metaclass keeps in C. */
static PyObject *struct_fields(PyTypeObject *type)
{
    for (const PyTypeObject *meta = Py_TYPE(type); meta != NULL; meta = meta->tp_base)
        for (const PyMemberDef *member = meta->tp_members; member != NULL && member->name != NULL; member++)
            if (strcmp(member->name, "__struct_fields__") == 0 && (member->type == T_OBJECT_EX || member->type == T_OBJECT))
                return *(PyObject **)((char *)type + member->offset);
    return NULL;
}

static void fill(PyTypeObject *type, rec_slot_list *list)
{
    *list = (rec_slot_list){.type = type, .version = type->tp_version_tag};
    if (!add(type, list))
        list->count = -1;
    else
        order(list, 0, struct_fields(type));
}

const rec_slot_list *rec_slots_in_order(PyTypeObject *type)
{
    static rec_slot_list kept[KEPT];
    rec_slot_list *list = &kept[((uintptr_t)type >> 4) * 2654435761u >> 8 & (KEPT - 1)];
    if (list->type != type || list->version != type->tp_version_tag || list->version == 0) /* 0: it is in no state yet */
        fill(type, list);
    return list->count >= 0 ? list : NULL;
}
