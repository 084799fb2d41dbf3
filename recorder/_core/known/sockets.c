/* Where a socket is bound to, and whom it is connected to. Python keeps neither, so that the kernel is asked, as the
 * socket's own repr does: two system calls that wait for nobody and change nothing. They are made for a descriptor of
 * the families that Python's own `accept` asks likewise, and count as what takes as long. */
#include "known/sockets.h"
#include "known/readers.h"
#include "value/walk.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

enum { AS_ELEMENTS = 60 }; /* of a container that take as long as one such call */

static bool is_asked(int64_t family) { return family == AF_INET || family == AF_INET6 || family == AF_UNIX; }

static bool read_internet(const struct sockaddr_storage *said, rec_address *address)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)said;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)said;
    bool is_six = said->ss_family == AF_INET6;
    const void *host = is_six ? (const void *)&six->sin6_addr : (const void *)&four->sin_addr;
    address->kind = is_six ? REC_ADDRESS_INET6 : REC_ADDRESS_INET;
    address->port = ntohs(is_six ? six->sin6_port : four->sin_port);
    address->flow = is_six ? ntohl(six->sin6_flowinfo) : 0;
    address->scope = is_six ? six->sin6_scope_id : 0;
    if (inet_ntop(said->ss_family, host, address->text, sizeof(address->text)) == NULL)
        return false;
    address->size = strlen(address->text);
    return true;
}

static bool is_ascii(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] > 127)
            return false;
    return true;
}

/* Without the zero at the end of a path; a name of Linux's own begins with one. */
static bool read_path(const struct sockaddr_storage *said, socklen_t size, rec_address *address)
{
    const struct sockaddr_un *local = (const struct sockaddr_un *)said;
    size_t given = size > offsetof(struct sockaddr_un, sun_path) ? size - offsetof(struct sockaddr_un, sun_path) : 0;
    if (given > sizeof(local->sun_path))
        return false;
    bool is_file = given == 0 || local->sun_path[0] != 0;
    address->size = is_file ? strnlen(local->sun_path, given) : given;
    address->kind = is_file && is_ascii(local->sun_path, address->size) ? REC_ADDRESS_PATH : REC_ADDRESS_BYTES;
    memcpy(address->text, local->sun_path, address->size);
    return true;
}

bool rec_address_of(int64_t fd, int64_t family, bool is_peer, rec_address *address)
{
    struct sockaddr_storage said;
    socklen_t size = sizeof(said);
    int kept = errno;
    address->kind = REC_ADDRESS_NONE;
    if (fd < 0 || fd > INT32_MAX || !is_asked(family))
        return false;
    rec_count_items(AS_ELEMENTS);
    int status = is_peer ? getpeername((int)fd, (struct sockaddr *)&said, &size)
                         : getsockname((int)fd, (struct sockaddr *)&said, &size);
    errno = kept;
    if (status != 0 || size > sizeof(said) || size < sizeof(said.ss_family) || said.ss_family != family)
        return false;
    bool read = family == AF_UNIX ? read_path(&said, size, address) : read_internet(&said, address);
    if (!read)
        address->kind = REC_ADDRESS_NONE;
    return read;
}

/* Behind the descriptor and the family: both are known by then. */
rec_reading rec_read_addresses(PyObject *object, PyTypeObject *type, rec_form *form)
{
    const rec_part *parts = form->parts;
    if (parts[0].kind != REC_PART_NUMBER || parts[1].kind != REC_PART_NUMBER)
        return REC_LAYOUT_UNKNOWN;
    for (int i = 0; i < 2; i++) {
        form->parts[form->count].kind = REC_PART_ADDRESS;
        form->parts[form->count].address.fd = parts[0].number;
        form->parts[form->count].address.family = parts[1].number;
        form->parts[form->count++].address.is_peer = i == 0;
    }
    return REC_LAYOUT_PROVED;
}
