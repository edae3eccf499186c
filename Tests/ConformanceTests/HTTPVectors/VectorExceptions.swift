// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOTesting

/// Where we answer differently from the recorded Node server, and what is not built.
enum VectorExceptions {
    /// Scenarios of features that do not exist here, with the reason. They are counted as not covered.
    static let notCovered: [String: String] = [
        "eio4/handshake-jsonp": "JSONP is not built",
        "eio4/handshake-jsonp-j-not-number": "JSONP is not built",
        "eio4/jsonp-session": "JSONP is not built",
        "csr/connect": "RecoveryVectorTests cover recovery; its CONNECT reply has one member more",
    ]

    /// A settled difference: why, and what is expected in place of the recording.
    struct Deviation: Sendable {
        var reason: String
        var apply: @Sendable (inout VectorScenario) -> Void

        init(_ reason: String, _ apply: @escaping @Sendable (inout VectorScenario) -> Void) {
            self.reason = reason
            self.apply = apply
        }
    }

    /// What is expected of us for a recorded scenario.
    static func expected(_ recorded: VectorScenario) -> VectorScenario {
        var scenario = recorded.server == "fast-ping" ? recorded.slowedDown : recorded
        scenario.namesWhatItDependsOn()
        deviations[recorded.id]?.apply(&scenario)
        return scenario
    }

    private static let badRequest = #"{"code":3,"message":"Bad request"}"#

    static let deviations: [String: Deviation] = [
        "eio4/post-invalid-payload": .init("quirk 4: a payload that cannot be decoded is answered with 400") {
            $0.answer(1, status: 400, json: badRequest)
        },
        "eio4/post-empty-body": .init("quirk 4: a payload that cannot be decoded is answered with 400") {
            $0.answer(1, status: 400, json: badRequest)
        },
        "eio4/concurrent-posts": .init("protocol 1.8.3, rule 7: the POST whose body is not complete gets 400") {
            $0.answer(1, status: 400, headers: [])
        },
        "eio4/ws-event-no-data": .init("quirk 8: an event without a name ends the session") {
            $0.closesAfterLastSend(0)
        },
        "eio4/ws-eio-close": .init("quirk 5: a close packet over WebSocket is honoured") { $0.closesAfterLastSend(0) },
        "cookie/true": .init("quirk 7: the cookie is sent with the 101 as well") {
            $0.addHeader(2, ("Set-Cookie", "io=AAAAAAAAAAAAAAAAAAAA; Path=/; HttpOnly; SameSite=Lax"))
        },
        "payload/too-large": .init("quirk 3: a POST that is too large ends the session") {
            $0.answer(2, status: 400, json: #"{"code":1,"message":"Session ID unknown"}"#)
            $0.steps[2].outcome = nil
        },
        "eio/version-3-not-allowed": .init("an unsupported revision is refused before the 101, as all others are") {
            $0.answer(
                1, status: 400, headers: [("Content-type", "text/html")], body: "Unsupported protocol version")
        },
        "transports/polling-only": .init("refused upgrades have one form, whatever is enabled (protocol 1.5.1)") {
            for step in [1, 2] {
                $0.answer(step, status: 400, headers: [("Content-type", "text/html")], body: "Transport unknown")
            }
        },
        "client/socket.io.msgpack.min.js": .init("protocol 8: served only where clients may write MessagePack") {
            for step in [0, 1] { $0.answer(step, status: 404, headers: nil) }
        },
        "client/socket.io.msgpack.min.js.map": .init("protocol 8: served only where clients may write MessagePack") {
            for step in [0, 1] { $0.answer(step, status: 404, headers: nil) }
        },
        "client/query-and-method": .init("protocol 8: client files are served to GET and HEAD only") {
            $0.answer(2, status: 405, headers: nil)
        },
        "compression/permessage-deflate": .init("no window is kept between messages, and the answer says so") {
            let extensions = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            $0.replaceHeader(0, ("sec-websocket-extensions", extensions))
            $0.replaceHeader(1, ("sec-websocket-extensions", extensions))
        },
        "eio4/raw-ws-bad-version": .init("RFC 6455, 4.4: 426, naming the one version there is") {
            $0.answer(
                0, status: 426, headers: [("Content-type", "text/html"), ("Sec-WebSocket-Version", "13")],
                body: "Unsupported WebSocket version")
        },
    ]
}

extension VectorScenario {
    /// The same with heartbeats ten times as long as the recorded 120 and 80 ms, so that no machine is too slow for them.
    fileprivate var slowedDown: VectorScenario {
        func slow(_ text: String) -> String {
            text.replacing(#""pingInterval":120,"pingTimeout":80"#, with: #""pingInterval":1200,"pingTimeout":800"#)
        }
        var scenario = self
        for index in steps.indices {
            switch steps[index].exchange {
            case .request(let request, var response):
                if let body = response?.body {
                    response?.body = Array(slow(String(decoding: body, as: UTF8.self)).utf8)
                }
                scenario.steps[index].exchange = .request(request, response)
            case .webSocket(let path, let headers, let events):
                let slower: [Event] = events.map { event in
                    guard case .receive(.text(let text)) = event else { return event }
                    return .receive(.text(slow(text)))
                }
                scenario.steps[index].exchange = .webSocket(path: path, headers: headers, events: slower)
            }
        }
        return scenario
    }

    /// Every answer that comes compressed or not says so (`Vary`), which Node forgets. Its tags of files are not ours.
    fileprivate mutating func namesWhatItDependsOn() {
        for index in steps.indices {
            guard case .request(let request, let response?) = steps[index].exchange else { continue }
            let names = Set(response.headers.map { $0.name.lowercased() })
            if let tag = request.headers.first(where: { $0.name.lowercased() == "if-none-match" })?.value {
                answer(index, status: tag == "*" ? 304 : 200, headers: nil)
            } else if names.contains("content-encoding") || names.contains("etag") {
                addHeader(index, ("Vary", "Accept-Encoding"))
            }
        }
    }

    /// Replaces the recorded answer of a step; with nil headers only the status is compared.
    fileprivate mutating func answer(
        _ index: Int, status: Int, headers: [(name: String, value: String)]?, body: String = ""
    ) {
        guard case .request(let request, _) = steps[index].exchange else { return }
        steps[index].exchange = .request(
            request,
            Response(
                status: status, headers: headers ?? [], body: headers == nil ? nil : Array(body.utf8),
                ignoresHeaders: headers == nil))
        steps[index].outcome = nil
    }

    fileprivate mutating func answer(_ index: Int, status: Int, json: String) {
        answer(index, status: status, headers: [("Content-Type", "application/json")], body: json)
    }

    fileprivate mutating func addHeader(_ index: Int, _ header: (name: String, value: String)) {
        guard case .request(let request, var response?) = steps[index].exchange else { return }
        response.headers.append(header)
        steps[index].exchange = .request(request, response)
    }

    /// Another value for a header of the recorded answer.
    fileprivate mutating func replaceHeader(_ index: Int, _ header: (name: String, value: String)) {
        switch steps[index].exchange {
        case .request(let request, var response?):
            response.headers = response.headers.filter { $0.name.lowercased() != header.name } + [header]
            steps[index].exchange = .request(request, response)
        case .webSocket(let path, let headers, let events):
            let headers = headers.filter { $0.name.lowercased() != header.name } + [header]
            steps[index].exchange = .webSocket(path: path, headers: headers, events: events)
        case .request: break
        }
    }

    /// The server closes where the recording ended with the client's close.
    fileprivate mutating func closesAfterLastSend(_ index: Int) {
        guard case .webSocket(let path, let headers, let events) = steps[index].exchange else { return }
        let kept = events.filter { if case .closed = $0 { false } else { $0 != .closeByClient } }
        steps[index].exchange = .webSocket(
            path: path, headers: headers, events: kept + [.closed(byServer: true, code: 1005)])
    }
}
