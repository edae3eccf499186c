// Part of socketio-server, MIT licence; see LICENSE.

extension SettingTable {
    /// The limits on what one client may send, keep and leave unread.
    static let limits = Section(
        title: "Limits",
        settings: [
            .number(
                "limits.maxRequestHeadSize", \.limits.maxRequestHeadSize, 1_024...1_048_576, unit: "bytes",
                "Largest request line with all headers; a larger one is answered with 431."),
            .number(
                "limits.maxHeaders", \.limits.maxHeaders, 10...10_000,
                "Largest number of headers in a request; more are answered with 431."),
            .list(
                "limits.keptHeaders", \.limits.keptHeaders,
                "Names of the handshake headers that the server keeps in memory while the session lives, for "
                    + "applications that read them later; `*` alone keeps all of them. The checks during the "
                    + "handshake see all headers in any case."
            ),
            .number(
                "limits.headTimeoutMs", \.limits.headTimeoutMs, 10...3_600_000, unit: "ms",
                "How long a client may take to send the head of a request; after that the server answers 408."),
            .number(
                "limits.bodyTimeoutMs", \.limits.bodyTimeoutMs, 10...3_600_000, unit: "ms",
                "How long a client may take to send the body of a request; after that the server answers 408."),
            .number(
                "limits.keepAliveTimeoutMs", \.limits.keepAliveTimeoutMs, 10...86_400_000, unit: "ms",
                "How long a connection may stay idle between two requests."),
            .number(
                "limits.sendTimeoutMs", \.limits.sendTimeoutMs, 10...86_400_000, unit: "ms",
                "How long a client may take to read a response, plus a second for each 32 KiB of it; after that the "
                    + "connection is closed."),
            .number(
                "limits.maxPacketsPerPayload", \.limits.maxPacketsPerPayload, 1...1_000_000,
                "Largest number of packets in one polling body; more close the session."),
            .number(
                "limits.maxFragmentsPerMessage", \.limits.maxFragmentsPerMessage, 1...1_000_000,
                "Largest number of WebSocket frames in one message; more close the connection with 1008."),
            .number(
                "limits.maxControlFramesPerSecond", \.limits.maxControlFramesPerSecond, 1...100_000,
                "Largest number of WebSocket control frames in a second; more close the connection with 1008."),
            .number(
                "limits.maxUnhandledInputBytes", \.limits.maxUnhandledInputBytes, 65_536...1_073_741_824, unit: "bytes",
                "Bound on the input that an event loop keeps for all its clients together after they sent it while the "
                    + "server did not read from them. The client whose input exceeds it is disconnected."),
            .number(
                "limits.slowClientBytes", \.limits.slowClientBytes, 1_024...1_073_741_824, unit: "bytes",
                "Soft bound on the bytes queued for a client. Above it the client counts as slow: the server drops "
                    + "volatile messages to it, and the client has to read something within "
                    + "`limits.slowClientTimeoutMs`."),
            .number(
                "limits.slowClientTimeoutMs", \.limits.slowClientTimeoutMs, 10...3_600_000, unit: "ms",
                "How long a slow client may read nothing before `limits.slowClientPolicy` is applied."),
            .number(
                "limits.maxBufferedBytes", \.limits.maxBufferedBytes, 1_024...1_073_741_824, unit: "bytes",
                "Hard bound on the bytes queued for a client, however fast it reads. At it "
                    + "`limits.slowClientPolicy` is applied."),
            .number(
                "limits.maxTotalBufferedBytes", \.limits.maxTotalBufferedBytes, 1_048_576...1_099_511_627_776,
                unit: "bytes",
                "Bound on the bytes queued for all clients of the node together. Over it the server gives up the "
                    + "clients with the longest queues first. A message that is queued for many clients of an "
                    + "event loop counts once."),
            .choice(
                "limits.slowClientPolicy", \.limits.slowClientPolicy,
                "What happens to a client that reads too slowly: `disconnect` closes its connection, `dropOldest` "
                    + "and `dropNewest` drop messages queued for it."),
            .number(
                "limits.maxAttachments", \.limits.maxAttachments, 0...1_024,
                "Largest number of binary values in one packet from a client; more close the connection."),
            .number(
                "limits.attachmentTimeoutMs", \.limits.attachmentTimeoutMs, 10...3_600_000, unit: "ms",
                "How long the binary values of a packet may take to arrive after its text; after that the connection is closed."
            ),
            .optionalNumber(
                "limits.maxPacketBytes", \.limits.maxPacketBytes, 1...1_073_741_824, unit: "bytes",
                "Largest packet from a client, its text and all its binary values together; a larger one closes the "
                    + "connection. Without a value, `maxHttpBufferSize` applies."),
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
                "Largest `auth`, as JSON, that a client may send when it joins a namespace; a larger one is refused "
                    + "with an error that says so. The server keeps these bytes until the client leaves."),
            .number(
                "limits.maxAuthBytesPerClient", \.limits.maxAuthBytesPerClient, 2...1_073_741_824, unit: "bytes",
                "Largest size of `auth` of all namespaces of one connection together; at least `limits.maxAuthBytes`. Joining "
                    + "a further namespace is refused beyond."),
            .number(
                "limits.maxNamespacesPerClient", \.limits.maxNamespacesPerClient, 1...1_000_000,
                "Largest number of namespaces that one connection may join; further ones are refused."),
            .number(
                "limits.maxRoomsPerSocket", \.limits.maxRoomsPerSocket, 1...10_000_000,
                "Largest number of rooms that a socket may be in; joining further ones is refused."),
            .number(
                "limits.maxRooms", \.limits.maxRooms, 1...1_000_000_000,
                "Largest number of rooms with members on this node, in all namespaces together; joining a further one is "
                    + "refused. The room that each socket has to itself does not count."),
            .number(
                "limits.maxNameLength", \.limits.maxNameLength, 20...65_536, unit: "bytes",
                "Longest name of a namespace or room; a longer one is refused. A packet that names a namespace of more than 512 "
                    + "bytes, or of more than this if this is larger, closes the connection."),
            .number(
                "limits.maxPendingAcks", \.limits.maxPendingAcks, 1...10_000_000,
                "Largest number of acknowledgements that the server waits for from one socket."),
            .number(
                "limits.maxWaitingEvents", \.limits.maxWaitingEvents, 1...10_000_000,
                "Largest number of events of one socket that wait for asynchronous middlewares; more close the "
                    + "connection."),
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
