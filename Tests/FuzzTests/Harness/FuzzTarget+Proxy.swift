// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore

@testable internal import HTTPServerCore

extension FuzzTarget {
    /// What a proxy says in front of a connection, both versions.
    static let proxyHeader = FuzzTarget(name: "proxy-header", maximumLength: 1024) { input in
        let result = try input.inAllPieces { pieces in ProxyStart(pieces) }
        guard case .complete(let header) = result.outcome else { return }
        try require(result.rest <= input.bytes.count - 15, "a header of \(input.bytes.count - result.rest) bytes")
        if let client = header.client {
            try require(client.isAddress, "the client's address is \(client.debugDescription)")
        }
    }
}

extension String {
    /// Whether it is the text of an address and nothing else.
    var isAddress: Bool {
        TrustedProxies.bytes(self) != nil
            && utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
                    UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "."), UInt8(ascii: ":"):
                    true
                default: false
                }
            }
    }
}

/// The end of the header, and what is left for the connection.
private struct ProxyStart: Equatable {
    var outcome = ProxyHeader.Outcome.incomplete
    var rest = 0

    init(_ pieces: [ArraySlice<UInt8>]) {
        var buffer = ByteBuffer()
        for piece in pieces {
            buffer.writeBytes(piece)
            if outcome == .incomplete { outcome = ProxyHeader.take(from: &buffer) }
        }
        if case .complete = outcome { rest = buffer.readableBytes }
    }
}
