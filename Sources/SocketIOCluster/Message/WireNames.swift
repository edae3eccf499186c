// Part of socketio-server, MIT licence; see LICENSE.

internal import SocketIOCore

/// A list of rooms from another node, of which some entries may be no names.
///
/// What is no name matches no room. A list without a name in it never becomes the empty list, since that means everybody.
package struct WireNames: Sendable {
    package private(set) var names: [String] = []
    private var holdsOthers = false

    package init() {}

    package mutating func reserve(_ count: Int) { names.reserveCapacity(count) }

    /// Adds an entry; nil is one that is no name.
    package mutating func append(_ name: String?) {
        if let name { names.append(name) } else { holdsOthers = true }
    }

    /// The rooms to reach.
    package var recipients: [String] { names.isEmpty && holdsOthers ? [Self.nobody] : names }

    /// A room without members: nobody can join it without knowing its name, which never leaves this process.
    package static let nobody: String = {
        var generator = SystemRandomNumberGenerator()
        return "nobody " + (0..<3).map { _ in String(generator.next(), radix: 36) }.joined()
    }()
}
