// Part of socketio-server, MIT licence; see LICENSE.

/// A list of rooms from another node, in which some entries may not be valid names.
///
/// An entry that is not a name matches no room. A list without any name must not become the empty list, because that
/// selects all sockets.
package struct WireNames: Sendable {
    package private(set) var names: [String] = []
    private var holdsOthers = false

    package init() {}

    package mutating func reserve(_ count: Int) { names.reserveCapacity(count) }

    /// Adds an entry; nil stands for one that is not a name.
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
