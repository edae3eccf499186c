// Part of socketio-server, MIT licence; see LICENSE.

// What the kernel asks of a load generator on this machine: clients of the yardstick that read with epoll and `recv`, and do
// nothing with what comes. With `echo` each sends its next event when something has come. Beside `socketio-load` on the same
// yardstick and processor it tells which part of the generator's CPU time nobody could spare.
//
//     reader PORT CLIENTS read|echo     prints `connected`, and when it is terminated `reads N<tab>CPU M us each`

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { buffer_size = 1 << 18, events_size = 1024 };

static volatile sig_atomic_t is_ending;
static unsigned char buffer[buffer_size];

static void end(int signal) {
    (void)signal;
    is_ending = 1;
}

static void give_up(const char *why) {
    fprintf(stderr, "reader: %s\n", why);
    exit(1);
}

static double used(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

// A text frame, masked with zeros.
static void send_text(int socket, const char *text) {
    unsigned char frame[128] = {0x81, 0x80 | strlen(text)};
    size_t length = strlen(text);
    memcpy(frame + 6, text, length);
    if (send(socket, frame, 6 + length, MSG_NOSIGNAL) != (ssize_t)(6 + length)) give_up("cannot send");
}

// Waits for a text at the end of what comes; nothing else is sent before it is answered.
static void await(int socket, const char *end) {
    size_t length = 0;
    while (!memmem(buffer, length, end, strlen(end))) {
        ssize_t count = recv(socket, buffer + length, buffer_size - length, 0);
        if (count <= 0) give_up("the yardstick does not answer");
        length += count;
    }
}

static int open_client(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int client = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (client < 0 || connect(client, (struct sockaddr *)&address, sizeof address)) give_up("cannot connect");
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    const char request[] =
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    if (send(client, request, sizeof request - 1, MSG_NOSIGNAL) < 0) give_up("cannot send");
    await(client, "maxPayload");
    send_text(client, "40");
    await(client, "40{");
    return client;
}

int main(int count, char **words) {
    if (count != 4) give_up("usage: reader PORT CLIENTS read|echo");
    int port = atoi(words[1]), clients = atoi(words[2]), is_echo = !strcmp(words[3], "echo");
    const char event[] = "4200000[\"echo\",\"00000000000000000000000000000000abcdefghijklmnopqrstuvwxyzABCDEF\"]";
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGTERM, &action, 0);
    struct epoll_event interest, events[events_size];
    int epoll = epoll_create1(0);
    for (int i = 0; i < clients && !is_ending; i++) {
        int client = open_client(port);
        if (!is_echo) {
            send_text(client, "420[\"join\",\"room\"]");
            await(client, "[true]");
        }
        interest = (struct epoll_event){.events = EPOLLIN | EPOLLET, .data.fd = client};
        epoll_ctl(epoll, EPOLL_CTL_ADD, client, &interest);
        if (is_echo) send_text(client, event);
    }
    puts("connected");
    fflush(stdout);
    double before = used();
    long reads = 0;
    while (!is_ending) {
        int ready = epoll_wait(epoll, events, events_size, -1);
        for (int i = 0; i < ready; i++) {
            if (recv(events[i].data.fd, buffer, buffer_size, MSG_DONTWAIT) <= 0) {
                if (errno == EAGAIN) continue;
                is_ending = 1;
                break;
            }
            reads++;
            if (is_echo) send_text(events[i].data.fd, event);
        }
    }
    printf("reads %ld\tCPU %.3f us each\n", reads, reads ? (used() - before) * 1e6 / reads : 0);
}
