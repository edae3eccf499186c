// Part of socketio-server, MIT licence; see LICENSE.

internal import EngineIOCore
internal import NIOHTTP1
internal import Testing

@testable import EngineIOServer

@Suite("Texts of a handshake")
struct PackedStringsTests {
    private func list(_ texts: [String]) -> PackedStrings {
        var builder = PackedStrings.Builder(bound: texts.reduce(0) { $0 + PackedStrings.bound(of: $1) })
        for text in texts { builder.append(text) }
        return builder.finish()
    }

    @Test(
        "every text comes back",
        arguments: [
            [], [""], ["", ""], ["a"], ["GET", "a", "GET"], ["é", "日本", "🙂", "GET", ""],
            ["Host", "host", "HOST", "Host "],
            ["e\u{301}", "\u{0}", "websocket", "x"], ["13", "130", "1"],
        ])
    func roundTrip(texts: [String]) {
        let list = list(texts)
        #expect(list.all.map { Array($0.utf8) } == texts.map { Array($0.utf8) })
        for (index, text) in texts.enumerated() { #expect(Array(list[index].utf8) == Array(text.utf8)) }
        #expect(list[texts.count] == "")
        #expect(list[1000] == "")
    }

    @Test("common texts have numbers, and each its own")
    func common() {
        var numbers: Set<UInt8> = []
        for number in UInt8.min...UInt8.max {
            guard let text = CommonHeaderStrings.text(number) else { continue }
            #expect(CommonHeaderStrings.isNumber(number))
            #expect(CommonHeaderStrings.number(of: text) == number, "\(text) is there once")
            numbers.insert(number)
        }
        #expect(numbers.count > 45)
        #expect(CommonHeaderStrings.number(of: "host") == nil)
        #expect(CommonHeaderStrings.number(of: "Höst") == nil)
        #expect(list(["GET", "Host", "127.0.0.1"]).all == ["GET", "Host", "127.0.0.1"])
        #expect(list(["Sec-WebSocket-Key"]).byteCount == 1)
        #expect(list(["Sec-WebSocket-Keys"]).byteCount == 19)
    }

    @Test("a handshake shows the request as it was sent")
    func handshake() {
        let headers: HTTPHeaders = [
            "Host": "example.org", "CONNECTION": "Upgrade", "upgrade": "websocket", "X-Empty": "", "X-Other": "ünï",
        ]
        let info = HandshakeInfo(
            method: "GET", url: "/socket.io/?EIO=4&transport=websocket", headers: headers, remoteAddress: "127.0.0.1",
            isSecure: false, time: 1)
        #expect(info.method == "GET")
        #expect(info.url == "/socket.io/?EIO=4&transport=websocket")
        #expect(info.remoteAddress == "127.0.0.1")
        #expect(info.headers.map { "\($0.name): \($0.value)" } == headers.map { "\($0.name): \($0.value)" })
        #expect(info.query == ["EIO": "4", "transport": "websocket"])
    }
}
