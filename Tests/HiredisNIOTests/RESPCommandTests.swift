// Part of socketio-server, MIT licence; see LICENSE.

import CHiredis
import NIOCore
import Testing

@testable import HiredisNIO

@Suite("RESPCommand")
struct RESPCommandTests {
    /// The command as hiredis writes it.
    private func hiredis(_ arguments: [[UInt8]]) -> [UInt8] {
        let pointers: [UnsafePointer<CChar>?] = arguments.map { argument in
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: argument.count + 1)
            for (index, byte) in argument.enumerated() { copy[index] = CChar(bitPattern: byte) }
            return UnsafePointer(copy)
        }
        defer { for pointer in pointers { pointer?.deallocate() } }
        var target: UnsafeMutablePointer<CChar>?
        var variable = pointers
        let length = redisFormatCommandArgv(&target, Int32(arguments.count), &variable, arguments.map(\.count))
        guard let target, length >= 0 else { return [] }
        defer { redisFreeCommand(target) }
        return (0..<Int(length)).map { UInt8(bitPattern: target[$0]) }
    }

    @Test("Is what hiredis writes, for lengths around every power of ten")
    func lengths() {
        for length in [0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 9999, 10_000, 123_456] {
            let payload = [UInt8](repeating: 0x78, count: length)
            let command = RESPCommand("PUBLISH", "channel", ByteBuffer(bytes: payload))
            #expect(
                Array(command.bytes.readableBytesView)
                    == hiredis([Array("PUBLISH".utf8), Array("channel".utf8), payload]))
            let message = RedisPublish(ByteBuffer(bytes: payload), to: "channel")
            #expect(message.bytes == command.bytes)
            #expect(message.channel == ByteBuffer(string: "channel"))
            #expect(message.payload == ByteBuffer(bytes: payload))
            let sharded = RedisPublish(ByteBuffer(bytes: payload), to: "channel", sharded: true)
            #expect(sharded.bytes == RESPCommand("SPUBLISH", "channel", ByteBuffer(bytes: payload)).bytes)
            #expect(sharded.payload == message.payload)
            let long = String(repeating: "c", count: length)
            #expect(
                RedisPublish(ByteBuffer(), to: long).bytes == RESPCommand("PUBLISH", long, ByteBuffer()).bytes)
        }
    }

    @Test("Splits the words of its name, and writes any bytes")
    func words() {
        let command = RESPCommand("CLIENT SETNAME", "é\r\n\u{0}", -5)
        #expect(
            Array(command.bytes.readableBytesView)
                == hiredis(["CLIENT", "SETNAME", "é\r\n\u{0}", "-5"].map { Array($0.utf8) }))
        #expect(command.name == "CLIENT SETNAME")
    }
}
