// Part of socketio-server, MIT licence; see LICENSE.

internal import Testing

@testable internal import EngineIOServer

/// `Sec-WebSocket-Extensions` from the request to the 101 (RFC 6455, section 9.1; RFC 7692, section 7.1).
@Suite struct DeflateNegotiationTests {
    private static let answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

    @Test(arguments: [
        ("permessage-deflate", ""),
        ("permessage-deflate; client_max_window_bits", ""),
        ("permessage-deflate; client_max_window_bits=8", ""),
        ("permessage-deflate;client_no_context_takeover;server_no_context_takeover", ""),
        ("permessage-deflate; server_max_window_bits=15", "; server_max_window_bits=15"),
        ("permessage-deflate; server_max_window_bits=9", "; server_max_window_bits=9"),
        ("permessage-deflate; server_max_window_bits=\"10\"", "; server_max_window_bits=10"),
        ("permessage-deflate; server_max_window_bits=\"1\\0\"", "; server_max_window_bits=10"),
        ("permessage-deflate ; server_max_window_bits = 12 ", "; server_max_window_bits=12"),
        // The first that can be accepted wins.
        ("permessage-deflate; server_max_window_bits=8, permessage-deflate", ""),
        ("x-webkit-deflate-frame, permessage-deflate; server_max_window_bits=11", "; server_max_window_bits=11"),
        ("permessage-deflate; server_max_window_bits=10, permessage-deflate", "; server_max_window_bits=10"),
        (", ,permessage-deflate,", ""),
    ])
    func accepts(offer: String, window: String) throws {
        let offers = try #require(ExtensionOffer.parse([offer]))
        #expect(DeflateAgreement(offers)?.headerValue == Self.answer + window)
    }

    @Test(arguments: [
        "x-webkit-deflate-frame", "permessage-bzip2; level=3", "PERMESSAGE-DEFLATE",
        "permessage-deflate; unknown", "permessage-deflate; unknown=1",
        "permessage-deflate; server_no_context_takeover=1", "permessage-deflate; client_no_context_takeover=\"x\"",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
        "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
        "permessage-deflate; server_max_window_bits", "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits=7", "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=010", "permessage-deflate; server_max_window_bits=+10",
        "permessage-deflate; server_max_window_bits=99999999999999999999",
        "permessage-deflate; server_max_window_bits=1a", "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=16", "permessage-deflate; client_max_window_bits=08",
    ])
    func declines(offer: String) throws {
        #expect(DeflateAgreement(try #require(ExtensionOffer.parse([offer]))) == nil)
    }

    @Test(arguments: [
        "", " ", ",", "permessage-deflate;", "permessage-deflate; ;", ";", "=", "permessage-deflate; =1",
        "permessage-deflate; server_max_window_bits=", "permessage-deflate; server_max_window_bits=\"",
        "permessage-deflate; server_max_window_bits=\"10", "permessage-deflate; server_max_window_bits=\"\"",
        "permessage-deflate; server_max_window_bits=\"1 0\"", "permessage-deflate; server_max_window_bits=\"10\\",
        "permessage-deflate; server_max_window_bits=\"10\"x", "permessage deflate", "permessage-deflate x",
        "permessage-deflate; a b", "permessage-deflate; a=b c", "p/d", "permessage-deflate\u{7f}", "pér",
        "permessage-deflate, @",
    ])
    func refusesWhatIsNotWellFormed(header: String) {
        #expect(ExtensionOffer.parse([header]) == nil)
    }

    @Test func readsAllHeadersInOrder() {
        let offers = ExtensionOffer.parse(["a; x=1;y, b", "c;z=\"2\""])
        #expect(
            offers == [
                ExtensionOffer(name: "a", parameters: [.init(name: "x", value: "1"), .init(name: "y")]),
                ExtensionOffer(name: "b"), ExtensionOffer(name: "c", parameters: [.init(name: "z", value: "2")]),
            ])
        #expect(ExtensionOffer.parse(["a", ";"]) == nil)
    }

    /// Whatever a client writes, the parser comes to an end; what it accepts means the same when it is written down anew.
    @Test func survivesAnything() throws {
        var random = SystemRandomNumberGenerator()
        var accepted = 0
        let alphabet = Array("permessage-deflate;=,\"\\ \t0189_é".utf8)
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in alphabet.randomElement(using: &random)!
            }
            let text = String(decoding: bytes, as: UTF8.self)
            guard let offers = ExtensionOffer.parse([text]) else { continue }
            accepted += 1
            #expect(!offers.isEmpty, "\(text)")
            let again = offers.map { offer in
                offer.parameters.reduce(offer.name) { $0 + "; " + $1.name + ($1.value.map { "=" + $0 } ?? "") }
            }
            #expect(ExtensionOffer.parse([again.joined(separator: ", ")]) == offers, "\(text)")
            // Only an offer of the one extension there is can be agreed on.
            if DeflateAgreement(offers) != nil {
                #expect(offers.contains { $0.name == "permessage-deflate" }, "\(text)")
            }
        }
        #expect(accepted > 100)
    }
}
