#include "cpython/internal.h"
#include "cpython/monitoring_table.h"
#if REC_CPYTHON_KNOWN && PY_VERSION_HEX >= 0x030C0000
#include <internal/pycore_interp.h>
#endif

bool rec_forget_callable(int tool, int event, PyObject *function)
{
#if REC_CPYTHON_KNOWN && PY_VERSION_HEX >= 0x030C0000
    if (tool >= 0 && tool < PY_MONITORING_TOOL_IDS && event >= 0 && event < _PY_MONITORING_EVENTS) {
        PyObject **place = &PyInterpreterState_Get()->monitoring_callables[tool][event];
        if (*place == function) {
            *place = NULL;
            Py_DECREF(function);
        }
        return true;
    }
#endif
    (void)tool, (void)event, (void)function;
    return false;
}
