// Part of socketio-server, MIT licence; see LICENSE.

import NIOHTTP1
import SocketIOTesting
import Testing

@testable import EngineIOServer

/// Headers and cookies as Node shows them.
@Suite("Headers of the handshake")
struct HandshakeHeaderTests {
    private func info(_ headers: HTTPHeaders) -> HandshakeInfo {
        HandshakeInfo(method: "GET", url: "/", headers: headers, remoteAddress: "", isSecure: false, time: 0)
    }

    @Test("repeated headers: cookies, those of which there is one, the others, set-cookie")
    func repeated() {
        let headers: HTTPHeaders = [
            "Cookie": "a=1", "X-Other": "1", "User-Agent": "first", "COOKIE": "b=2; c=3", "x-other": "2",
            "user-agent": "second", "Set-Cookie": "x=1", "set-cookie": "y=2", "Host": "h",
        ]
        let info = info(headers)
        #expect(info.header("cookie") == "a=1; b=2; c=3")
        #expect(info.header("X-OTHER") == "1, 2")
        #expect(info.header("User-Agent") == "first")
        #expect(info.header("missing") == nil)
        let fields = HandshakeInfo.fields(headers)
        #expect(fields.map(\.name) == ["cookie", "x-other", "user-agent", "set-cookie", "host"])
        #expect(
            fields.map(\.value) == [
                .one("a=1; b=2; c=3"), .one("1, 2"), .one("first"), .list(["x=1", "y=2"]), .one("h"),
            ])
    }

    @Test("cookies")
    func cookies() {
        let info = info([
            "Cookie": "io=abc; empty=; quoted=\"a b\"; encoded=%C3%A9%20x; bad=%zz%41; latin=%E9; a=1",
            "cookie": " a=2;b = c=d ;none",
        ])
        #expect(info.cookie("io") == "abc")
        #expect(info.cookie("empty") == "")
        #expect(info.cookie("quoted") == "a b")
        #expect(info.cookie("encoded") == "é x")
        #expect(info.cookie("bad") == "%zz%41")
        #expect(info.cookie("latin") == "%E9")
        #expect(info.cookie("a") == "1")
        #expect(info.cookie("b") == "c=d")
        #expect(info.cookie("none") == nil)
        #expect(info.cookies.count == 8)
        #expect(self.info([:]).cookies.count == 0)
    }
}
