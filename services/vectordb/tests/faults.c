/* Loaded before libc: while the file named by ASKMESH_FAULTS holds "sync", nothing reaches the disk; with "full",
   there is no room on it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <fcntl.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int ordered(const char *what) {
    char found[8] = {0};
    const char *path = getenv("ASKMESH_FAULTS");
    int file = path ? open(path, O_RDONLY) : -1;
    if (file < 0) return 0;
    ssize_t length = read(file, found, sizeof found - 1);
    close(file);
    return length > 0 && strncmp(found, what, strlen(what)) == 0;
}

#define REAL(name, ...) \
    static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name); \
    return real(__VA_ARGS__)

int fsync(int file) { if (ordered("sync")) { errno = EIO; return -1; } REAL(fsync, file); }
int fdatasync(int file) { if (ordered("sync")) { errno = EIO; return -1; } REAL(fdatasync, file); }

#define NO_ROOM if (file > 2 && ordered("full")) { errno = ENOSPC; return -1; }
ssize_t write(int file, const void *data, size_t size) { NO_ROOM REAL(write, file, data, size); }
ssize_t pwrite(int file, const void *data, size_t size, off_t at) { NO_ROOM REAL(pwrite, file, data, size, at); }
ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) { NO_ROOM REAL(pwrite64, file, data, size, at); }
