/* The addresses of a socket. */
#ifndef RECORDER_SOCKETS_H
#define RECORDER_SOCKETS_H
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#pragma GCC visibility push(hidden)

typedef enum {
    REC_ADDRESS_NONE,    /* it has none, or it is of a family that is not asked */
    REC_ADDRESS_INET,    /* a tuple of host and port */
    REC_ADDRESS_INET6,   /* likewise, with flow and scope */
    REC_ADDRESS_PATH,    /* of AF_UNIX: a text */
    REC_ADDRESS_BYTES    /* likewise, of a name that is no file's, or has other than ASCII characters */
} rec_address_kind;

typedef struct {
    rec_address_kind kind;
    char text[128];      /* the host, or the path: no zero ends it */
    size_t size;
    uint32_t port, flow, scope;
} rec_address;

/* False: none is known. */
bool rec_address_of(int64_t fd, int64_t family, bool is_peer, rec_address *address);

#pragma GCC visibility pop
#endif
