// Part of socketio-server, MIT licence; see LICENSE.

import NIOCore
import SocketIOCore
import SocketIOServer
import SocketIOTesting
import Testing

@testable import SocketIOCluster
@testable import SocketIORedis

/// Every recorded message is read and, written again from what was read, has the very same bytes.
@Suite("Recorded messages keep their bytes")
struct VectorFormatTests {
    /// Where the bytes differ, and why that is right.
    private static let exceptions: [String: String] = [
        "in-numeric-room": "rooms are text here",
        "compress-true": "a flag that says what is so anyway is not written",
        "date-seconds": "dates are text here", "date-millis": "dates are text here",
        "date-nested": "dates are text here",
        "date-epoch": "dates are text here", "date-before-1970": "dates are text here",
        "date-after-2106": "dates are text here", "date-after-2514": "dates are text here",
        "date-with-buffer": "dates are text here", "emitter-date-undefined": "dates are text here",
        "nan-inf": "JSON has no such numbers, so clients get null from everybody",
        "beyond-2-64": "notepack cuts such numbers to 64 bits, in more bytes than it needs",
        "sockets-join-numeric": "rooms are text here",
    ]

    private static let published = Vectors.lines.filter { $0.isPublish && $0.from != "raw" }

    @Test("there is something to test")
    func recording() {
        #expect(Vectors.lines.count == 496)
        #expect(Self.published.count > 280)
    }

    @Test("broadcasts")
    func broadcasts() throws {
        var same = 0
        for line in Self.published where line.disassembly.hasPrefix("fixarray(3)") {
            let payload = ByteBuffer(bytes: line.payload)
            let namespace = line.channel.contains("#/chat#") ? "/chat" : "/"
            let prefix = String(line.channel.prefix { $0 != "#" })
            let (packet, options) = try #require(
                try PubSubWireFormat.broadcast(payload, namespace: namespace, limits: MessagePackLimits()), "\(line.id)"
            )
            let channels = ChannelNames(prefix: prefix, namespace: namespace)
            #expect(channels.broadcast(to: options.rooms) == line.channel, "\(line.id)")
            let sender = try #require(PubSubWireFormat.sender(of: payload))
            #expect(line.disassembly.hasPrefix("fixarray(3)[fixstr\"\(sender)\""))
            let written = try PubSubWireFormat.broadcast(
                uid: sender, packet, options: options, style: sender == "emitter" ? .emitter : .adapter)
            guard Self.exceptions[line.name] == nil else {
                #expect(written != payload, "\(line.id) is no exception any more")
                continue
            }
            #expect(written == payload, "\(line.id) line \(line.number)")
            same += 1
        }
        #expect(same > 80)
    }

    @Test("requests and responses in MessagePack")
    func messagePack() throws {
        var count = 0
        for line in Self.published where !line.isJSON && line.disassembly.hasPrefix("fixmap") {
            let payload = ByteBuffer(bytes: line.payload)
            let written: ByteBuffer
            if line.channel.contains("-request#") {
                let request = try WireMessage.decode(ClusterRequest.self, payload, limits: MessagePackLimits())
                let data = try #require(request.packet?.data)
                var options = try #require(request.opts).options
                options.flags.expectsSingleResponse = line.disassembly.contains("expectSingleResponse")
                written = try PubSubWireFormat.acknowledgedBroadcast(
                    uid: request.uid ?? "", requestID: request.requestId ?? "",
                    BroadcastPacket(
                        namespace: request.packet?.nsp ?? "", event: "",
                        data: EncodedArguments(json: data.text, attachments: data.attachments)),
                    options: options)
            } else {
                let response = try WireMessage.decode(ClusterResponse.self, payload, limits: MessagePackLimits())
                #expect(response.type == 9)
                written = try PubSubWireFormat.acknowledgement(
                    requestID: response.requestId, response.packet, signature: nil)
            }
            #expect(written == payload, "\(line.id) line \(line.number)")
            count += 1
        }
        #expect(count > 60)
    }

    @Test("requests and responses in JSON")
    func json() throws {
        var count = 0
        for line in Self.published where line.isJSON {
            let payload = ByteBuffer(bytes: line.payload)
            let written: ByteBuffer
            if line.channel.contains("-request#") {
                written = try WireMessage.decode(ClusterRequest.self, payload, limits: MessagePackLimits()).text
            } else {
                let response = try WireMessage.decode(ClusterResponse.self, payload, limits: MessagePackLimits())
                written = try response.text
                // A room that is a number in Node comes back as text.
                if response.rooms != nil {
                    #expect(try TestValue(json: line.text)["rooms"] != nil)
                    count += 1
                    continue
                }
            }
            if Self.exceptions[line.name] != nil { continue }
            // The order of members counts too, so the text is compared.
            #expect(String(buffer: written) == line.text, "\(line.id) line \(line.number)")
            count += 1
        }
        #expect(count > 80)
    }

    @Test("subscriptions")
    func subscriptions() {
        for line in Vectors.lines where line.name == "startup" {
            guard case .array(let arguments)? = line.json["args"] else { continue }
            let names = arguments.compactMap(\.string)
            let prefix = line.configuration.contains("custom-key") ? "my:prefix" : "socket.io"
            let namespace = names[0].contains("#/chat#") ? "/chat" : "/"
            let channels = ChannelNames(prefix: prefix, namespace: namespace)
            if line.command == "PSUBSCRIBE" {
                #expect(names == [channels.pattern])
            } else {
                let uid = Vectors.uid(
                    line.configuration, node: String(line.from.prefix(1)), namespace: namespace)
                #expect(names == [channels.request, channels.response, channels.response(to: uid)])
            }
        }
    }

    @Test("channel names: rooms, foreign channels, patterns without meaning")
    func channels() {
        let channels = ChannelNames(prefix: "socket.io", namespace: "/a*b?[c]\\")
        #expect(channels.pattern == ##"socket.io#/a\*b\?\[c\]\\#*"##)
        let main = ChannelNames(prefix: "socket.io", namespace: "/")
        func room(_ channel: String) -> ChannelNames.Room { main.room(of: ByteBuffer(string: channel)) }
        #expect(room("socket.io#/#") == .none)
        #expect(room("socket.io#/#a#") == .room("a"))
        #expect(room("socket.io#/#a#b##") == .room("a#b#"))
        #expect(room("socket.io#/##") == .none)
        #expect(room("socket.io#/#a") == .foreign)
        #expect(room("socket.io#/chat#") == .foreign)
        #expect(room("") == .foreign)
        for name in ["", "a", "a#b#", "é😀", "42"] {
            let channel = main.broadcast(to: [name])
            var bytes = [UInt8](repeating: 0, count: main.broadcastLength(to: name))
            bytes.withUnsafeMutableBytes { main.writeBroadcast(to: name, into: $0) }
            #expect(bytes == Array(channel.utf8))
            #expect(room(channel) == (name.isEmpty ? .none : .room(name)))
        }
    }
}
