/* Stands between a program and the file operations of its C library (LD_PRELOAD), for everything
 * below one folder:
 *
 *   FAULTS_DIR    the folder
 *   FAULTS_PLAN   "N:ACTION": at the Nth operation that changes something (from 0),
 *                 EIO      it fails
 *                 ENOSPC   it fails, a write after half of its bytes, and so does whatever needs
 *                          space from then on, until the file FAULTS_FREE exists
 *                 SHORT    a write writes half of its bytes and says so
 *                 KILL     the process is killed before it
 *                 KILLED   the process is killed behind it
 *                 READ     at the Nth read instead: it fails with EIO
 *                 FLUSH    at the Nth fsync or fdatasync instead: it fails with EIO
 *   FAULTS_SAID   a file elsewhere, of which each write is an acknowledgement to somebody
 *   FAULTS_TRACE  where each operation is written down, for making disks of it as a power cut
 *                 leaves them
 *   FAULTS_HIT    where the operation that the fault met is named, and each behind it: a letter
 *                 and a path a line
 *   FAULTS_CLOCK  a file with a number of seconds by which the time of day is wrong
 *
 * SQLite's shared memory (-shm) is no part of this: it is made anew by whoever comes first.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *dir, *space, *said;
static size_t dir_len;
static long at = -1, count, reads;
static char action[16];
static int full, met, trace = -1, hit = -1, wrong = -1;

#define REAL(name) real_##name
static int (*REAL(open))(const char *, int, ...);
static int (*REAL(openat))(int, const char *, int, ...);
static ssize_t (*REAL(write))(int, const void *, size_t);
static ssize_t (*REAL(pwrite))(int, const void *, size_t, off_t);
static ssize_t (*REAL(read))(int, void *, size_t);
static ssize_t (*REAL(pread))(int, void *, size_t, off_t);
static int (*REAL(fsync))(int);
static int (*REAL(fdatasync))(int);
static int (*REAL(ftruncate))(int, off_t);
static int (*REAL(rename))(const char *, const char *);
static int (*REAL(unlink))(const char *);
static int (*REAL(unlinkat))(int, const char *, int);
static int (*REAL(mkdir))(const char *, mode_t);
static int (*REAL(rmdir))(const char *);
static int (*REAL(clock_gettime))(clockid_t, struct timespec *);

static void start(void) {
    REAL(open) = dlsym(RTLD_NEXT, "open");
    REAL(openat) = dlsym(RTLD_NEXT, "openat");
    REAL(write) = dlsym(RTLD_NEXT, "write");
    REAL(pwrite) = dlsym(RTLD_NEXT, "pwrite64");
    REAL(read) = dlsym(RTLD_NEXT, "read");
    REAL(pread) = dlsym(RTLD_NEXT, "pread64");
    REAL(fsync) = dlsym(RTLD_NEXT, "fsync");
    REAL(fdatasync) = dlsym(RTLD_NEXT, "fdatasync");
    REAL(ftruncate) = dlsym(RTLD_NEXT, "ftruncate64");
    REAL(rename) = dlsym(RTLD_NEXT, "rename");
    REAL(unlink) = dlsym(RTLD_NEXT, "unlink");
    REAL(unlinkat) = dlsym(RTLD_NEXT, "unlinkat");
    REAL(mkdir) = dlsym(RTLD_NEXT, "mkdir");
    REAL(rmdir) = dlsym(RTLD_NEXT, "rmdir");
    REAL(clock_gettime) = dlsym(RTLD_NEXT, "clock_gettime");
    dir = getenv("FAULTS_DIR");
    dir_len = dir ? strlen(dir) : 0;
    space = getenv("FAULTS_FREE");
    said = getenv("FAULTS_SAID");
    const char *plan = getenv("FAULTS_PLAN"), *to = getenv("FAULTS_TRACE");
    if (plan) sscanf(plan, "%ld:%15s", &at, action);
    const int append = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC;
    if (to) trace = REAL(open)(to, append, 0600);
    if ((to = getenv("FAULTS_HIT"))) hit = REAL(open)(to, append, 0600);
    if ((to = getenv("FAULTS_CLOCK"))) wrong = REAL(open)(to, O_RDONLY | O_CLOEXEC);
}

static int ours(const char *path) {
    size_t len = strlen(path);
    return dir && len > dir_len && !strncmp(path, dir, dir_len) && path[dir_len] == '/' &&
           !(len > 4 && !strcmp(path + len - 4, "-shm"));
}

static int ours_or_dir(const char *path) { return ours(path) || (dir && !strcmp(path, dir)); }

/* The path behind a descriptor, if it is below the folder. */
static int path_of(int fd, char *path) {
    char name[32];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(name, path, 4095);
    if (len <= 0) return 0;
    path[len] = 0;
    return ours_or_dir(path) || (said && !strcmp(path, said));
}

static void put(char **to, const void *bytes, size_t len) {
    memcpy(*to, bytes, len);
    *to += len;
}

/* operation, inode, offset, lengths of the three parts (32 bits each), the parts */
static void note(char operation, uint64_t inode, uint64_t offset, const char *path,
                 const char *path2, const void *bytes, size_t len) {
    if (trace < 0) return;
    uint32_t a = path ? strlen(path) : 0, b = path2 ? strlen(path2) : 0, c = len;
    char *record = malloc(29 + a + b + c), *end = record;
    if (!record) abort();
    put(&end, &operation, 1);
    put(&end, &inode, 8);
    put(&end, &offset, 8);
    put(&end, &a, 4);
    put(&end, &b, 4);
    put(&end, &c, 4);
    put(&end, path, a);
    put(&end, path2, b);
    put(&end, bytes, c);
    if (REAL(write)(trace, record, end - record) != end - record) abort();
    free(record);
}

static uint64_t inode_of(int fd) {
    struct stat st;
    return fstat(fd, &st) ? 0 : st.st_ino;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static int is(const char *name) { return !strcmp(action, name); }

/* Counts an operation; what is to become of it: 0 do it, 1 half of it, else the error. */
static int decide(int needs_space, char kind, const char *path) {
    int now = (!is("FLUSH") || kind == 'S') && count++ == at;
    if (now) met = 1;
    if (met && hit >= 0) dprintf(hit, "%c %s\n", kind, path);
    if (now && is("KILL")) die();
    if (now && (is("EIO") || is("FLUSH"))) return EIO;
    if (now && is("SHORT")) return 1;
    if (now && is("ENOSPC")) full = 1;
    if (full && space && !access(space, F_OK)) full = 0;
    return full && needs_space ? ENOSPC : 0;
}

static void done(void) {
    if (count - 1 == at && is("KILLED")) die();
}

#define BEGIN                     \
    pthread_once(&once, start);   \
    pthread_mutex_lock(&lock);    \
    int failed = 0;               \
    (void)failed
#define END(result)               \
    int kept = errno;             \
    pthread_mutex_unlock(&lock);  \
    errno = kept;                 \
    return result

/* For operations that come whole. */
#define WHOLE(needs_space, kind, path, call, noted) \
    failed = decide(needs_space, kind, path);  \
    if (failed > 1) {                          \
        errno = failed;                        \
        result = -1;                           \
    } else {                                   \
        result = call;                         \
        if (result >= 0) { noted; done(); }    \
    }

static int opened(int folder, const char *path, int flags, mode_t mode) {
    char whole[8192];
    int result;
    BEGIN;
    if (path[0] != '/' && folder != AT_FDCWD && path_of(folder, whole)) {
        size_t len = strlen(whole);
        snprintf(whole + len, sizeof whole - len, "/%s", path);
    } else {
        snprintf(whole, sizeof whole, "%s", path);
    }
    int exists = !access(whole, F_OK);
    if (ours(whole) && (flags & O_CREAT) && !exists) {
        WHOLE(1, 'C', whole, REAL(openat)(folder, path, flags, mode),
              note('C', inode_of(result), 0, whole, 0, 0, 0));
    } else if (ours(whole) && (flags & O_TRUNC) && exists) {
        WHOLE(0, 'T', whole, REAL(openat)(folder, path, flags, mode),
              note('T', inode_of(result), 0, whole, 0, 0, 0));
    } else {
        result = REAL(openat)(folder, path, flags, mode);
    }
    END(result);
}

#define MODE                                   \
    mode_t mode = 0;                           \
    if (flags & (O_CREAT | __O_TMPFILE)) {     \
        va_list list;                          \
        va_start(list, flags);                 \
        mode = va_arg(list, mode_t);           \
        va_end(list);                          \
    }

int open(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) {
    MODE return opened(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
int openat(int fd, const char *path, int flags, ...) { MODE return opened(fd, path, flags, mode); }
int openat64(int fd, const char *path, int flags, ...) {
    MODE return opened(fd, path, flags | O_LARGEFILE, mode);
}

static ssize_t written(int fd, const void *bytes, size_t len, off_t offset, int seek) {
    char path[4096];
    ssize_t result;
    BEGIN;
    if (!path_of(fd, path)) {
        pthread_mutex_unlock(&lock);
        return seek ? REAL(write)(fd, bytes, len) : REAL(pwrite)(fd, bytes, len, offset);
    }
    struct stat st;
    fstat(fd, &st);
    if (said && !strcmp(path, said)) {
        result = REAL(write)(fd, bytes, len);
        note('A', 0, 0, 0, 0, bytes, len);
        END(result);
    }
    if (seek && S_ISREG(st.st_mode)) {
        int append = fcntl(fd, F_GETFL) & O_APPEND;
        offset = append ? st.st_size : lseek(fd, 0, SEEK_CUR);
    }
    /* What is there already takes no new space. */
    failed = decide((off_t)(offset + len) > st.st_size, 'W', path);
    if (failed == 1 || (failed == ENOSPC && len > 1)) {
        len = (len + 1) / 2;
    } else if (failed) {
        errno = failed;
        END(-1);
    }
    result = seek ? REAL(write)(fd, bytes, len) : REAL(pwrite)(fd, bytes, len, offset);
    if (result > 0) {
        note('W', st.st_ino, offset, path, 0, bytes, result);
        done();
    }
    END(result);
}

ssize_t write(int fd, const void *bytes, size_t len) { return written(fd, bytes, len, 0, 1); }
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset) {
    return written(fd, bytes, len, offset, 0);
}
ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t offset) {
    return written(fd, bytes, len, offset, 0);
}

static int read_fails(int fd) {
    char path[4096];
    pthread_once(&once, start);
    if (!is("READ")) return 0;
    pthread_mutex_lock(&lock);
    int fails = path_of(fd, path) && reads++ == at;
    pthread_mutex_unlock(&lock);
    if (fails) errno = EIO;
    return fails;
}

ssize_t read(int fd, void *bytes, size_t len) {
    return read_fails(fd) ? -1 : REAL(read)(fd, bytes, len);
}
ssize_t pread(int fd, void *bytes, size_t len, off_t offset) {
    return read_fails(fd) ? -1 : REAL(pread)(fd, bytes, len, offset);
}
ssize_t pread64(int fd, void *bytes, size_t len, off64_t offset) {
    return read_fails(fd) ? -1 : REAL(pread)(fd, bytes, len, offset);
}

static int synced(int fd, int (*sync)(int)) {
    char path[4096];
    int result;
    BEGIN;
    if (!path_of(fd, path)) {
        pthread_mutex_unlock(&lock);
        return sync(fd);
    }
    WHOLE(0, 'S', path, sync(fd), note('S', inode_of(fd), 0, path, 0, 0, 0));
    END(result);
}

int fsync(int fd) { pthread_once(&once, start); return synced(fd, REAL(fsync)); }
int fdatasync(int fd) { pthread_once(&once, start); return synced(fd, REAL(fdatasync)); }

static int cut(int fd, off_t size) {
    char path[4096];
    int result;
    BEGIN;
    if (!path_of(fd, path) || !ours(path)) {
        result = REAL(ftruncate)(fd, size);
    } else {
        WHOLE(0, 'T', path, REAL(ftruncate)(fd, size),
              note('T', inode_of(fd), size, path, 0, 0, 0));
    }
    END(result);
}

int ftruncate(int fd, off_t size) { return cut(fd, size); }
int ftruncate64(int fd, off64_t size) { return cut(fd, size); }

int rename(const char *from, const char *to) {
    int result;
    BEGIN;
    if (!ours(from) && !ours(to)) {
        result = REAL(rename)(from, to);
    } else {
        struct stat st = {0};
        stat(from, &st);
        if (!st.st_ino) {
            result = REAL(rename)(from, to);
        } else {
            WHOLE(1, 'R', to, REAL(rename)(from, to), note('R', st.st_ino, 0, from, to, 0, 0));
        }
    }
    END(result);
}

int unlink(const char *path) {
    int result;
    BEGIN;
    if (!ours(path) || access(path, F_OK)) {
        result = REAL(unlink)(path);
    } else {
        WHOLE(0, 'U', path, REAL(unlink)(path), note('U', 0, 0, path, 0, 0, 0));
    }
    END(result);
}

int unlinkat(int folder, const char *path, int flags) {
    char whole[8192];
    int result;
    BEGIN;
    snprintf(whole, sizeof whole, "%s", path);
    if (path[0] != '/' && folder != AT_FDCWD && path_of(folder, whole)) {
        size_t len = strlen(whole);
        snprintf(whole + len, sizeof whole - len, "/%s", path);
    }
    if (!ours(whole) || access(whole, F_OK)) {
        result = REAL(unlinkat)(folder, path, flags);
    } else {
        WHOLE(0, 'U', whole, REAL(unlinkat)(folder, path, flags),
              note(flags & AT_REMOVEDIR ? 'X' : 'U', 0, 0, whole, 0, 0, 0));
    }
    END(result);
}

int mkdir(const char *path, mode_t mode) {
    int result;
    BEGIN;
    if (!ours_or_dir(path) || !access(path, F_OK)) {
        result = REAL(mkdir)(path, mode);
    } else {
        WHOLE(1, 'M', path, REAL(mkdir)(path, mode), note('M', 0, 0, path, 0, 0, 0));
    }
    END(result);
}

int rmdir(const char *path) {
    int result;
    BEGIN;
    if (!ours(path) || access(path, F_OK)) {
        result = REAL(rmdir)(path);
    } else {
        WHOLE(0, 'X', path, REAL(rmdir)(path), note('X', 0, 0, path, 0, 0, 0));
    }
    END(result);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    char text[32];
    pthread_once(&once, start);
    int result = REAL(clock_gettime)(clock, now);
    if (result || clock != CLOCK_REALTIME || wrong < 0) return result;
    ssize_t len = REAL(pread)(wrong, text, sizeof text - 1, 0);
    if (len > 0) {
        text[len] = 0;
        now->tv_sec += strtoll(text, 0, 10);
    }
    return 0;
}
