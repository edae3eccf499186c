// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOCore
internal import SocketIOCore

extension HotLoop {
    /// The ways by which names and texts of peers come in, each once with half a megabyte of letters and once with as much
    /// of combining marks: the second may need three times the instructions of the first, see `.ci/instructions.sh`.
    package static let names: [HotLoop] = ["letters", "marks"].flatMap { kind -> [HotLoop] in
        [
            HotLoop(name: "auth-of-\(kind)") {
                let packet = ByteBuffer(string: #"0{"\#(text(kind))":1,"b":{"c":"\#(text(kind))"}}"#)
                return { count in
                    for _ in 0..<count {
                        var parser = DefaultParser(limits: generous)
                        let valid = packet.withUnsafeReadableBytes { UTF8Validator.isValid($0) }
                        guard valid, case .connect(let auth?)? = try? parser.receive(.text(packet))?.body else {
                            return
                        }
                        keep(RawJSON(validated: auth, attachments: []).value["b"])
                    }
                }
            },
            HotLoop(name: "event-of-\(kind)") {
                let packet = ByteBuffer(string: #"2["\#(text(kind))","\#(text(kind))",{"\#(text(kind))":1}]"#)
                return { count in
                    for _ in 0..<count {
                        var parser = DefaultParser(limits: generous)
                        let valid = packet.withUnsafeReadableBytes { UTF8Validator.isValid($0) }
                        guard valid, case .event(let payload)? = try? parser.receive(.text(packet))?.body else {
                            return
                        }
                        keep(payload.eventName.map { EventName.isReserved($0) })
                        keep(try? payload.decode(String.self, at: 1))
                        keep(payload.value(at: 2))
                    }
                }
            },
            HotLoop(name: "room-of-\(kind)") {
                let index = RoomIndex<Int>(limits: RoomLimits(maxNameLength: 1_000_000))
                let member = index.add(1)
                index.activate(member)
                let bytes = Array(text(kind).utf8)
                return { count in
                    for _ in 0..<count {
                        let name = String(decoding: bytes, as: UTF8.self)
                        keep(index.join(name, member))
                        keep(index.members(rooms: [name, "a"], except: ["b"]))
                        keep(index.leave(name, member))
                    }
                }
            },
            HotLoop(name: "message-of-\(kind)") {
                var writer = MessagePackWriter()
                let json = #"{"uid":"\#(text(kind))","rooms":{"\#(text(kind))":1}}"#
                try? writer.write(json: ByteBuffer(string: json), attachments: [])
                let packed = writer.finish()
                return { count in
                    for _ in 0..<count {
                        var reader = MessagePackReader(packed)
                        guard let read = try? MessagePackJSON.read(&reader) else { return }
                        let raw = RawJSON(validated: read.json, attachments: [])
                        keep(try? raw.decode(ClusterAnswer.self))
                    }
                }
            },
        ]
    }

    /// Beyond what a server accepts.
    private static let generous = PacketLimits(
        maxPacketBytes: 4_000_000, maxKeyLength: 1_000_000, maxEventNameLength: 1_000_000)

    private struct ClusterAnswer: Decodable {
        var uid: String
        var rooms: NameDictionary<Int>
    }

    private static func text(_ kind: String) -> String {
        let size = 500_000
        guard kind == "marks" else { return String(repeating: "a", count: size) }
        return "a" + String(repeating: "\u{301}", count: size / 4) + String(repeating: "\u{323}", count: size / 4)
    }
}
