// Part of socketio-server, MIT licence; see LICENSE.

import HTTPTesting
import NIOCore
import NIOHTTP1
import Testing

@testable import HTTPServerCore

/// Any bytes in any pieces give answers or a closed connection, and never more memory than the limits.
@Suite("HTTP under arbitrary bytes")
struct HTTPFuzzTests {
    private static let seeds = [
        "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip;q=0.3, *\r\n\r\n",
        "POST /socket.io/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        "POST /socket.io/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: x\r\n\r\n",
        "GET /socket.io/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\u{1}\u{2}",
        "OPTIONS /socket.io/socket.io.js HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\n\r\n",
        "GET http://x/other?%zz HTTP/1.0\r\nConnection: keep-alive\r\nX-Forwarded-For: 1, ,::\r\n\r\n",
    ]

    @Test(arguments: 0..<8)
    func mutatedRequestsHarmNobody(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        for _ in 0..<400 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes += Array(Self.seeds[Int.random(in: 0..<Self.seeds.count, using: &random)].utf8)
            }
            for _ in 0..<Int.random(in: 0...6, using: &random) { Self.mutate(&bytes, &random) }
            let service = ScriptedService { exchange in
                exchange.collectBody(limit: 8) { result in
                    switch result {
                    case .success: exchange.respond(.echo(exchange))
                    case .failure: exchange.respond(HTTPServerResponse(status: .payloadTooLarge))
                    }
                }
            }
            let connection = try EmbeddedConnection(service: service) {
                $0.cors = CORSConfiguration()
                $0.trustedProxies = TrustedProxies(["192.0.2.0/24"])
            }
            while !bytes.isEmpty, connection.isOpen {
                let count = Int.random(in: 1...max(1, min(bytes.count, 200)), using: &random)
                try connection.send(ByteBuffer(bytes: bytes.prefix(count)))
                bytes.removeFirst(count)
            }
            connection.advance(by: .hours(1))
            #expect(!connection.isOpen)
            let output = try connection.output()
            #expect(output.isEmpty || output.hasPrefix("HTTP/1.1 "))
        }
    }

    private static func mutate(_ bytes: inout [UInt8], _ random: inout SplitMix) {
        guard !bytes.isEmpty else { return }
        let index = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: index)
        case 2: bytes.insert(contentsOf: [13, 10], at: index)
        case 3: bytes.insert(contentsOf: bytes[..<min(index, 30)], at: index)
        default: bytes.insert([0, 9, 10, 13, 32, 44, 58, 59, 127, 255].randomElement(using: &random) ?? 0, at: index)
        }
    }
}

/// A small generator, so that a failing run can be repeated.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
