/* Notes how much of each file was on disk when its last sync began: what a power cut would leave, at least. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void note(int file, off_t size) {
    char link[64], path[4096], text[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 16);
    if (length <= 0) return;
    strcpy(path + length, ".synced");
    int notes = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (notes < 0) return;
    /* One write of a fixed length: whoever reads it never sees half of it. */
    snprintf(text, sizeof text, "%020lld\n", (long long)size);
    if (pwrite(notes, text, strlen(text), 0) < 0) perror("note");
    close(notes);
}

static int synced(const char *name, int file) {
    struct stat before;
    int known = fstat(file, &before) == 0 && S_ISREG(before.st_mode);
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    int answer = real(file);
    if (answer == 0 && known) note(file, before.st_size);
    return answer;
}

int fsync(int file) { return synced("fsync", file); }
int fdatasync(int file) { return synced("fdatasync", file); }
