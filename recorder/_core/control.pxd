# How the polled fields of the shared memory (format.pxd) are read and written, and the page as a class.
from libc.stdint cimport uint32_t, uint64_t

from recorder._core.format cimport RecControl


cdef extern from *:
    """
    static inline uint32_t rec_load_u32(const uint32_t *at)
    {
        return __atomic_load_n(at, __ATOMIC_ACQUIRE);
    }
    static inline uint64_t rec_load_u64(const uint64_t *at)
    {
        return __atomic_load_n(at, __ATOMIC_ACQUIRE);
    }
    static inline void rec_store_u32(uint32_t *at, uint32_t value)
    {
        __atomic_store_n(at, value, __ATOMIC_RELEASE);
    }
    static inline void rec_store_u64(uint64_t *at, uint64_t value)
    {
        __atomic_store_n(at, value, __ATOMIC_RELEASE);
    }
    """
    uint32_t load_u32 "rec_load_u32"(const uint32_t *at) noexcept nogil
    uint64_t load_u64 "rec_load_u64"(const uint64_t *at) noexcept nogil
    void store_u32 "rec_store_u32"(uint32_t *at, uint32_t value) noexcept nogil
    void store_u64 "rec_store_u64"(uint64_t *at, uint64_t value) noexcept nogil


cdef class ControlFields:
    cdef RecControl *page
    cdef int mapped(self) except -1


cdef class ControlPage(ControlFields):
    cdef readonly object path
    cdef bytes encoded_path
    cdef bint was_lost
