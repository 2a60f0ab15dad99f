/* Preloaded into ssh: it sends every packet at once, and acknowledges every packet at once. What ssh itself does not
 * ask for: without it the server's answers wait up to 40 ms for acknowledgements. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static void be_quick(int socket)
{
    int on = 1;

    /* On what is no socket both fail, and nothing is lost. */
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(socket, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

ssize_t read(int from, void *to, size_t length)
{
    static ssize_t (*next)(int, void *, size_t);

    if (!next)
        next = (ssize_t (*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
    ssize_t got = next(from, to, length);
    be_quick(from);
    return got;
}
