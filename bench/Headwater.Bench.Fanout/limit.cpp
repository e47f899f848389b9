// The least a server can do: one thread that writes ready frames, what came together at once, to each socket. It is the limit that others
// are measured against.
//   limit PORT
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

static const char Accepted[] = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
static const char Opened[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"
    "d\r\n: connected\n\n\r\n";

static std::vector<int> followers;
static std::vector<std::string> pending;
static std::string batch;

static void send_all(int socket, const char* bytes, size_t length) {
  if (send(socket, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) {
    fprintf(stderr, "A client does not take its bytes.\n");
    exit(1);
  }
}

static void publish(const std::string& body) {
  static long position = 0;
  auto event = "event: message\ndata: " + body + "\nid: 00000000." + std::to_string(++position) + "\n\n";
  char head[16];
  snprintf(head, sizeof head, "%zx\r\n", event.size());
  batch += head + event + "\r\n";
}

// Answers all whole requests that have come, and keeps the rest.
static void answer(int socket, std::string& request) {
  for (;;) {
    auto end = request.find("\r\n\r\n");
    if (end == std::string::npos) return;
    end += 4;
    size_t length = 0;
    auto at = request.find("Content-Length: ");
    if (at != std::string::npos && at < end) length = strtoul(request.c_str() + at + 16, nullptr, 10);
    if (request.size() < end + length) return;
    if (request[0] == 'G') {
      send_all(socket, Opened, sizeof Opened - 1);
      followers.push_back(socket);
    } else {
      publish(request.substr(end, length));
      send_all(socket, Accepted, sizeof Accepted - 1);
    }
    request.erase(0, end + length);
  }
}

int main(int, char** arguments) {
  signal(SIGPIPE, SIG_IGN);
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(atoi(arguments[1]));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (sockaddr*)&address, sizeof address) || listen(listener, 4096)) return perror("listen"), 1;
  int poll = epoll_create1(0);
  epoll_event wanted{EPOLLIN, {.fd = listener}};
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &wanted);
  std::vector<epoll_event> events(512);
  for (;;) {
    int count = epoll_wait(poll, events.data(), events.size(), -1);
    for (int i = 0; i < count; i++) {
      int socket = events[i].data.fd;
      if (socket == listener) {
        int client = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        if (client < 0) continue;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (client >= (int)pending.size()) pending.resize(client + 1);
        pending[client].clear();
        epoll_event reading{EPOLLIN, {.fd = client}};
        epoll_ctl(poll, EPOLL_CTL_ADD, client, &reading);
        continue;
      }
      char buffer[4096];
      ssize_t read = recv(socket, buffer, sizeof buffer, 0);
      if (read <= 0) {
        close(socket);
        std::erase(followers, socket);
        continue;
      }
      pending[socket].append(buffer, read);
      answer(socket, pending[socket]);
    }
    if (batch.empty()) continue;
    for (int follower : followers) send_all(follower, batch.data(), batch.size());
    batch.clear();
  }
}
