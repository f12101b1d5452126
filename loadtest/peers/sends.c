// What it costs to hand the same bytes to many sockets: `send` in a loop, io_uring in batches, and both with the pages lent
// instead of copied (MSG_ZEROCOPY, IORING_OP_SEND_ZC). Plain C, because a ring of io_uring is shared memory and Pika has no unsafe code.
//
//   cc -O2 -o sends loadtest/peers/sends.c && ./sends SOCKETS BYTES ROUNDS
//
// The sender is alone on core 0; a child on core 1 reads and counts. CPU time of the sender is taken around the sending alone; the next
// round begins when the child has everything. Ways take turns, and of the rounds of a way the median counts.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/io_uring.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Headers of a distribution may be older than its kernel.
#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif
enum { SEND = 26, SEND_ZC = 47 };
enum { BATCH = 256, ENTRIES = 512 };

static int sockets, bytes, *fds;
static char *payload;
static _Atomic uint64_t *taken;
static uint64_t given;

static void die(const char *what) { perror(what); exit(2); }
static void pin(int core) { cpu_set_t s; CPU_ZERO(&s); CPU_SET(core, &s); if (sched_setaffinity(0, sizeof s, &s)) die("core"); }
static double cpu(void) { struct timespec t; clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); return t.tv_sec + t.tv_nsec / 1e9; }

// The child: reads whatever comes and counts it.
static void hear(int port, int ready) {
  pin(1);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int poll = epoll_create1(0);
  static char room[1 << 16];
  struct epoll_event events[1024];
  for (int i = 0; i < sockets; i++) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000101 + i % 200)}, to = {.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || bind(fd, (void *)&from, sizeof from) || connect(fd, (void *)&to, sizeof to)) die("connect");
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &e)) die("epoll");
  }
  if (write(ready, "!", 1) != 1) die("ready");
  for (;;) {
    int n = epoll_wait(poll, events, 1024, -1);
    for (int i = 0; i < n; i++) {
      ssize_t got = recv(events[i].data.fd, room, sizeof room, MSG_DONTWAIT);
      if (got > 0) atomic_fetch_add(taken, got);
    }
  }
}

static void sent(ssize_t n, const char *way) {
  if (n != bytes) { fprintf(stderr, "%s: %zd of %d bytes went out\n", way, n, bytes); exit(2); }
  given += n;
}

static void by_send(int flags, const char *way) {
  for (int i = 0; i < sockets; i++) sent(send(fds[i], payload, bytes, MSG_DONTWAIT | MSG_NOSIGNAL | flags), way);
}

// What the kernel says of lent pages: they are back, and whether it had to copy them after all.
static long copied, returned;
static void reap(void) {
  for (int i = 0; i < sockets; i++) {
    char control[128];
    struct msghdr m = {.msg_control = control, .msg_controllen = sizeof control};
    while (recvmsg(fds[i], &m, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0) {
      struct cmsghdr *c = CMSG_FIRSTHDR(&m);
      if (c) { struct sock_extended_err *e = (void *)CMSG_DATA(c); returned++; copied += e->ee_code == SO_EE_CODE_ZEROCOPY_COPIED; }
      m.msg_controllen = sizeof control;
    }
  }
}

static int ring;
static unsigned *tail, *mask, *array, *chead, *ctail, *cmask;
static struct io_uring_sqe *sqes;
static struct io_uring_cqe *cqes;

static void open_ring(void) {
  struct io_uring_params p = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE, .cq_entries = 4 * ENTRIES};
  ring = syscall(SYS_io_uring_setup, ENTRIES, &p);
  if (ring < 0) die("io_uring_setup");
  size_t length = p.sq_off.array + p.sq_entries * 4, more = p.cq_off.cqes + p.cq_entries * sizeof *cqes;
  char *both = mmap(0, length > more ? length : more, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
  sqes = mmap(0, p.sq_entries * sizeof *sqes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
  if (both == MAP_FAILED || sqes == MAP_FAILED) die("mmap of the ring");
  tail = (void *)(both + p.sq_off.tail), mask = (void *)(both + p.sq_off.ring_mask), array = (void *)(both + p.sq_off.array);
  chead = (void *)(both + p.cq_off.head), ctail = (void *)(both + p.cq_off.tail), cmask = (void *)(both + p.cq_off.ring_mask);
  cqes = (void *)(both + p.cq_off.cqes);
  // Files and memory that are registered once need not be looked up for each send.
  if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, fds, sockets)) die("registered files");
}

static void by_ring(int op, const char *way) {
  for (int at = 0; at < sockets; at += BATCH) {
    unsigned n = sockets - at < BATCH ? sockets - at : BATCH, waiting = n;
    for (unsigned i = 0; i < n; i++) {
      unsigned slot = (*tail + i) & *mask;
      sqes[slot] = (struct io_uring_sqe){.opcode = op, .flags = IOSQE_FIXED_FILE, .fd = at + i, .addr = (uintptr_t)payload, .len = bytes, .msg_flags = MSG_NOSIGNAL};
      array[slot] = slot;
    }
    atomic_store_explicit((_Atomic unsigned *)tail, *tail + n, memory_order_release);
    for (unsigned submit = n; waiting; submit = 0) {
      if (syscall(SYS_io_uring_enter, ring, submit, 1, IORING_ENTER_GETEVENTS, 0, 0) < 0 && errno != EINTR) die("io_uring_enter");
      unsigned head = *chead, end = atomic_load_explicit((_Atomic unsigned *)ctail, memory_order_acquire);
      for (; head != end; head++) {
        struct io_uring_cqe *c = &cqes[head & *cmask];
        int notice = op == SEND_ZC && c->flags & 8;  // IORING_CQE_F_NOTIF: the pages are back
        if (!notice) sent(c->res, way);
        if (op == SEND || notice || !(c->flags & 2)) waiting--;  // IORING_CQE_F_MORE: a notice is to come
      }
      atomic_store_explicit((_Atomic unsigned *)chead, head, memory_order_release);
    }
  }
}

static int by_size(const void *a, const void *b) { double x = *(double *)a, y = *(double *)b; return (x > y) - (x < y); }

int main(int argc, char **argv) {
  if (argc != 4) { fprintf(stderr, "usage: sends SOCKETS BYTES ROUNDS\n"); return 2; }
  sockets = atoi(argv[1]), bytes = atoi(argv[2]);
  int rounds = atoi(argv[3]), pipes[2];
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  taken = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  payload = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  memset(payload, 'x', bytes);
  fds = calloc(sockets, sizeof *fds);
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof here;
  int door = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  if (pipe(pipes) || bind(door, (void *)&here, sizeof here) || listen(door, 4096) || getsockname(door, (void *)&here, &length)) die("listen");
  if (!fork()) hear(here.sin_port, pipes[1]);
  pin(0);
  for (int i = 0; i < sockets; i++) {
    fds[i] = accept(door, 0, 0);
    if (fds[i] < 0) die("accept");
    setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (setsockopt(fds[i], SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one)) die("SO_ZEROCOPY");
  }
  char go;
  if (read(pipes[0], &go, 1) != 1) die("ready");
  open_ring();
  const char *names[] = {"send", "io_uring", "MSG_ZEROCOPY", "io_uring ZC"};
  double *spent[4];
  for (int way = 0; way < 4; way++) spent[way] = calloc(rounds, sizeof(double));
  // The first rounds are nobody's.
  for (int round = -3; round < rounds; round++)
    for (int way = 0; way < 4; way++) {
      double before = cpu();
      switch (way) {
        case 0: by_send(0, names[way]); break;
        case 1: by_ring(SEND, names[way]); break;
        case 2: by_send(MSG_ZEROCOPY, names[way]); reap(); break;
        case 3: by_ring(SEND_ZC, names[way]); break;
      }
      if (round >= 0) spent[way][round] = cpu() - before;
      while (atomic_load(taken) < given) usleep(100);
      if (way == 2) reap();
    }
  for (int way = 0; way < 4; way++) {
    qsort(spent[way], rounds, sizeof(double), by_size);
    double median = spent[way][rounds / 2] / sockets * 1e6;
    printf("%-13s %d sockets, %d bytes: %.2f us CPU each, %.2f x send\n", names[way], sockets, bytes, median, spent[way][rounds / 2] / spent[0][rounds / 2]);
  }
  printf("%ld of %ld lent pages were copied by the kernel after all\n", copied, returned);
}
