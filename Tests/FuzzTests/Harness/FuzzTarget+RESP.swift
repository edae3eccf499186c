// Part of socketio-server, MIT licence; see LICENSE.

internal import HiredisNIO
internal import NIOCore

extension FuzzTarget {
    /// Replies of a Redis server, plain and with messages of subscriptions.
    static let resp = FuzzTarget(name: "resp", maximumLength: 2048) { input in
        for recognisesMessages in [false, true] {
            let outcome = try input.inAllPieces { pieces in
                try RedisServer.read(pieces, recognisesMessages: recognisesMessages)
            }
            for case .value(let value) in outcome.replies {
                // Repaired text is longer.
                let again = try RedisServer.read(
                    [RedisServer.bytes(value)[...]], limits: RESPLimits(), recognisesMessages: false)
                try require(
                    again.replies == [.value(value)] && again.error == nil,
                    "written and read again: \(again) instead of \(value)")
            }
        }
    }
}

private enum RedisServer {
    static let limits = RESPLimits(
        maximumBulkLength: 100, maximumReplyBytes: 300, maximumElements: 24, maximumDepth: 4, maximumLineLength: 100)

    struct Outcome: Equatable {
        var replies: [RESPReply] = []
        var error: RESPError?

        /// Numbers of many digits are refused as soon as so many wait; hiredis takes or refuses them when they come at once.
        static func == (one: Outcome, other: Outcome) -> Bool {
            if one.isLineTooLong || other.isLineTooLong {
                return zip(one.replies, other.replies).allSatisfy { $0 == $1 }
            }
            return one.replies == other.replies && one.error == other.error
        }

        private var isLineTooLong: Bool { if case .lineTooLong = error { true } else { false } }
    }

    static func read(
        _ pieces: [ArraySlice<UInt8>], limits: RESPLimits = limits, recognisesMessages: Bool
    ) throws -> Outcome {
        let reader = RESPReader(limits: limits, recognisesMessages: recognisesMessages)
        var outcome = Outcome()
        for piece in pieces {
            reader.feed(FuzzInput.buffer(piece))
            do {
                while let reply = try reader.next() {
                    outcome.replies.append(reply)
                    try check(reply, limits)
                }
            } catch let error as RESPError {
                outcome.error = error
            }
        }
        return outcome
    }

    private static func check(_ reply: RESPReply, _ limits: RESPLimits) throws {
        guard case .value(let value) = reply else { return }
        var (count, bytes) = (0, 0)
        let depth = measure(value, &count, &bytes)
        try require(count <= limits.maximumElements + 1, "\(count) elements")
        try require(depth <= limits.maximumDepth, "\(depth) levels")
        try require(bytes <= limits.maximumReplyBytes, "strings of \(bytes) bytes")
    }

    private static func measure(_ value: RESPValue, _ count: inout Int, _ bytes: inout Int) -> Int {
        count += 1
        switch value {
        case .array(let elements):
            var depth = 0
            for element in elements { depth = max(depth, measure(element, &count, &bytes)) }
            return depth + 1
        case .bulk(let text): bytes += text.readableBytes
        default: break
        }
        return 0
    }

    static func bytes(_ value: RESPValue) -> [UInt8] {
        switch value {
        case .null: Array("$-1\r\n".utf8)
        case .integer(let number): Array(":\(number)\r\n".utf8)
        case .simple(let text): Array("+\(text)\r\n".utf8)
        case .error(let text): Array("-\(text)\r\n".utf8)
        case .bulk(let text):
            Array("$\(text.readableBytes)\r\n".utf8) + Array(text.readableBytesView) + Array("\r\n".utf8)
        case .array(let elements): Array("*\(elements.count)\r\n".utf8) + elements.flatMap(bytes)
        }
    }
}
