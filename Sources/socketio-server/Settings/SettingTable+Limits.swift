// Part of socketio-server, MIT licence; see LICENSE.

extension SettingTable {
    /// What one client may take of the server.
    static let limits = Section(
        title: "Limits",
        settings: [
            .number(
                "limits.maxRequestHeadSize", \.limits.maxRequestHeadSize, 1_024...1_048_576, unit: "bytes",
                "Largest request line with all headers; more is answered 431."),
            .number(
                "limits.maxHeaders", \.limits.maxHeaders, 10...10_000,
                "Most headers of a request; more is answered 431."),
            .list(
                "limits.keptHeaders", \.limits.keptHeaders,
                "Names of the headers of a handshake that are kept in memory while its session lives, for applications that look "
                    + "at them later; `*` alone is all of them. The checks of a handshake itself see all headers in any case."
            ),
            .number(
                "limits.headTimeoutMs", \.limits.headTimeoutMs, 10...3_600_000, unit: "ms",
                "How long a client may take to send the head of a request; then 408."),
            .number(
                "limits.bodyTimeoutMs", \.limits.bodyTimeoutMs, 10...3_600_000, unit: "ms",
                "How long a client may take to send the body of a request; then 408."),
            .number(
                "limits.keepAliveTimeoutMs", \.limits.keepAliveTimeoutMs, 10...86_400_000, unit: "ms",
                "How long a connection may stay open between two requests."),
            .number(
                "limits.sendTimeoutMs", \.limits.sendTimeoutMs, 10...86_400_000, unit: "ms",
                "How long a client may take none of an answer, plus a second for each 32 KiB of it."),
            .number(
                "limits.maxPacketsPerPayload", \.limits.maxPacketsPerPayload, 1...1_000_000,
                "Most packets in one polling body; more closes the session."),
            .number(
                "limits.maxFragmentsPerMessage", \.limits.maxFragmentsPerMessage, 1...1_000_000,
                "Most WebSocket frames that make one message; more closes with 1008."),
            .number(
                "limits.maxControlFramesPerSecond", \.limits.maxControlFramesPerSecond, 1...100_000,
                "Most WebSocket control frames in a second; more closes with 1008."),
            .number(
                "limits.slowClientBytes", \.limits.slowClientBytes, 1_024...1_073_741_824, unit: "bytes",
                "Bytes waiting for a client from which on it counts as slow: volatile messages to it are dropped, and it has to "
                    + "take something within `limits.slowClientTimeoutMs`."),
            .number(
                "limits.slowClientTimeoutMs", \.limits.slowClientTimeoutMs, 10...3_600_000, unit: "ms",
                "How long a slow client may take nothing before `limits.slowClientPolicy` is applied."),
            .number(
                "limits.maxBufferedBytes", \.limits.maxBufferedBytes, 1_024...1_073_741_824, unit: "bytes",
                "Most bytes waiting for a client, however fast it reads; then `limits.slowClientPolicy` is applied."),
            .number(
                "limits.maxTotalBufferedBytes", \.limits.maxTotalBufferedBytes, 1_048_576...1_099_511_627_776,
                unit: "bytes",
                "Most bytes waiting for all clients of the node; then those for which most waits are given up first. A message "
                    + "that waits for many clients of an event loop counts once."),
            .choice(
                "limits.slowClientPolicy", \.limits.slowClientPolicy,
                "What happens to a client that reads too slowly: its connection ends, or messages to it are left out."),
            .number(
                "limits.maxAttachments", \.limits.maxAttachments, 0...1_024,
                "Most binary values in one packet from a client; more closes the connection."),
            .optionalNumber(
                "limits.maxPacketBytes", \.limits.maxPacketBytes, 1...1_073_741_824, unit: "bytes",
                "Most bytes of a packet from a client, its text and all its binary values together; more closes the "
                    + "connection. Without a value, `maxHttpBufferSize`."),
            .number(
                "limits.maxNesting", \.limits.maxNesting, 1...128,
                "Deepest nesting of arrays and objects in a packet from a client; deeper closes the connection."),
            .number(
                "limits.maxKeyLength", \.limits.maxKeyLength, 1...1_073_741_824, unit: "bytes",
                "Longest key of an object in a packet from a client, as the client wrote it: an escape such as `\\u00e9` counts "
                    + "as six bytes. A longer one closes the connection."),
            .number(
                "limits.maxEventNameLength", \.limits.maxEventNameLength, 1...1_073_741_824, unit: "bytes",
                "Longest name of an event from a client, counted in the same way; a longer one closes the connection."),
            .number(
                "limits.maxAuthBytes", \.limits.maxAuthBytes, 2...1_073_741_824, unit: "bytes",
                "Largest `auth` that a client gives for a namespace, as JSON; a larger one is refused with an error that says "
                    + "so. The server keeps these bytes as long as the client stays."),
            .number(
                "limits.maxNamespacesPerClient", \.limits.maxNamespacesPerClient, 1...1_000_000,
                "Most namespaces of one connection; another one is refused."),
            .number(
                "limits.maxRoomsPerSocket", \.limits.maxRoomsPerSocket, 1...10_000_000,
                "Most rooms a socket is in; joining another one is refused."),
            .number(
                "limits.maxNameLength", \.limits.maxNameLength, 20...65_536, unit: "bytes",
                "Longest name of a namespace or room."),
            .number(
                "limits.maxPendingAcks", \.limits.maxPendingAcks, 1...10_000_000,
                "Most acknowledgements the server waits for from one socket."),
            .number(
                "limits.maxWaitingEvents", \.limits.maxWaitingEvents, 1...10_000_000,
                "Most events of one socket that wait for asynchronous middlewares; more closes the connection."),
            .number(
                "limits.maxWaitingBytes", \.limits.maxWaitingBytes, 0...1_073_741_824, unit: "bytes",
                "Most bytes of the events of one client that wait for asynchronous middlewares; more closes the connection. A "
                    + "single event may be larger."),
            .number(
                "limits.maxRunningHandlers", \.limits.maxRunningHandlers, 1...1_000_000_000,
                "Most asynchronous handlers of one socket that run at once; with so many nothing more of its client is read until "
                    + "one has ended."),
        ])
}
