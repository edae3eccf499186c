// Part of socketio-server, MIT licence; see LICENSE.

internal import NIOCore
internal import SocketIOCluster
internal import SocketIOServer
internal import SocketIOTesting
internal import Synchronization
internal import Testing

/// Counts what is broadcast, and adds the number to every event; does everything else as the adapter that it is made around.
final class CountingAdapter: AdapterSPI.ForwardingAdapter {
    let base: any Adapter
    private let count = Atomic(0)

    init(around base: any Adapter) { self.base = base }

    var broadcasts: Int { count.load(ordering: .relaxed) }

    func broadcast(_ packet: AdapterSPI.BroadcastPacket, options: BroadcastOptions) {
        let number = count.wrappingAdd(1, ordering: .relaxed).newValue
        do {
            let values = try packet.arguments().values + [.int(Int64(number))]
            base.broadcast(
                try AdapterSPI.BroadcastPacket(namespace: packet.namespace, event: packet.event, arguments: values),
                options: options)
        } catch {
            base.broadcast(packet, options: options)
        }
    }
}

@Suite("Adapters of other people", .serialized)
struct ForwardingAdapterTests {
    /// Changes nothing.
    private final class PlainAdapter: AdapterSPI.ForwardingAdapter {
        let base: any Adapter

        init(around base: any Adapter) { self.base = base }
    }

    @Test("around the memory adapter everything works", arguments: AdapterContract.checks(for: 1))
    func memory(check: AdapterContract.Check) async throws {
        try await check.run(
            AdapterUnderTest(servers: 1) { _, configuration in
                configuration.adapter = { PlainAdapter(around: $0.local) }
            })
    }

    @Test("around that of a cluster everything works", arguments: AdapterContract.checks(for: 2))
    func cluster(check: AdapterContract.Check) async throws {
        let network = LoopbackNetwork()
        try await check.run(
            AdapterUnderTest(servers: 2) { _, configuration in
                let cluster = try Cluster(transport: network.transport())
                configuration.adapter = { PlainAdapter(around: cluster.adapter($0)) }
            })
    }

    @Test("an adapter changes what it wants to")
    func changed() async throws {
        var configuration = ServerConfiguration()
        configuration.adapter = { CountingAdapter(around: $0.local) }
        let io = Server(configuration: configuration)
        let port = try #require(try await io.listen()?.port)
        let socket = try await SocketTestClient.connect(to: ServerAddress(port: port)).join()
        io.emit("event", SocketData([1]), "text")
        io.to(socket.id).emit("event")
        #expect(try await socket.events.next() == TestEvent("event", .binary([1]), "text", 1))
        #expect(try await socket.events.next() == TestEvent("event", 2))
        #expect((io.adapter as? CountingAdapter)?.broadcasts == 2)
        await io.close()
    }

    @Test("packets and arguments are made of values and of bytes, and of nothing else")
    func bytes() throws {
        let packet = try AdapterSPI.BroadcastPacket(namespace: "/", event: "event", 1, SocketData([1, 2]), "a")
        #expect(String(buffer: packet.json) == #"["event",1,{"_placeholder":true,"num":0},"a"]"#)
        #expect(packet.attachments == [ByteBuffer(bytes: [1, 2])])
        let again = try AdapterSPI.BroadcastPacket(
            namespace: "/", json: packet.json, attachments: packet.attachments)
        #expect(again.event == "event")
        #expect(try again.arguments().values == [1, .binary([1, 2]), "a"])

        let arguments = try EventArguments(1, "a", SocketData([3]))
        let (json, attachments) = try arguments.encoded()
        #expect(try EventArguments(json: json, attachments: attachments).values == arguments.values)
        #expect(try EventArguments(list: [1, 2]).values == [1, 2])
        #expect(try packet.arguments().encoded().attachments == packet.attachments)

        for text in ["", "{}", "[]", "[null]", "[[1]]", #"["event""#, #"["event",{"_placeholder":true,"num":1}]"#] {
            #expect(throws: (any Error).self, "\(text)") {
                try AdapterSPI.BroadcastPacket(
                    namespace: "/", json: ByteBuffer(string: text), attachments: [ByteBuffer(bytes: [1])])
            }
        }
        #expect(throws: SocketError.self) { try AdapterSPI.BroadcastPacket(namespace: "/", event: "disconnect") }
        #expect(throws: (any Error).self) { try EventArguments(json: ByteBuffer(string: "{}")) }
    }
}
