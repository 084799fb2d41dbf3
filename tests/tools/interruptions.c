/* The part of tests/tools/interruptions.py that has to be C: Python code in its place would itself be interrupted.

   An instant is one at which CPython makes pending calls. The call asks for itself again, so that it is made at the
   next one, too. On 3.11 a traced function that begins while one is asked for, and another is made, does not get
   beyond its first instruction. There the call rests, and a trace function asks for it at the next event. */

#include <stddef.h>

extern int Py_AddPendingCall(int (*)(void *), void *);
extern int PyErr_SetInterruptEx(int);

enum { GO_ON, REST, TRIP };

static int (*look)(void); /* the Python function that counts; its answer is one of the above */
static int number;
static int is_on, is_asked, is_looking;

static int
arrive(void *unused)
{
    (void)unused;
    is_asked = 0;
    if (!is_on || is_looking)
        return 0;
    is_looking = 1;
    int answer = look();
    is_looking = 0;
    if (answer == GO_ON) {
        is_asked = Py_AddPendingCall(arrive, NULL) == 0;
    }
    if (answer == TRIP) {
        is_on = 0;
        return PyErr_SetInterruptEx(number);
    }
    return 0;
}

void
ask(void)
{
    if (is_on && !is_asked && !is_looking)
        is_asked = Py_AddPendingCall(arrive, NULL) == 0;
}

void
begin(int (*function)(void), int signal_number)
{
    look = function;
    number = signal_number;
    is_on = 1;
    ask();
}

void
end(void)
{
    is_on = 0;
}

int
trace(void *self, void *frame, int what, void *argument)
{
    (void)self, (void)frame, (void)what, (void)argument;
    ask();
    return 0;
}
