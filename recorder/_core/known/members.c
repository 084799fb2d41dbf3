/* Values of types written in C that no row of table.c names: what their tables of members say is read in place. Getters
 * are not asked: their code is not known here. */
#include "known/readers.h"
#include "cpython/instances.h"
#include "value/walk.h"

#ifndef Py_RELATIVE_OFFSET
#define Py_RELATIVE_OFFSET 8
#endif

/* Not what is the type's own affair: __dictoffset__, and what its module is called by. But all that there is to say of a
 * variable of the module typing. */
static bool is_public(const char *name)
{
    static const char *const told[] = {"__name__", "__covariant__", "__contravariant__", "__infer_variance__"};
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
        if (strcmp(name, told[i]) == 0)
            return true;
    return 'a' <= *name && *name <= 'z'; /* and no class that its module has as well */
}

static bool is_readable(PyTypeObject *type, const PyMemberDef *member)
{
    Py_ssize_t size;
    switch (member->type) {
    case T_OBJECT:
    case T_OBJECT_EX:
    case T_PYSSIZET:
    case T_LONG:
    case T_ULONG:
    case T_LONGLONG:
        size = 8;
        break;
    case T_INT:
    case T_UINT:
        size = 4;
        break;
    case T_BOOL:
        size = 1;
        break;
    default:
        return false;
    }
    return is_public(member->name) && !(member->flags & Py_RELATIVE_OFFSET)
           && member->offset >= (Py_ssize_t)sizeof(PyObject) && member->offset + size <= type->tp_basicsize;
}

const PyMemberDef *rec_members_next(rec_members *members)
{
    while (members->type != NULL) {
        const PyMemberDef *member = members->next;
        if (member == NULL || member->name == NULL) {
            members->type = members->type->tp_base;
            members->next = members->type != NULL ? members->type->tp_members : NULL;
            continue;
        }
        members->next++;
        if (is_readable(members->type, member))
            return member;
    }
    return NULL;
}

int rec_members_begin(rec_members *members, PyTypeObject *type)
{
    int count = 0;
    while (type != NULL && rec_is_type_of_python(type))
        type = type->tp_base;
    *members = (rec_members){type, type != NULL ? type->tp_members : NULL};
    rec_members counted = *members;
    while (rec_members_next(&counted) != NULL)
        count++;
    return count;
}

PyObject *rec_member_of(PyObject *object, const PyMemberDef *member, int64_t *number)
{
    const char *place = (const char *)object + member->offset;
    PyObject *held;
    switch (member->type) {
    case T_OBJECT:
    case T_OBJECT_EX:
        held = *(PyObject *const *)place;
        return held != NULL ? held : Py_None;
    case T_BOOL:
        return *place ? Py_True : Py_False;
    case T_INT:
        *number = *(const int *)place;
        return NULL;
    case T_UINT:
        *number = *(const unsigned *)place;
        return NULL;
    default:
        *number = *(const int64_t *)place;
        return NULL;
    }
}

rec_reading rec_read_members(PyObject *object, PyTypeObject *type, rec_form *form)
{
    form->parts[form->count++] = (rec_part){.kind = REC_PART_MEMBERS, .object = object};
    return REC_LAYOUT_PROVED;
}
