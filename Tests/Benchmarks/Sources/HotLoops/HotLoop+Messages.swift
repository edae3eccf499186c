// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import SocketIOCore

/// A chat message as applications send it.
private struct ChatMessage: Codable {
    var from: String
    var text: String
    var at: Int
    var tags: [String]
    var score: Double?
}

private let chatMessage = ChatMessage(
    from: "alice", text: "Shall we meet at eight, \"as usual\"? 🙂", at: 1_760_000_000_000, tags: ["plan", "evening"],
    score: 0.5)
private let event =
    #"["msg","room 42",{"from":"alice","text":"Shall we meet at eight, \"as usual\"? 🙂","at":1760000000000,"tags":["plan","evening"],"score":0.5}]"#

extension HotLoop {
    /// From the bytes of a connection to the arguments of a handler.
    static let inbound = [
        HotLoop(name: "frame-to-message") {
            let frame = maskedFrame("42" + event)
            var assembler = MessageAssembler(limits: WebSocketLimits(maximumMessageSize: 1_000_000))
            return { count in
                for _ in 0..<count {
                    var bytes = frame
                    assembler.receive(&bytes)
                    while let event = try? assembler.next(now: .now()) { keep(event) }
                }
            }
        },
        HotLoop(name: "whole-message") {
            let frame = maskedFrame("42" + event)
            var reader = WholeMessageReader()
            return { count in
                for _ in 0..<count {
                    var taken = 0
                    keep(reader.next(in: frame, at: &taken, limit: 1_000_000))
                }
            }
        },
        HotLoop(name: "message-to-packet") {
            let text = ByteBuffer(string: "42" + event)
            var parser = DefaultParser()
            return { count in
                for _ in 0..<count {
                    guard case .message(let message)? = try? EnginePacketCodec.decodeText(text) else { return }
                    keep(try? parser.receive(message))
                }
            }
        },
        HotLoop(name: "arguments-to-values") {
            let payload = try? PacketPayload(text: ByteBuffer(string: event))
            return { count in
                for _ in 0..<count { keep(try? payload?.decode(ChatMessage.self, at: 2)) }
            }
        },
    ]

    /// From a handler's values to the frame that leaves.
    static let outbound = [
        HotLoop(name: "values-to-frame") {
            let headroom = DefaultEncoder.headroom(nsp: "/")
            return { count in
                for _ in 0..<count {
                    var writer = ArgumentWriter(eventName: "msg", headroom: headroom)
                    try? writer.append("room 42")
                    try? writer.append(chatMessage)
                    keep(DefaultEncoder.event(nsp: "/", json: writer.finish().json))
                }
            }
        },
        HotLoop(name: "acknowledgement") {
            let headroom = DefaultEncoder.headroom(nsp: "/")
            return { count in
                for id in 0..<count {
                    var writer = ArgumentWriter(headroom: headroom, capacity: 32)
                    try? writer.append("ok")
                    keep(DefaultEncoder.ack(nsp: "/", id: id, json: writer.finish().json))
                }
            }
        },
        HotLoop(name: "relayed-acknowledgement") {
            let headroom = DefaultEncoder.headroom(nsp: "/")
            let payload = try? PacketPayload(text: ByteBuffer(string: event))
            return { count in
                for id in 0..<count {
                    guard let json = payload?.tail(from: 1, headroom: headroom) else { return }
                    keep(DefaultEncoder.ack(nsp: "/", id: id, json: json))
                }
            }
        },
        HotLoop(name: "acknowledgement-in-place") {
            return { count in
                withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { output in
                    for id in 0..<count {
                        guard let bound = DefaultEncoder.ackBound(nsp: "/", "ok"), bound <= output.count else { return }
                        keep(DefaultEncoder.writeAck(nsp: "/", id: id, "ok", into: output))
                    }
                }
            }
        },
        HotLoop(name: "relayed-acknowledgement-in-place") {
            let payload = try? PacketPayload(text: ByteBuffer(string: event))
            return { count in
                withUnsafeTemporaryAllocation(byteCount: 512, alignment: 8) { output in
                    for id in 0..<count {
                        let isTaken = payload?.withTail(from: 1) { elements in
                            guard DefaultEncoder.ackBound(nsp: "/", relaying: elements) <= output.count else { return }
                            keep(DefaultEncoder.writeAck(nsp: "/", id: id, relaying: elements, into: output))
                        }
                        keep(isTaken)
                    }
                }
            }
        },
        HotLoop(name: "polling-payload") {
            let messages = (0..<16).map { _ in OutboundPacket.text(type: 0x34, payload: ByteBuffer(string: "2" + event))
            }
            let allocator = ByteBufferAllocator()
            return { count in
                for _ in 0..<count { keep(PollingPayloadEncoder.encode(messages, allocator: allocator)) }
            }
        },
    ]

    private static func maskedFrame(_ text: String) -> ByteBuffer {
        let key: [UInt8] = [0x12, 0x34, 0x56, 0x78]
        let payload = Array(text.utf8)
        var frame = ByteBuffer(bytes: [0x81, 0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xff)] + key)
        frame.writeBytes(payload.enumerated().map { $1 ^ key[$0 % 4] })
        return frame
    }
}
