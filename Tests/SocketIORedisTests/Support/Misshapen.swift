// Part of socketio-server, MIT licence; see LICENSE.

/// Messages of other nodes with something wrong in them.
enum Misshapen {
    /// Messages of every kind by their members, which are JSON. None is about a socket that is there.
    static let messages: [[(key: String, value: String)]] = {
        let opts = #"{"rooms":["nobody"],"except":["x"],"flags":{"volatile":true,"compress":false,"timeout":5}}"#
        let head = [("uid", #""other""#), ("requestId", #""r1""#)]
        var all: [[(String, String)]] = [
            head + [("type", "0"), ("rooms", #"["nobody"]"#)], head + [("type", "1")],
            head + [("type", "2"), ("opts", opts), ("rooms", #"["a"]"#)],
            head + [("type", "3"), ("opts", opts), ("rooms", #"["a"]"#)],
            head + [("type", "4"), ("opts", opts), ("close", "true")],
            [("requestId", #""r1""#), ("type", "4"), ("sid", #""nobody""#), ("close", "true")],
            [("requestId", #""r1""#), ("type", "2"), ("sid", #""nobody""#), ("room", #""a""#)],
            head + [("type", "5"), ("opts", opts)], head + [("type", "6"), ("data", #"["ev",1,{"a":[2]}]"#)],
            head + [("type", "7"), ("packet", #"{"type":2,"data":["ev"],"nsp":"/"}"#), ("opts", opts)],
            head + [("type", "8"), ("clientCount", "3")], head + [("type", "9"), ("packet", #"["x"]"#)],
            [("requestId", #""r1""#), ("sockets", #"["a"]"#), ("rooms", #"["b"]"#), ("uid", #""other""#)],
            [
                ("requestId", #""r1""#), ("type", "9"), ("packet", #"["x"]"#), ("uid", #""other""#), ("sid", #""s""#),
                ("gone", "true"),
            ],
        ]
        for kind in ["alive", "goodbye", "ask", "answer", "echo"] {
            all.append([
                ("type", "\"\(kind)\""), ("node", #""stranger""#), ("tag", #""strg""#), ("uids", #"{"/":"other"}"#),
                ("version", #""1""#), ("startedAt", "1"), ("draining", "false"), ("address", #""a:1""#),
                ("sessions", "1"), ("sockets", "2"), ("published", #"{"/":3}"#), ("hello", "true"),
                ("partial", "false"), ("id", #""r1""#), ("nsp", #""/""#), ("what", #""count""#), ("opts", opts),
                ("count", "1"), ("rooms", #"{"a":1}"#), ("number", "1"),
            ])
        }
        return all.map { $0.map { (key: $0.0, value: $0.1) } }
    }()

    /// What may stand where something else belongs.
    static let misfits = [
        "null", "true", "0", "-1", "1.5", "-9223372036854775808", "9223372036854775807", "18446744073709551615",
        "1e308", #""""#, #""text""#, #""\ud800""#, "[5]", "[[]]", #"[{"a":null}]"#, #"{"a":1}"#,
        String(repeating: "[", count: 200) + String(repeating: "]", count: 200),
        "\"" + String(repeating: "x", count: 70_000) + "\"",
    ]

    static func json(_ members: [(key: String, value: String)]) -> String {
        "{" + members.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
    }

    static func broadcast(_ parts: [String]) -> String { "[\(parts.joined(separator: ","))]" }

    /// Every message with every member replaced by everything, or missing.
    static func all() -> [String] {
        var all: [String] = []
        for message in messages {
            all.append(json(message))
            for index in message.indices {
                var changed = message
                changed.remove(at: index)
                all.append(json(changed))
                for misfit in misfits {
                    changed = message
                    changed[index].value = misfit
                    all.append(json(changed))
                }
            }
        }
        let whole = [
            [#""other""#], [#"{"type":2,"data":["ev",1],"nsp":"/"}"#, #"{"type":2,"data":["ev"]}"#],
            [#"{"rooms":["nobody"],"except":["a"],"flags":{"timeout":1}}"#],
        ]
        for index in whole.indices {
            let packets = misfits.flatMap { [$0, #"{"data":\#($0)}"#, #"{"data":["ev"],"nsp":\#($0)}"#] }
            let options = misfits.flatMap {
                [
                    $0, #"{"rooms":\#($0)}"#, #"{"except":\#($0)}"#, #"{"flags":\#($0)}"#,
                    #"{"flags":{"timeout":\#($0)}}"#,
                ]
            }
            for part in [misfits, packets, options][index] + whole[index] {
                var parts = whole.map { $0[0] }
                parts[index] = part
                all.append(broadcast(parts))
                // Without options it would reach everybody, and the test client takes no event whose name is a number.
                guard index != 1 || part != #"{"data":[5]}"# else { continue }
                all.append(broadcast(Array(parts.prefix(index + 1))))
            }
        }
        return all
    }
}
