// Part of socketio-server, MIT licence; see LICENSE.

/// What a jitter run does: members of a room lose their links and return, while numbered messages are sent to the room.
struct JitterPlan: Sendable {
    var targets: [LoadTarget]
    var members = 20
    /// Messages per second.
    var rate = 20.0
    /// The mean time between two losses of one link, in nanoseconds; each is 0.5 to 1.5 times that.
    var cutEvery: UInt64 = 4_000_000_000
    /// Whether all links are cut at the same moment, every ``cutEvery``.
    var cutsTogether = false
    /// How long a member stays away, in nanoseconds.
    var away: UInt64 = 1_500_000_000
    /// Whether members return to the target they were at.
    var staysAtTarget = false
    /// Whether the old connection is left open and silent, so that the server does not notice the loss.
    var isSilent = false
    var duration: UInt64 = 30_000_000_000
    /// The longest wait for what is on its way at the end.
    var drain: UInt64 = 15_000_000_000
    var connectTimeout: UInt64 = 15_000_000_000
    /// How long a return may take; nil for any time.
    var returnWithin: UInt64?
    var events = EventNames()
    var namespace = "/"
    var auth = ""
    var headers: [String] = []
    var tag = String(UInt32.random(in: 0...UInt32.max), radix: 36)

    var room: String { "jitter-\(tag)" }
    var namespacePrefix: String { namespace == "/" ? "" : "\(namespace)," }

    func check() throws(LoadFailure) {
        func require(_ condition: Bool, _ text: String) throws(LoadFailure) {
            if !condition { throw LoadFailure(text) }
        }
        try require(!targets.isEmpty, "--target is missing")
        try require((1...20_000).contains(members), "--members must be 1 to 20000")
        try require(rate > 0 && rate <= 10_000, "--rate must be above 0 and at most 10000")
        try require(cutEvery >= 10_000_000, "--cut-every must be at least 10ms")
        try require(duration >= 100_000_000, "--duration must be at least 100ms")
        try require(connectTimeout >= 1_000_000, "--connect-timeout must be at least 1ms")
        try require(
            namespace.hasPrefix("/") && !namespace.contains(","), "--namespace must begin with /, without a comma")
        try require(auth.isEmpty || auth.hasPrefix("{") && auth.hasSuffix("}"), "--auth must be a JSON object")
        for header in headers {
            let isLine = !header.utf8.contains { $0 < 0x20 || $0 == 0x7F }
            try require(header.contains(":") && isLine, "--header \(header): must be \"Name: value\" on one line")
        }
    }
}
