// Part of socketio-server, MIT licence; see LICENSE.

// The least work that answers `socketio-load`: one thread, epoll, no more than one read and one send for a message, nothing
// allocated, checked, counted or timed. It is no server: one room, WebSocket only, no heartbeat (runs end before a client
// misses it), and it gives up as soon as a client does anything else, or does not read. What a real server needs beyond
// this is the price of being one.
//
//     yardstick PORT          0 takes any free port; prints `listening PORT`

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { max_connections = 65536, buffer_size = 16384, events_size = 1024 };

typedef struct {
    unsigned char *bytes;  // What was read and not yet used up; made with the connection, for good.
    int used;
    int is_open;    // The 101 has been sent.
    int is_member;  // Of the only room.
} connection;

static connection connections[max_connections];
static int members[max_connections];
static int member_count;

static void give_up(const char *why) {
    fprintf(stderr, "yardstick: %s\n", why);
    exit(1);
}

// SHA-1 and base64, for the handshake only.

static uint32_t rotate(uint32_t word, int by) { return word << by | word >> (32 - by); }

static void sha1(const unsigned char *text, int length, unsigned char digest[20]) {
    unsigned char blocks[128] = {0};
    uint32_t hash[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    int size = length + 9 <= 64 ? 64 : 128;
    memcpy(blocks, text, length);
    blocks[length] = 0x80;
    blocks[size - 2] = length * 8 >> 8;
    blocks[size - 1] = length * 8 & 0xFF;
    for (int start = 0; start < size; start += 64) {
        uint32_t words[80], a = hash[0], b = hash[1], c = hash[2], d = hash[3], e = hash[4];
        for (int i = 0; i < 16; i++) {
            const unsigned char *p = blocks + start + 4 * i;
            words[i] = (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
        }
        for (int i = 16; i < 80; i++) words[i] = rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
        for (int i = 0; i < 80; i++) {
            uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5A827999
                         : i < 40 ? (b ^ c ^ d) + 0x6ED9EBA1
                         : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC
                                  : (b ^ c ^ d) + 0xCA62C1D6;
            uint32_t next = rotate(a, 5) + f + e + words[i];
            e = d, d = c, c = rotate(b, 30), b = a, a = next;
        }
        hash[0] += a, hash[1] += b, hash[2] += c, hash[3] += d, hash[4] += e;
    }
    for (int i = 0; i < 20; i++) digest[i] = hash[i / 4] >> (24 - 8 * (i % 4));
}

static void accept_key(const char *key, int length, char *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char text[100], digest[21] = {0};
    if (length > 60) give_up("the key is too long");
    memcpy(text, key, length);
    memcpy(text + length, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
    sha1(text, length + 36, digest);
    for (int i = 0; i < 7; i++) {
        uint32_t three = digest[3 * i] << 16 | digest[3 * i + 1] << 8 | digest[3 * i + 2];
        for (int j = 0; j < 4; j++) *out++ = digits[three >> (18 - 6 * j) & 63];
    }
    out[-1] = '=';
    *out = 0;
}

static void send_all(int socket, const void *bytes, int length) {
    if (send(socket, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL) != length) {
        if (errno == EPIPE || errno == ECONNRESET) return;
        give_up("a client does not read");
    }
}

// A frame is written in front of its text, which begins at `text`; there is room for the header.
static void send_frame(int socket, unsigned char *text, int length) {
    unsigned char *start = length < 126 ? text - 2 : text - 4;
    start[0] = 0x81;
    if (length < 126) {
        start[1] = length;
    } else {
        start[1] = 126, start[2] = length >> 8, start[3] = length & 0xFF;
    }
    send_all(socket, start, text - start + length);
}

static void send_text(int socket, const char *text) {
    unsigned char frame[256];
    int length = strlen(text);
    memcpy(frame + 4, text, length);
    send_frame(socket, frame + 4, length);
}

static void join(int socket) {
    if (connections[socket].is_member) return;
    connections[socket].is_member = 1;
    members[member_count++] = socket;
}

static void leave(int socket) {
    if (!connections[socket].is_member) return;
    connections[socket].is_member = 0;
    for (int i = 0; i < member_count; i++) {
        if (members[i] == socket) members[i--] = members[--member_count];
    }
}

// `42[id]["echo",…]`, `42[id]["join",…]` and `42["msg",room,payload]`. The answer is made where the event lies: it is
// shorter, and there is room in front of it where the header and the mask have been.
static void handle(int socket, unsigned char *text, int length) {
    if (length >= 2 && !memcmp(text, "40", 2)) return send_text(socket, "40{\"sid\":\"yardstick\"}");
    if (length < 10 || memcmp(text, "42", 2)) return;
    unsigned char *name = memchr(text, '[', length);
    if (!name) return;
    if (!memcmp(name, "[\"echo\",", 8)) {
        int digits = name - text - 2;
        unsigned char *answer = name + 7 - digits - 2;
        memmove(answer + 2, text + 2, digits);
        answer[0] = '4', answer[1] = '3', name[7] = '[';
        send_frame(socket, answer, text + length - answer);
    } else if (!memcmp(name, "[\"join\",", 8)) {
        char answer[64];
        join(socket);
        snprintf(answer, sizeof answer, "43%.*s[true]", (int)(name - text - 2), text + 2);
        send_text(socket, answer);
    } else if (!memcmp(name, "[\"msg\",", 7)) {
        unsigned char *payload = memchr(name + 7, ',', text + length - name - 7);
        if (!payload) return;
        unsigned char *event = payload - 8;
        memcpy(event, "42[\"msg\"", 8);
        int size = text + length - event;
        unsigned char *start = size < 126 ? event - 2 : event - 4;
        start[0] = 0x81;
        if (size < 126) {
            start[1] = size;
        } else {
            start[1] = 126, start[2] = size >> 8, start[3] = size & 0xFF;
        }
        for (int i = 0; i < member_count; i++) send_all(members[i], start, event + size - start);
    }
}

// The frames that have arrived whole; returns how many bytes they had.
static int handle_frames(int socket, unsigned char *bytes, int used) {
    int done = 0;
    while (used - done >= 6) {
        unsigned char *frame = bytes + done;
        int length = frame[1] & 0x7F, header = 6;
        if (length == 127) give_up("a message is too long");
        if (length == 126) {
            if (used - done < 8) break;
            length = frame[2] << 8 | frame[3], header = 8;
        }
        if (length + header > buffer_size) give_up("a message is too long");
        if (used - done < header + length) break;
        unsigned char *text = frame + header;
        uint32_t mask;
        memcpy(&mask, text - 4, 4);
        uint64_t wide = (uint64_t)mask << 32 | mask;
        int i = 0;
        for (; i + 8 <= length; i += 8) {
            uint64_t word;
            memcpy(&word, text + i, 8);
            word ^= wide;
            memcpy(text + i, &word, 8);
        }
        for (; i < length; i++) text[i] ^= ((unsigned char *)&mask)[i & 3];
        if ((frame[0] & 0x0F) == 1) handle(socket, text, length);
        done += header + length;
    }
    return done;
}

static int handle_request(int socket, unsigned char *bytes, int used) {
    bytes[used] = 0;
    char *end = strstr((char *)bytes, "\r\n\r\n");
    if (!end) return 0;
    char *key = strcasestr((char *)bytes, "\r\nSec-WebSocket-Key:");
    char answer[256], accept[32];
    if (!key || key > end) give_up("a request is not for a WebSocket");
    key += 20;
    while (*key == ' ') key++;
    accept_key(key, strcspn(key, "\r "), accept);
    int length = snprintf(
        answer, sizeof answer,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
        accept);
    send_all(socket, answer, length);
    send_text(
        socket,
        "0{\"sid\":\"yardstick\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":16000}");
    connections[socket].is_open = 1;
    return end + 4 - (char *)bytes;
}

static void readable(int socket) {
    connection *this = &connections[socket];
    ssize_t count = recv(socket, this->bytes + this->used, buffer_size - this->used, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) {
        leave(socket);
        close(socket);
        return;
    }
    this->used += count;
    int done = 0;
    if (!this->is_open) done = handle_request(socket, this->bytes, this->used);
    if (this->is_open) done += handle_frames(socket, this->bytes + done, this->used - done);
    this->used -= done;
    if (this->used >= buffer_size) give_up("a request is too long");
    if (done > 0 && this->used > 0) memmove(this->bytes, this->bytes + done, this->used);
}

int main(int count, char **words) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1, epoll = epoll_create1(0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    address.sin_port = htons(count > 1 ? atoi(words[1]) : 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096)) give_up("cannot listen");
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("listening %d\n", ntohs(address.sin_port));
    fflush(stdout);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[events_size];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(epoll, events, events_size, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd != listener) {
                readable(events[i].data.fd);
                continue;
            }
            int client;
            while ((client = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0) {
                if (client >= max_connections) give_up("too many connections");
                unsigned char *bytes = connections[client].bytes ?: malloc(buffer_size + 1);
                if (!bytes) give_up("no memory");
                connections[client] = (connection){.bytes = bytes};
                setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                event.data.fd = client;
                epoll_ctl(epoll, EPOLL_CTL_ADD, client, &event);
            }
        }
    }
}
