/*
 * A disk that fails on demand: preloaded into the victim of a test, it stands between the process and one flat folder.
 *
 * Power loss: a shadow folder gets a file's bytes when the file is synced, and the names (made, renamed, removed) when
 * the folder is synced. After `kill -9` the shadow is what a disk would hold that had kept nothing it did not have to.
 * Nothing is really synced, so it is fast. What is there at the start counts as kept.
 *
 * Faults: a full disk, a failed sync, a failed read, from the moment on at which the file DISK_SWITCH exists, until it
 * does not. A sync that failed forgets what it was to keep, as Linux does: a second one would succeed and keep nothing.
 *
 *   DISK_FOLDER        the folder, absolute; its parent must exist
 *   DISK_SHADOW        the shadow, which must not exist; absent: none is kept
 *   DISK_REMOVALS=soon removed names leave the shadow at once, not at the folder's sync
 *   DISK_POWER=n       kills the process in place of the n-th sync
 *   DISK_SWITCH        the file that switches the following on
 *   DISK_FULL=n        n bytes fit, then ENOSPC
 *   DISK_SYNC=part:n   the n-th sync of files with this in their names fails with EIO; `.` is the folder
 *   DISK_READ=part     reads of files with this in their names fail with EIO
 *
 * It knows the calls RocksDB and the Rust standard library make: open, write, pwrite, ftruncate, fsync, fdatasync,
 * unlink, pread. sync_file_range promises nothing, so it counts for nothing. With our settings RocksDB neither maps
 * files nor opens them with O_DIRECT. A write by a call that is not here never reaches the shadow, and the test fails.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILES_MAX 4096

/* Of each open file of the folder: its name ("" for other files), where it changed first since the last sync, and
 * whether a sync has failed. */
static struct {
    char name[64];
    off_t changed;
    int failed;
} files[FILES_MAX];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *folder, *shadow_wanted, *removals, *gate, *sync_fails, *read_fails;
static char shadow[4096]; /* with ".orphan" at its end until the folder's own name is kept */
static char bytes_of[4096]; /* the folder of the kept bytes, by inode */
static long power = -1, room = -1, syncs_left = -1;

/* The real calls; ours would come back here. */
#define real_open(path, flags) syscall(SYS_openat, AT_FDCWD, path, flags, 0644)
#define real_close(fd) syscall(SYS_close, fd)
#define real_pread(fd, to, count, at) syscall(SYS_pread64, fd, to, count, at)
#define real_pwrite(fd, from, count, at) syscall(SYS_pwrite64, fd, from, count, at)
#define real_unlink(path) syscall(SYS_unlinkat, AT_FDCWD, path, 0)

static void must(int ok, const char *what) {
    if (!ok) {
        perror(what);
        abort();
    }
}

static char *path_in(char *to, const char *parent, const char *name) {
    snprintf(to, 4096, "%s/%s", parent, name);
    return to;
}

static char *kept_bytes(char *to, ino_t inode) {
    snprintf(to, 4096, "%s/%lu", bytes_of, (unsigned long)inode);
    return to;
}

/* The name of a path in the folder, "." for the folder, NULL for all else. */
static const char *name_of(const char *path) {
    size_t length = folder ? strlen(folder) : 0;
    if (!length || strncmp(path, folder, length))
        return NULL;
    path += length;
    path += strspn(path, "/");
    return *path ? (strchr(path, '/') ? NULL : path) : ".";
}

static int ours(int fd) {
    return fd >= 0 && fd < FILES_MAX && files[fd].name[0];
}

static int switched_on(void) {
    return gate && syscall(SYS_faccessat, AT_FDCWD, gate, F_OK) == 0;
}

/* Keeps the bytes of a file from `at` on, and its length. */
static void keep_bytes(const char *path, off_t at) {
    static char buffer[1 << 16];
    char to[4096];
    struct stat now;
    ssize_t count;
    int in = real_open(path, O_RDONLY);
    must(in >= 0 && !fstat(in, &now), path);
    int out = real_open(kept_bytes(to, now.st_ino), O_WRONLY | O_CREAT);
    must(out >= 0, to);
    for (; (count = real_pread(in, buffer, sizeof buffer, at)) > 0; at += count)
        must(real_pwrite(out, buffer, count, at) == count, to);
    must(!syscall(SYS_ftruncate, out, now.st_size), to);
    real_close(in);
    real_close(out);
}

/* Calls `then` for the name of every file in a folder. */
static void each_file(const char *parent, void (*then)(const char *name)) {
    DIR *names = opendir(parent);
    must(names != NULL, parent);
    for (struct dirent *entry; (entry = readdir(names));)
        if (entry->d_type == DT_REG)
            then(entry->d_name);
    closedir(names);
}

static void keep_name(const char *name) {
    char bytes[4096], kept[4096], new[4096], path[4096];
    struct stat now, before;
    if (stat(path_in(path, folder, name), &now))
        return; /* removed meanwhile */
    kept_bytes(bytes, now.st_ino);
    real_close(real_open(bytes, O_WRONLY | O_CREAT)); /* never synced: empty */
    must(!stat(bytes, &now), bytes);
    if (!stat(path_in(kept, shadow, name), &before) && before.st_ino == now.st_ino)
        return;
    must(!link(bytes, path_in(new, bytes_of, "new")) && !rename(new, kept), kept);
}

static void forget_if_gone(const char *name) {
    char path[4096];
    struct stat now;
    if (stat(path_in(path, folder, name), &now))
        real_unlink(path_in(path, shadow, name));
}

static void keep_names(void) {
    each_file(folder, keep_name);
    each_file(shadow, forget_if_gone);
}

static void keep_folder(void) {
    if (strcmp(shadow, shadow_wanted)) {
        must(!rename(shadow, shadow_wanted), shadow_wanted);
        strcpy(shadow, shadow_wanted);
    }
}

static void keep_at_start(const char *name) {
    char path[4096];
    keep_bytes(path_in(path, folder, name), 0);
}

static long number(const char *variable) {
    const char *value = getenv(variable);
    return value ? atol(value) : -1;
}

__attribute__((constructor)) static void start(void) {
    folder = getenv("DISK_FOLDER");
    shadow_wanted = getenv("DISK_SHADOW");
    removals = getenv("DISK_REMOVALS");
    gate = getenv("DISK_SWITCH");
    sync_fails = getenv("DISK_SYNC");
    read_fails = getenv("DISK_READ");
    power = number("DISK_POWER");
    room = number("DISK_FULL");
    if (sync_fails)
        syncs_left = atol(strchr(sync_fails, ':') + 1);
    if (!folder || !shadow_wanted)
        return;
    snprintf(shadow, sizeof shadow, "%s.orphan", shadow_wanted);
    snprintf(bytes_of, sizeof bytes_of, "%s.bytes", shadow_wanted);
    must(!mkdir(shadow, 0755) && !mkdir(bytes_of, 0755), shadow);
    if (access(folder, F_OK) == 0) {
        each_file(folder, keep_at_start);
        keep_names();
        keep_folder();
    }
}

static int open_as(int at, const char *path, int flags, mode_t mode) {
    const char *name = name_of(path);
    struct stat now;
    char stale[4096];
    pthread_mutex_lock(&lock);
    int is_new = name && (flags & O_CREAT) && stat(path, &now);
    int fd = syscall(SYS_openat, at, path, flags, mode);
    if (fd >= 0 && fd < FILES_MAX) {
        /* Changed from 0 on: another descriptor may have written what this one syncs. */
        memset(&files[fd], 0, sizeof files[fd]);
        if (name)
            snprintf(files[fd].name, sizeof files[fd].name, "%s", name);
    }
    if (fd >= 0 && is_new && shadow_wanted && !fstat(fd, &now))
        real_unlink(kept_bytes(stale, now.st_ino)); /* of a removed file that had this inode */
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

#define MODE_OF(flags)                              \
    mode_t mode = 0;                                \
    if (flags & (O_CREAT | __O_TMPFILE)) {          \
        va_list rest;                               \
        va_start(rest, flags);                      \
        mode = va_arg(rest, mode_t);                \
        va_end(rest);                               \
    }

int open(const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_as(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_as(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

int openat64(int at, const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_as(at, path, flags | O_LARGEFILE, mode);
}

int close(int fd) {
    if (ours(fd))
        files[fd].name[0] = 0;
    return real_close(fd);
}

/* How much of a write fits; when nothing does, 0 with `errno` set. */
static size_t fitting(int fd, size_t count) {
    if (room < 0 || !ours(fd) || !switched_on())
        return count;
    pthread_mutex_lock(&lock);
    count = count < (size_t)room ? count : (size_t)room;
    room -= count;
    pthread_mutex_unlock(&lock);
    errno = ENOSPC;
    return count;
}

static void changed(int fd, off_t at) {
    pthread_mutex_lock(&lock);
    if (ours(fd) && at < files[fd].changed)
        files[fd].changed = at;
    pthread_mutex_unlock(&lock);
}

ssize_t write(int fd, const void *from, size_t count) {
    size_t fits = fitting(fd, count);
    if (count && !fits)
        return -1;
    ssize_t written = syscall(SYS_write, fd, from, fits);
    if (written > 0 && ours(fd))
        changed(fd, lseek(fd, 0, SEEK_CUR) - written);
    return written;
}

ssize_t pwrite(int fd, const void *from, size_t count, off_t at) {
    size_t fits = fitting(fd, count);
    if (count && !fits)
        return -1;
    ssize_t written = real_pwrite(fd, from, fits, at);
    changed(fd, at);
    return written;
}

int ftruncate(int fd, off_t length) {
    int result = syscall(SYS_ftruncate, fd, length);
    changed(fd, length);
    return result;
}

int unlink(const char *path) {
    const char *name = name_of(path);
    char kept[4096];
    int result = real_unlink(path);
    if (result == 0 && name && shadow_wanted && removals)
        real_unlink(path_in(kept, shadow, name));
    return result;
}

ssize_t pread(int fd, void *to, size_t count, off_t at) {
    if (read_fails && ours(fd) && strstr(files[fd].name, read_fails) && switched_on()) {
        errno = EIO;
        return -1;
    }
    return real_pread(fd, to, count, at);
}

/* Whether this is the sync that is to fail. */
static int fails(int fd) {
    if (syncs_left <= 0)
        return 0;
    char part[64];
    snprintf(part, sizeof part, "%.*s", (int)strcspn(sync_fails, ":"), sync_fails);
    int is_folder = !strcmp(files[fd].name, ".");
    int meant = !strcmp(part, ".") ? is_folder : strstr(files[fd].name, part) != NULL;
    return meant && switched_on() && --syncs_left == 0;
}

static int is_parent(int fd) {
    char parent[4096], name[64];
    struct stat is, wanted;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    return folder && shadow_wanted && !stat(path_in(parent, folder, ".."), &wanted) && !stat(name, &is)
        && is.st_ino == wanted.st_ino && is.st_dev == wanted.st_dev;
}

static int sync_as(int fd) {
    int result = 0;
    char path[64];
    struct stat now;
    pthread_mutex_lock(&lock);
    must(!fstat(fd, &now), "sync");
    int counts = ours(fd) || is_parent(fd);
    if (counts && power > 0 && --power == 0)
        kill(getpid(), SIGKILL);
    if (ours(fd) && files[fd].failed)
        fprintf(stderr, "SYNCED AGAIN: %s\n", files[fd].name);
    if (ours(fd) && fails(fd)) {
        files[fd].failed = 1;
        files[fd].changed = now.st_size; /* forgotten */
        errno = EIO;
        result = -1;
    } else if (ours(fd) && shadow_wanted && !strcmp(files[fd].name, ".")) {
        keep_names();
    } else if (ours(fd) && shadow_wanted) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        keep_bytes(path, files[fd].changed);
        files[fd].changed = now.st_size; /* what is written meanwhile is below or beyond, and changes it again */
    } else if (counts && shadow_wanted) {
        keep_folder();
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int fsync(int fd) {
    return sync_as(fd);
}

int fdatasync(int fd) {
    return sync_as(fd);
}

ssize_t pwrite64(int fd, const void *from, size_t count, off_t at) {
    return pwrite(fd, from, count, at);
}

ssize_t pread64(int fd, void *to, size_t count, off_t at) {
    return pread(fd, to, count, at);
}

int ftruncate64(int fd, off_t length) {
    return ftruncate(fd, length);
}
