// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import SocketIOCore

extension HotLoop {
    /// Who is in which room. A member is what the server keeps there: a reference.
    static let rooms = [
        HotLoop(name: "broadcast-to-1000") {
            let index = crowd(1_000)
            return { count in
                for _ in 0..<count { index.forEach(rooms: ["everybody"]) { keep($0) } }
            }
        },
        HotLoop(name: "broadcast-to-1000-except") {
            let index = crowd(1_000)
            return { count in
                for _ in 0..<count { index.forEach(rooms: ["everybody", "even"], except: ["member 7"]) { keep($0) } }
            }
        },
        HotLoop(name: "join-and-leave") {
            let index = crowd(1_000)
            let member = index.add(Member())
            index.activate(member)
            return { count in
                for _ in 0..<count {
                    keep(index.join("everybody", member))
                    keep(index.leave("everybody", member))
                }
            }
        },
    ]

    /// Between JSON and the MessagePack of other nodes.
    static let cluster = [
        HotLoop(name: "json-to-messagepack") {
            let json = ByteBuffer(string: arguments)
            return { count in
                for _ in 0..<count {
                    var writer = MessagePackWriter()
                    try? writer.write(json: json, attachments: [])
                    keep(writer.finish())
                }
            }
        },
        HotLoop(name: "messagepack-to-json") {
            var writer = MessagePackWriter()
            try? writer.write(json: ByteBuffer(string: arguments), attachments: [])
            let packed = writer.finish()
            return { count in
                for _ in 0..<count {
                    var reader = MessagePackReader(packed)
                    keep(try? MessagePackJSON.read(&reader))
                }
            }
        },
    ]

    private static let arguments =
        #"["msg",{"from":"alice","text":"Shall we meet at eight?","at":1760000000000,"tags":["plan","evening"],"score":0.5}]"#

    private final class Member {}

    /// All in one room, every second one in another, and each in a room of its own.
    private static func crowd(_ count: Int) -> RoomIndex<Member> {
        let index = RoomIndex<Member>()
        for number in 0..<count {
            let member = index.add(Member())
            index.activate(member)
            _ = index.join("everybody", member)
            if number.isMultiple(of: 2) { _ = index.join("even", member) }
            _ = index.join("member \(number)", member)
        }
        return index
    }
}
