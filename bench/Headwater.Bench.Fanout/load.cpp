// Opens many connections that follow something, publishes, and counts what arrives, on one thread.
//   load PORT CONNECTIONS PUBLISH-PATH FOLLOW-PATH [HEADER...] [-- MESSAGE-AFTER-THE-UPGRADE...]
// With "Upgrade: websocket" among the headers the connections are WebSockets. A published message has 200 bytes and ends with the moment it
// was made and a caret, so that whatever frames it, one caret is one delivery.
// It is told what to do line by line, and answers each with one line:
//   connect            CONNECTED <seconds>
//   lock <messages>    the next message goes out when everybody has the last one
//   flood <messages>   16 are under way at a time
//   rate <messages> <per second>
//                      DONE <deliveries> <seconds> <p50 µs> <p99 µs>, counted from the making of each message
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

static const int Publishers = 16;
static const int MessageBytes = 200;

static int port, poll_handle;
static std::string publish_path, opening;
static std::vector<std::string> after_upgrade;
static bool is_websocket;

struct Follower { int socket; bool upgraded; std::string tail; };
static std::vector<Follower> followers;
static std::vector<int> publishers, idle;
static int64_t delivered, opened;
static std::vector<uint32_t> latencies;  // microseconds

static int64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void fail(const char* what) { perror(what), exit(1); }

static int dial() {
  int handle = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(handle, (sockaddr*)&address, sizeof address)) fail("connect");
  setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(handle, F_SETFL, O_NONBLOCK);
  return handle;
}

static void watch(int handle, uint64_t what) {
  epoll_event wanted{EPOLLIN, {.u64 = what}};
  epoll_ctl(poll_handle, EPOLL_CTL_ADD, handle, &wanted);
}

// A client's message is masked; a mask of zeros leaves it as it is.
static std::string frame(const std::string& text) {
  std::string framed("\x81", 1);
  if (text.size() < 126) framed += (char)(0x80 | text.size());
  else framed += (char)(0x80 | 126), framed += (char)(text.size() >> 8), framed += (char)text.size();
  return framed + std::string(4, '\0') + text;
}

static void write_all(int handle, const std::string& bytes) {
  if (send(handle, bytes.data(), bytes.size(), MSG_NOSIGNAL) != (ssize_t)bytes.size()) fail("send");
}

static void publish() {
  int handle = idle.back();
  idle.pop_back();
  char stamp[20];
  snprintf(stamp, sizeof stamp, "%016llx^", (unsigned long long)now());
  std::string body = "{\"d\":\"" + std::string(MessageBytes - 8 - 17, 'x') + stamp + "\"}";
  char head[300];
  snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", publish_path.c_str(), body.size());
  write_all(handle, head + body);
}

static void take(Follower& follower, const char* bytes, ssize_t length) {
  int64_t time = now();
  for (const char* at = bytes; (at = (const char*)memchr(at, '^', bytes + length - at)); at++) {
    delivered++;
    // A stamp that two reads share is not counted among the latencies.
    if (at - bytes >= 16) latencies.push_back((time - (int64_t)strtoull(std::string(at - 16, 16).c_str(), nullptr, 16)) / 1000);
  }
  if (follower.upgraded) return;
  follower.tail.append(bytes, length);
  if (follower.tail.find("\r\n\r\n") == std::string::npos) return;
  if (is_websocket ? follower.tail.compare(9, 3, "101") : follower.tail.compare(9, 3, "200")) {
    fprintf(stderr, "%s\n", follower.tail.c_str());
    exit(1);
  }
  follower.upgraded = true;
  follower.tail = std::string();
  opened++;
  for (auto& message : after_upgrade) write_all(follower.socket, frame(message));
}

// Takes what has come, for at most so many milliseconds.
static void turn(int wait) {
  static std::vector<epoll_event> events(1024);
  static char buffer[1 << 16];
  int count = epoll_wait(poll_handle, events.data(), events.size(), wait);
  for (int i = 0; i < count; i++) {
    auto what = events[i].data.u64;
    bool is_publisher = what >= followers.size();
    int handle = is_publisher ? publishers[what - followers.size()] : followers[what].socket;
    ssize_t read = recv(handle, buffer, sizeof buffer, 0);
    if (read == 0) fprintf(stderr, "The server closed a connection.\n"), exit(1);
    if (read < 0) continue;
    if (is_publisher) {
      if (read < 12 || buffer[9] != '2') fprintf(stderr, "%.*s\n", (int)read, buffer), exit(1);
      idle.push_back(handle);
    }
    else take(followers[what], buffer, read);
  }
}

static void until(int64_t count, const char* what) {
  for (int64_t last = delivered, moved = now(); delivered < count;) {
    turn(100);
    if (delivered != last) last = delivered, moved = now();
    if (now() - moved > 20000000000LL) fprintf(stderr, "%s: %lld of %lld deliveries came.\n", what, (long long)delivered, (long long)count), exit(1);
  }
}

static void report(int64_t began) {
  auto at = [](double part) {
    if (latencies.empty()) return 0u;
    auto place = latencies.begin() + (size_t)(part * (latencies.size() - 1));
    std::nth_element(latencies.begin(), place, latencies.end());
    return *place;
  };
  printf("DONE %lld %.6f %u %u\n", (long long)delivered, (now() - began) / 1e9, at(0.5), at(0.99));
}

int main(int count, char** arguments) {
  port = atoi(arguments[1]);
  followers.resize(atoi(arguments[2]));
  publish_path = arguments[3];
  opening = std::string("GET ") + arguments[4] + " HTTP/1.1\r\nHost: localhost\r\n";
  int i = 5;
  for (; i < count && strcmp(arguments[i], "--"); i++) {
    opening += std::string(arguments[i]) + "\r\n";
    is_websocket |= !strcmp(arguments[i], "Upgrade: websocket");
  }
  for (i++; i < count; i++) after_upgrade.push_back(arguments[i]);
  if (is_websocket) opening += "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  opening += "\r\n";
  poll_handle = epoll_create1(0);
  const int64_t everybody = followers.size();

  std::string line;
  setvbuf(stdout, nullptr, _IOLBF, 0);
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string verb;
    int64_t messages = 0, rate = 0;
    words >> verb >> messages >> rate;
    int64_t began = now();
    delivered = 0;
    latencies.clear();
    latencies.reserve(everybody * messages);
    if (verb == "connect") {
      for (size_t f = 0; f < followers.size(); f++) {
        followers[f] = {dial(), false, {}};
        watch(followers[f].socket, f);
        write_all(followers[f].socket, opening);
        // A server accepts as fast as it can; a few hundred may be on their way.
        while ((int64_t)f - opened > 200) turn(100);
      }
      while (opened < everybody) turn(100);
      int64_t connected = now();
      for (int p = 0; p < Publishers; p++) {
        publishers.push_back(dial());
        watch(publishers[p], followers.size() + p);
      }
      idle = publishers;
      printf("CONNECTED %.6f\n", (connected - began) / 1e9);
    } else if (verb == "lock") {
      for (int64_t m = 1; m <= messages; m++) {
        while (idle.empty()) turn(100);
        publish();
        until(m * everybody, "lock");
      }
      report(began);
    } else if (verb == "flood") {
      for (int64_t m = 0; m < messages; m++) {
        while (idle.empty()) turn(100);
        publish();
      }
      until(messages * everybody, "flood");
      report(began);
    } else if (verb == "rate") {
      for (int64_t m = 0; m < messages; m++) {
        int64_t due = began + m * 1000000000LL / rate;
        while (now() < due || idle.empty()) turn(idle.empty() ? 100 : std::max<int64_t>(0, (due - now()) / 1000000));
        publish();
      }
      until(messages * everybody, "rate");
      report(began);
    }
    while ((int)idle.size() < Publishers) turn(100);
  }
}
