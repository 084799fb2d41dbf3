/* See clients.h. A client is known by the names of a function and its file, and of attributes, all of which are its own
 * affair: where a version has others, what it does is not told. */
#include "known/clients.h"
#include "cpython/instances.h"
#include "cpython/objects.h"
#include "tape/records.h"
#include <string.h>

static PyObject *attribute(PyObject *object, const char *name)
{
    return object == NULL ? NULL : rec_attribute(object, name);
}

static const char *scheme_in(PyObject *text)
{
    static const char *const known[] = {"http", "https", "ws", "wss"};
    for (size_t i = 0; text != NULL && i < sizeof(known) / sizeof(known[0]); i++) {
        if (PyUnicode_CheckExact(text) ? rec_str_is(text, known[i])
                                       : PyBytes_CheckExact(text) && strcmp(PyBytes_AS_STRING(text), known[i]) == 0)
            return known[i];
    }
    return NULL;
}

/* http.client's putrequest(self, method, url), which urllib, urllib3 and requests call as well. */
static void read_http_client(PyObject *const arguments[3], rec_request *request)
{
    PyObject *self = arguments[0], *name = rec_heap_type_name(Py_TYPE(self));
    request->scheme = name != NULL && rec_str_matches(name, "*https*") ? "https" : "http";
    request->method = arguments[1];
    request->path = arguments[2];
    request->port = attribute(self, "port");
    request->host = attribute(self, "_tunnel_host");
    if (request->host == NULL || request->host == Py_None)
        request->host = attribute(self, "_dns_host"); /* urllib3's */
    if (request->host == NULL)
        request->host = attribute(self, "host");
}

/* handle_request(self, request): of httpx, among others. */
static void read_httpcore(PyObject *const arguments[3], rec_request *request)
{
    PyObject *url = attribute(arguments[1], "url");
    request->method = attribute(arguments[1], "method");
    request->scheme = scheme_in(attribute(url, "scheme"));
    request->host = attribute(url, "host");
    request->port = attribute(url, "port");
    request->path = attribute(url, "target");
}

/* aiohttp's ClientRequest.send(self, …), which has an address of yarl's. */
static void read_aiohttp(PyObject *const arguments[3], rec_request *request)
{
    PyObject *url = attribute(arguments[0], "url"), *parts = attribute(url, "_val");
    request->method = attribute(arguments[0], "method");
    if (parts != NULL && PyTuple_Check(parts) && rec_size(parts) == 5) { /* before its version 1.15 */
        request->scheme = scheme_in(rec_tuple_items(parts)[0]);
        request->host = rec_tuple_items(parts)[1];
        request->path = rec_tuple_items(parts)[2];
        request->query = rec_tuple_items(parts)[3];
    } else {
        request->scheme = scheme_in(attribute(url, "_scheme"));
        request->host = attribute(url, "_netloc");
        request->path = attribute(url, "_path");
        request->query = attribute(url, "_query");
    }
}

static const rec_client CLIENTS[] = {
    {"http.client", "HTTPConnection.putrequest", "*/http/client.py", REC_LOG_HTTP, read_http_client},
    {"httpcore", "ConnectionPool.handle_request", "*/httpcore/*", REC_LOG_HTTP, read_httpcore},
    {"httpcore", "AsyncConnectionPool.handle_async_request", "*/httpcore/*", REC_LOG_HTTP, read_httpcore},
    {"aiohttp", "ClientRequest.send", "*/aiohttp/client_reqrep.py", REC_LOG_HTTP, read_aiohttp},
    {"psycopg", "Cursor.execute", "*/psycopg/cursor.py", REC_LOG_SQL, NULL},
    {"psycopg", "Cursor.executemany", "*/psycopg/cursor.py", REC_LOG_SQL, NULL},
    {"psycopg", "AsyncCursor.execute", "*/psycopg/cursor_async.py", REC_LOG_SQL, NULL},
    {"psycopg", "AsyncCursor.executemany", "*/psycopg/cursor_async.py", REC_LOG_SQL, NULL},
    {"pg8000", "Cursor.execute", "*/pg8000/*", REC_LOG_SQL, NULL},
    {"pymysql", "Cursor.execute", "*/pymysql/cursors.py", REC_LOG_SQL, NULL},
    {"mysqlclient", "BaseCursor.execute", "*/mysqldb/cursors.py", REC_LOG_SQL, NULL},
    {"mysql.connector", "MySQLCursor.execute", "*/mysql/connector/cursor.py", REC_LOG_SQL, NULL},
};

const rec_client *rec_client_of(PyObject *function, PyObject *file)
{
    for (size_t i = 0; i < sizeof(CLIENTS) / sizeof(CLIENTS[0]); i++)
        if (rec_str_is(function, CLIENTS[i].function) && PyUnicode_CheckExact(file)
            && rec_str_matches(file, CLIENTS[i].file))
            return &CLIENTS[i];
    return NULL;
}
