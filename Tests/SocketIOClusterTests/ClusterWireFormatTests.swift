// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import SocketIOCore
internal import Testing

@testable internal import SocketIOCluster
@testable internal import SocketIOServer

@Suite("Messages of a ClusterTransport")
struct ClusterWireFormatTests {
    private static let options = BroadcastOptions(
        rooms: ["a"], except: ["b"], flags: BroadcastFlags(isVolatile: true, compress: false, timeout: .seconds(2)))

    private func packet() throws -> BroadcastPacket {
        BroadcastPacket(namespace: "/", event: "ev", data: try .event("ev", SocketData([1, 2]), "é"))
    }

    private func roundTrip(
        _ content: ClusterMessage.Content, _ format: ClusterWireFormat
    ) throws -> ClusterMessage {
        let bytes = try format.encode(ClusterMessage(namespace: "/", sender: "me", number: 7, content))
        let message = try ClusterWireFormat.decode(bytes, limits: MessagePackLimits())
        #expect(message.namespace == "/" && message.sender == "me" && message.number == 7)
        return message
    }

    @Test("broadcasts come back as they were", arguments: ClusterWireFormat.allCases, [nil, "request"])
    func broadcasts(format: ClusterWireFormat, requestID: String?) throws {
        let packet = try packet()
        let content: ClusterMessage.Content =
            requestID.map { .acknowledgedBroadcast(requestID: $0, packet, Self.options) }
            ?? .broadcast(packet, Self.options)
        switch try roundTrip(content, format).content {
        case .broadcast(let found, let options):
            #expect(requestID == nil && options == Self.options && found.event == "ev")
            #expect(try found.arguments().values == [.binary([1, 2]), "é"])
        case .acknowledgedBroadcast(let id, let found, let options):
            #expect(id == requestID && options == Self.options && found.event == "ev")
            #expect(try found.arguments().values == [.binary([1, 2]), "é"])
        default: Issue.record("another message")
        }
    }

    @Test("as JSON, a broadcast is written as Node's adapters do")
    func json() throws {
        let packet = BroadcastPacket(namespace: "/chat", event: "ev", data: try .event("ev", 1))
        let message = ClusterMessage(
            namespace: "/chat", sender: "me", .broadcast(packet, BroadcastOptions(rooms: ["a"])))
        #expect(
            String(buffer: try ClusterWireFormat.json.encode(message))
                == #"{"uid":"me","nsp":"/chat","type":3,"data":{"packet":{"type":2,"data":["ev",1],"nsp":"/chat"},"#
                + #""opts":{"rooms":["a"],"except":[],"flags":{}}}}"#)
    }

    @Test("requests and responses come back as they were", arguments: ClusterWireFormat.allCases)
    func requests(format: ClusterWireFormat) throws {
        var request = ClusterRequest(
            uid: "me", requestID: "id", type: .remoteFetch, opts: BroadcastOptions(rooms: ["a"], except: ["b"]))
        guard case .request(let found) = try roundTrip(.request(request), format).content else {
            throw TestFailure("another message")
        }
        #expect(found.type == request.type && found.requestId == "id" && found.uid == "me")
        #expect(found.opts?.options.rooms == ["a"] && found.opts?.options.except == ["b"])
        for type: ClusterRequestType in [.sockets, .allRooms, .remoteJoin, .remoteLeave, .remoteDisconnect] {
            request = ClusterRequest(
                uid: "me", requestID: "id", type: type, opts: BroadcastOptions(), rooms: ["r"], close: true)
            guard case .request(let found) = try roundTrip(.request(request), format).content else {
                throw TestFailure("another message")
            }
            #expect(found.type == type.rawValue && found.rooms?.names == ["r"] && found.close == true)
        }
        var response = ClusterResponse(requestID: "id", type: .broadcastAck, uid: "me")
        response.packet = RawJSON(validated: ByteBuffer(string: "null"), attachments: [])
        response.sid = "socket"
        guard case .response(let answer) = try roundTrip(.response(response), format).content else {
            throw TestFailure("another message")
        }
        // An argument that is null is not the same as none.
        #expect(answer.packet?.json == "null" && answer.sid == "socket" && answer.type == response.type)
        response.packet = nil
        guard case .response(let empty) = try roundTrip(.response(response), format).content else {
            throw TestFailure("another message")
        }
        #expect(empty.packet == nil)
    }

    @Test(
        "what servers tell each other keeps every byte, which is what they sign", arguments: ClusterWireFormat.allCases)
    func peers(format: ClusterWireFormat) throws {
        let text = ByteBuffer(string: #"{"a":"\u00e9\n\"","b":1.50}"#)
        guard case .peer(let found, true) = try roundTrip(.peer(text, isForOne: true), format).content else {
            throw TestFailure("another message")
        }
        #expect(found == text)
    }

    @Test(
        "what is no message is refused",
        arguments: [
            "", "{", "{}", "[1]", "\u{83}", #"{"uid":"a","nsp":"/","type":3}"#,
            #"{"uid":"a","nsp":"/","type":99,"data":{}}"#,
            #"{"uid":"a","nsp":"/","type":3,"data":{"packet":{"data":[]},"opts":{}}}"#,
            #"{"uid":"a","nsp":"/","type":3,"data":{"packet":{"data":["e"],"nsp":"/b"},"opts":{}}}"#,
            #"{"uid":"a","nsp":"/","type":8,"data":{}}"#, #"{"uid":"a","nsp":"/","type":67,"data":{}}"#,
        ])
    func refused(text: String) {
        #expect(throws: (any Error).self) {
            try ClusterWireFormat.decode(ByteBuffer(string: text), limits: MessagePackLimits())
        }
    }

    @Test("limits hold: bytes, rooms, names, nesting")
    func limits() throws {
        var configuration = ClusterConfiguration()
        configuration.maxMessageBytes = 65_536
        #expect(throws: ClusterError.self) {
            try ClusterWireFormat.decode(ByteBuffer(repeating: 0x20, count: 65_537), limits: configuration)
        }
        for (rooms, isAllowed) in [
            (MessagePackLimits().maximumRooms, true), (MessagePackLimits().maximumRooms + 1, false),
        ] {
            let names = (0..<rooms).map(String.init)
            let message = ClusterMessage(
                namespace: "/", sender: "a", .broadcast(try packet(), BroadcastOptions(rooms: names)))
            for format in ClusterWireFormat.allCases {
                let bytes = try format.encode(message)
                let message = try? ClusterWireFormat.decode(bytes, limits: MessagePackLimits())
                #expect((message != nil) == isAllowed)
            }
        }
        let name = String(repeating: "u", count: PacketWireFormat.maximumIDBytes + 1)
        let bytes = try ClusterWireFormat.json.encode(
            ClusterMessage(namespace: "/", sender: name, .peer(ByteBuffer(string: "{}"), isForOne: false)))
        #expect(throws: WireFormatError.self) { try ClusterWireFormat.decode(bytes, limits: MessagePackLimits()) }
    }
}
