/*
 * The executable behind every plugin name. A runtime starts one per CNI verb, so it must start fast:
 * it hands its name, environment and standard input to the agent of its network namespace,
 *     request: "PWC1" | u32 name bytes | u32 environment bytes | name | environment (NUL behind each) | stdin … EOF
 *     reply:   "PWR1" | u32 exit code | u32 stdout bytes | u32 stderr bytes | stdout | stderr   (u32: little-endian)
 * and prints what comes back. The agent's socket is named by the inode of the namespace, so a launcher can never
 * reach an agent that would wire another node. Where no agent listens, the same plugin runs in a Node process.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

extern char **environ;

/* Untouched pages of these cost nothing. */
static unsigned char chunk[64 << 10], reply[4 << 20];
static const char marker[] __attribute__((used)) = "podwire-cni-launcher-1";

static _Noreturn void fail(int code, const char *message, const char *detail) {
  char line[2 * PATH_MAX + 256];
  int length = snprintf(line, sizeof line, "{\n    \"code\": %d,\n    \"msg\": \"%s\",\n    \"details\": \"%s\"\n}", code,
                        message, detail);
  if (write(STDOUT_FILENO, line, (size_t)length) != length) _exit(2);
  _exit(1);
}

static int write_all(int fd, const void *data, size_t length) {
  for (const unsigned char *at = data; length > 0;) {
    ssize_t count = write(fd, at, length);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return -1;
    at += count;
    length -= (size_t)count;
  }
  return 0;
}

static ssize_t read_some(int fd, void *data, size_t length) {
  for (;;) {
    ssize_t count = read(fd, data, length);
    if (count >= 0 || errno != EINTR) return count;
  }
}

static void put_u32(unsigned char *at, uint32_t value) {
  for (int i = 0; i < 4; i++) at[i] = (unsigned char)(value >> (8 * i));
}

static uint32_t get_u32(const unsigned char *at) {
  return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Connects to the agent of this network namespace; -1 when there is none. */
static int connect_agent(void) {
  struct stat netns;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const char *folder = getenv("PODWIRE_RUN_DIR");
  if (stat("/proc/self/ns/net", &netns) < 0) fail(5, "Cannot read /proc/self/ns/net", strerror(errno));
  int length = snprintf(address.sun_path, sizeof address.sun_path, "%s/net-%llu/agent.sock",
                        folder && *folder ? folder : "/run/podwire", (unsigned long long)netns.st_ino);
  if (length < 0 || (size_t)length >= sizeof address.sun_path) fail(4, "PODWIRE_RUN_DIR is too long for a socket", "");
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail(5, "Cannot open a socket", strerror(errno));
  while (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    if (errno == EINTR) continue;
    if (errno != ENOENT && errno != ECONNREFUSED) fail(11, "Cannot connect to the Podwire agent", strerror(errno));
    close(fd);
    return -1;
  }
  return fd;
}

/* Runs the plugin without an agent: Node and its bundle lie beside this executable, in .podwire/. */
static _Noreturn void run_alone(char *name) {
  char folder[PATH_MAX], node[PATH_MAX + 32], bundle[PATH_MAX + 32];
  ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
  if (length < 0) fail(5, "Cannot read /proc/self/exe", strerror(errno));
  folder[length] = 0;
  *strrchr(folder, '/') = 0;
  snprintf(node, sizeof node, "%s/.podwire/node", folder);
  snprintf(bundle, sizeof bundle, "%s/.podwire/standalone.mjs", folder);
  char *arguments[] = {node, bundle, name, NULL};
  execv(node, arguments);
  fail(11, "The Podwire agent does not run, and neither does .podwire/node beside the plugin: start podwire agent, "
           "or run podwire install again", strerror(errno));
}

/* Gathers what is small into one write: every write wakes the agent. */
static int append(int fd, size_t *used, const void *data, size_t length) {
  if (*used + length >= sizeof chunk) {
    if (write_all(fd, chunk, *used) < 0) return -1;
    *used = 0;
  }
  if (length >= sizeof chunk) return write_all(fd, data, length);
  memcpy(chunk + *used, data, length);
  *used += length;
  return 0;
}

static int send_request(int fd, const char *name) {
  unsigned char header[12] = "PWC1";
  size_t environment = 0, used = 0;
  for (char **entry = environ; *entry; entry++) environment += strlen(*entry) + 1;
  put_u32(header + 4, (uint32_t)strlen(name));
  put_u32(header + 8, (uint32_t)environment);
  if (append(fd, &used, header, sizeof header) < 0 || append(fd, &used, name, strlen(name)) < 0) return -1;
  for (char **entry = environ; *entry; entry++)
    if (append(fd, &used, *entry, strlen(*entry) + 1) < 0) return -1;
  for (;;) {
    ssize_t count = read_some(STDIN_FILENO, chunk + used, sizeof chunk - used);
    if (count < 0) fail(5, "Cannot read standard input", strerror(errno));
    used += (size_t)count;
    if (count > 0 && used < sizeof chunk) continue;
    if (write_all(fd, chunk, used) < 0) return -1;
    if (count == 0) return shutdown(fd, SHUT_WR);
    used = 0;
  }
}

/* Bytes of the whole reply; before its header is there, more than there can be. */
static uint64_t reply_length(size_t have) {
  return have < 16 ? sizeof reply + 1 : 16 + (uint64_t)get_u32(reply + 8) + get_u32(reply + 12);
}

int main(int argc, char **argv) {
  char *name = argc > 0 ? argv[0] : "";
  if (strrchr(name, '/')) name = strrchr(name, '/') + 1;
  signal(SIGPIPE, SIG_IGN);
  int fd = connect_agent();
  if (fd < 0) run_alone(name);
  /* A failed write is no end yet: the agent may have answered before it read everything. */
  int sent = send_request(fd, name);
  size_t have = 0;
  for (ssize_t count = 1; count > 0 && have < sizeof reply && have < reply_length(have); have += (size_t)count)
    if ((count = read_some(fd, reply + have, sizeof reply - have)) < 0) break;
  if (have != reply_length(have) || memcmp(reply, "PWR1", 4))
    fail(11, "Lost the connection to the Podwire agent before it answered; the call can be repeated",
         sent < 0 ? "sending failed" : "the answer is not complete");
  size_t out = get_u32(reply + 8), err = get_u32(reply + 12);
  if (write_all(STDERR_FILENO, reply + 16 + out, err) < 0 || write_all(STDOUT_FILENO, reply + 16, out) < 0) return 2;
  return (int)get_u32(reply + 4);
}
